"""Every answer of tests/payloads/model_garbage, through the real SDK over a real socket."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from agents.assistant import assistant
from bot.model import AnthropicModel
from bot.secrets import Secret
from bot.step import parse_step
from simulators.messages import MessagesSimulator
from tests.payloads.model_garbage.load import Case, cases

BODY = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
}
# Where we are milder: half a character is replaced, and a paused answer is asked for again.
OURS = {"half_surrogate": "ok", "paused": "unavailable"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[MessagesSimulator]:
    async with MessagesSimulator([], strict=False) as sim:
        yield sim


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(simulator: MessagesSimulator) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel("claude-sonnet-5-5", api_key=Secret("test-key-1234"), base_url=simulator.base_url)
    yield model
    await model.aclose()


@pytest.mark.parametrize("structured", [True, False], ids=["structured", "plain"])
@pytest.mark.parametrize("case", cases(), ids=str)
async def test_garbage_becomes_a_failure_and_nothing_else(
    case: Case, structured: bool, simulator: MessagesSimulator, model: AnthropicModel
):
    simulator.calls.clear()
    simulator.script.clear()
    simulator.script.add(case.reply)

    answered = await model.ask(BODY, partial(parse_step, calls=assistant.calls, structured=structured))

    expected = OURS.get(case.name, case.expect if structured else case.expect_plain)
    assert (answered.failure.kind if answered.failure else "ok") == expected, answered.failure
    assert (answered.step is None) == (answered.failure is not None)
    assert answered.step is None or answered.step.proposed_action is None
    if answered.failure:
        assert len(answered.failure.message) <= 300
        assert answered.failure.message.isprintable()
    assert len(simulator.requests) == 1
