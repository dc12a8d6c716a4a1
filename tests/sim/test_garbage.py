"""Every garbage answer of tests/payloads/model_garbage, through the whole bot: the loop, the real SDK, real sockets."""

import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from agents.assistant import assistant
from bot import events as ev
from bot.fold import fold_all
from bot.model import AnthropicModel
from bot.secrets import Redactor, Secret
from bot.testing import Bot, open_test_bot
from bot.thread import Thread
from bot.tools import Tool, ToolContext
from simulators.messages import MessagesSimulator
from tests.payloads.model_garbage.load import Case, cases
from tests.sim.ground import fast_folder

KEY = Secret("sk-canary-0123456789")
LEAKS = re.compile(r"Traceback|File \"|/\w+/\w+/|\w\.py\b|sk-canary|\b0x[0-9a-f]{6}|pydantic|Error\(")

MILDER = {"half_surrogate", "paused"}  # half a character is replaced, a paused answer is asked for again
CUT = {"cut_in_the_answer", "broken_json_200"}  # what they cost did not arrive

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.prove]


@dataclass(slots=True)
class Ground:
    """One bot for all cases, each in a conversation of its own; `ran` are the tools that ran by accident."""

    bot: Bot
    simulator: MessagesSimulator
    ran: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground() -> AsyncIterator[Ground]:
    ran: list[str] = []
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        async with MessagesSimulator([], strict=False) as simulator:
            model = AnthropicModel(
                "claude-sonnet-5-5", api_key=KEY, base_url=simulator.base_url, clean=Redactor([KEY])
            )
            async with open_test_bot(Path(folder), tools=watched(ran), model=model) as bot:
                yield Ground(bot, simulator, ran)
            await model.aclose()


def watched(ran: list[str]) -> list[Tool]:
    """The assistant's tools; to run one is an accident."""

    async def run(args: object, ctx: ToolContext) -> str:
        ran.append(ctx.call_id)
        return "it ran"

    return [replace(each, run=run) for each in assistant.tools]


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_garbage_runs_no_tool_leaks_nothing_and_ends_where_people_see_it(case: Case, ground: Ground):
    bot, simulator = ground.bot, ground.simulator
    simulator.script.clear()
    simulator.script.add(case.reply, case.reply)
    sent_before = len(bot.texts)

    received = await bot.say("please do what I asked", conversation=case.name)
    await bot.settle()

    log = await bot.log(received.thread_id)
    thread = fold_all(Thread(received.thread_id), log)
    assert ground.ran == []
    assert thread.turn is None
    ended = next(event.data for event in reversed(log) if isinstance(event.data, ev.TurnEnded))
    assert ended.reply or any(timer.purpose == "retry" for timer in thread.timers.values())
    assert ended.reply or ended.reason
    for text in (*bot.texts[sent_before:], ended.reason):
        assert not LEAKS.search(text), text
    if case.expect == "invalid" and case.name not in MILDER:
        assert ended.outcome == "failed"
        assert sum(isinstance(event.data, ev.ModelAnswered) for event in log) == 2
    assert case.name in CUT or _is_counted(simulator, log)


def _is_counted(simulator: MessagesSimulator, log: tuple[ev.Event, ...]) -> bool:
    """Tokens of failed calls are counted too, wherever the answer says how many they were."""
    answered = [event.data for event in log if isinstance(event.data, ev.ModelAnswered)]
    replies = [call.reply for call in simulator.requests[-len(answered) :]]
    return all(
        answer.usage.output == tokens
        for answer, reply in zip(answered, replies, strict=True)
        if (tokens := _output_tokens(reply)) > 0
    )


def _output_tokens(reply: object) -> int:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int else 0
