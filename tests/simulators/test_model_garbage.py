"""The corpus of garbage answers: complete, deliverable through the SDK, and named as its own rules demand."""

import asyncio
import json
from collections import Counter

import anthropic
import pytest

from simulators.messages import MessagesSimulator
from simulators.messages_schema import misfit
from tests.payloads.model_garbage.load import Case, cases
from tests.simulators.messages_kit import client_of, obj, request

KNOWN_STOPS = {
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
}
REMIND = obj(tool={"const": "remind"}, args=obj(text={"type": "string"}, when={"type": "string"}))
STEP = obj(
    intent={"enum": ["reply", "call_tool"]},
    message={"type": "string"},
    confidence={"type": "number"},
    proposed_action={"anyOf": [{"type": "null"}, REMIND]},
)
# They have the right shape; only rules beyond a JSON Schema of the API's subset call them garbage.
BEYOND_THE_SCHEMA = {
    "confidence_above_one",
    "negative_confidence",
    "empty_reply",
    "blank_reply",
    "reply_with_an_action",
    "call_without_an_action",
    "five_megabytes_of_reply",
    "five_megabytes_of_argument",
    "half_surrogate",
    "overflowing_confidence",
    "step_and_tool_use",
}


def test_there_are_enough_cases_of_every_kind_and_each_has_its_name():
    kinds = Counter(case.expect for case in cases())

    assert len({case.name for case in cases()}) == len(cases()) >= 100
    assert set(kinds) == {"invalid", "unavailable", "refusal", "too_large", "ok"}
    assert min(kinds.values()) >= 3


async def ask(case: Case):
    """What the SDK makes of a case: a message, something else, or an exception."""
    async with MessagesSimulator([case.reply]) as sim, client_of(sim) as client:
        try:
            answer = await asyncio.wait_for(client.messages.create(**request()), 10)
        except (anthropic.AnthropicError, ValueError, RecursionError) as error:  # broken JSON comes bare
            answer = error
        assert len(sim.requests) == 1
        return answer


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_a_case_is_what_its_kind_says(case):
    answer = await ask(case)

    match case.expect:
        case "unavailable":
            assert getattr(answer, "stop_reason", None) not in KNOWN_STOPS or not has_blocks(answer)
        case "too_large" if isinstance(answer, anthropic.APIStatusError):
            assert answer.status_code == 413 or "prompt is too long" in answer.message
        case "too_large":
            assert answer.stop_reason == "model_context_window_exceeded"
        case "refusal":
            assert answer.stop_reason == "refusal"
        case "invalid":
            assert answer.stop_reason in KNOWN_STOPS
            assert case.name in BEYOND_THE_SCHEMA or why_no_step(answer)
        case "ok":
            assert why_no_step(answer) is None


def has_blocks(answer):
    return isinstance(answer.content, list) and all(answer.content)


def why_no_step(answer):
    """Judge by the wire alone, independently of the bot."""
    texts = [block.text for block in answer.content if block.type == "text"]
    if len(texts) != 1 or not isinstance(texts[0], str):
        return "not one text"
    try:
        step = json.loads(texts[0], object_pairs_hook=no_twins, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        return repr(error)
    return misfit(step, STEP)


def no_twins(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def no_constant(name):
    raise ValueError(name)
