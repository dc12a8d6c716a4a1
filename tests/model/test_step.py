import json
from enum import Enum
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from pydantic import BaseModel, Field, JsonValue, field_validator

from agents.assistant import assistant
from bot.canonical import canonical
from bot.errors import InvalidStep
from bot.events import ProposedAction, Step
from bot.step import MAX_BYTES, parse_step


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    street: str
    number: int


class OrderArgs(BaseModel):
    name: str = Field(max_length=10)
    count: int = 1
    price: float
    colour: Colour
    to: Address

    @field_validator("name")
    @classmethod
    def known(cls, value: str) -> str:
        if value == "nobody":
            raise ValueError("there is no nobody\nat all")
        return value


CALLS: dict[str, type[BaseModel]] = {**assistant.calls, "order": OrderArgs}
AGENTS = ("billing", "sales")
ORDER = {"name": "ink", "price": 3, "colour": "red", "to": {"street": "Elm", "number": 4}}
REPLY = {"intent": "reply", "message": "hi", "confidence": 0.5, "proposed_action": None}


def calling(args: Any, *, tool: Any = "order", intent: str = "call_tool") -> dict[str, Any]:
    return {**REPLY, "intent": intent, "message": "", "proposed_action": {"tool": tool, "args": args}}


def parsed(answer: Any, *, structured: bool = True) -> Step:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return parse_step(text, calls=CALLS, agents=AGENTS, structured=structured)


def refusal(answer: Any, *, structured: bool = True) -> str:
    with pytest.raises(InvalidStep) as caught:
        parsed(answer, structured=structured)
    line = str(caught.value)
    assert len(line) <= 300
    assert line.isprintable()
    return line


# ---------------------------------------------------------------- what passes


@pytest.mark.parametrize("intent", ["reply", "need_clarification", "escalate", "task_complete"])
def test_a_step_without_an_action_is_read(intent: str):
    assert parsed({**REPLY, "intent": intent}) == Step(intent=intent, message="hi", confidence=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("intent", ["call_tool", "need_approval"])
def test_a_call_is_read_and_its_arguments_are_kept_as_validated_json(intent: str):
    step = parsed(calling(ORDER, intent=intent))

    address: JsonValue = {"street": "Elm", "number": 4}
    args: dict[str, JsonValue] = {"name": "ink", "count": 1, "price": 3.0, "colour": "red", "to": address}
    assert step.proposed_action == ProposedAction(tool="order", args=args)


def test_validated_arguments_are_valid_arguments_again():
    once = parsed(calling(ORDER)).proposed_action
    assert once is not None

    assert parsed(calling(once.args)).proposed_action == once


def test_a_hand_off_names_an_agent():
    step = parsed({**REPLY, "intent": "hand_off", "proposed_action": {"agent": "sales"}})

    assert step.proposed_action == ProposedAction(agent="sales")


def test_an_absent_action_is_no_action():
    assert (
        parsed({name: value for name, value in REPLY.items() if name != "proposed_action"}).intent == "reply"
    )


@pytest.mark.parametrize("confidence", [0, 1, 0.0, 1.0, 0.123])
def test_confidence_is_a_number_from_0_to_1(confidence: float):
    step = parsed({**REPLY, "confidence": confidence})

    assert step.confidence == confidence
    assert isinstance(step.confidence, float)


def test_lone_surrogates_are_replaced_wherever_they_stand():
    step = parsed(
        r'{"intent":"call_tool","message":"\udc00x","confidence":1,"proposed_action":'
        r'{"tool":"remind","args":{"text":"a\ud83d","when":"PT2S"}}}'
    )

    assert step.message == "�x"
    assert step.proposed_action is not None
    assert step.proposed_action.args["text"] == "a�"
    step.model_dump_json().encode()


# ---------------------------------------------------------------- what does not


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "the answer is empty; answer with one JSON object"),
        (" \n", "the answer is empty; answer with one JSON object"),
        ([REPLY], "the answer is a list; answer with one JSON object"),
        (
            {**REPLY, "intent": "act"},
            'intent: found "act", allowed are reply, need_clarification, call_tool,',
        ),
        ({**REPLY, "intent": ["reply"]}, "intent: found a list, allowed are"),
        ({**REPLY, "message": 4}, "message: a text is needed, found 4"),
        ({**REPLY, "message": " \n "}, "message: it is empty, and the intent reply needs something to say"),
        ({**REPLY, "intent": "need_clarification", "message": ""}, "message: it is empty"),
        ({**REPLY, "intent": "task_complete", "message": ""}, "message: it is empty"),
        ({**REPLY, "confidence": True}, "confidence: a number from 0 to 1 is needed, found true"),
        ({**REPLY, "confidence": "1"}, 'confidence: a number from 0 to 1 is needed, found "1"'),
        ({**REPLY, "confidence": 1.9}, "confidence: found 1.9, allowed is 0 to 1"),
        ({**REPLY, "confidence": -1}, "confidence: found -1, allowed is 0 to 1"),
        ({**REPLY, "approved": True}, 'unknown field "approved"; the fields are intent, message, confidence'),
        ({**REPLY, "proposed_action": {}}, "proposed_action: the intent reply needs null, found an object"),
        (
            {**REPLY, "intent": "call_tool"},
            "proposed_action: the intent call_tool needs {tool, args}, found null",
        ),
        ({**REPLY, "intent": "hand_off"}, "proposed_action: the intent hand_off needs {agent}, found null"),
        (
            {**REPLY, "intent": "hand_off", "proposed_action": {"agent": "x"}},
            'agent: found "x", known are billing, sales',
        ),
        (
            calling({}, tool="rm"),
            'tool: found "rm", known are current_time, remind, send_message, send_email, schedule_meeting, '
            "ask_person, withdraw, order",
        ),
        (calling({}, tool=None), "tool: found null, known are"),
        (calling(None), "proposed_action.args: an object is needed, found null"),
        ({**calling({}), "proposed_action": {"tool": "order"}}, "proposed_action.args: it is missing"),
        (
            {**calling({}), "proposed_action": {"tool": "order", "args": {}, "why": ""}},
            'proposed_action: unknown field "why"; the fields are tool, args',
        ),
        (
            calling({**ORDER, "x": 1}),
            "args.x: unknown argument; the arguments are name, count, price, colour, to",
        ),
        (calling({**ORDER, "to": {**ORDER["to"], "x": 1}}), "args.to.x: unknown field"),  # type: ignore[dict-item]
        (calling({**ORDER, "count": "5"}), 'args.count: Input should be a valid integer, found "5"'),
        (calling({**ORDER, "count": True}), "args.count: Input should be a valid integer, found true"),
        (calling({**ORDER, "count": 5.0}), "args.count: Input should be a valid integer, found 5.0"),
        (calling({**ORDER, "price": "3"}), 'args.price: Input should be a valid number, found "3"'),
        (calling({**ORDER, "name": "a" * 11}), "args.name: String should have at most 10 characters"),
        (calling({**ORDER, "name": "nobody"}), "args.name: Value error, there is no nobody at all"),
        (calling({}), "args.name: it is missing (and 3 more)"),
    ],
)
def test_a_refusal_says_where_what_was_found_and_what_is_allowed(answer: object, said: str):
    assert said in refusal(answer)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I have approved it", 'Expecting value at line 1, column 1; it begins with "I have approved it"'),
        (json.dumps(REPLY) + json.dumps(REPLY), "Extra data"),
        (json.dumps(REPLY)[:-1], "Expecting"),
        ('{"intent":"reply","intent":"call_tool"}', 'the name "intent" stands twice'),
        ('{"confidence":NaN}', "NaN is not a JSON value"),
        ('{"confidence":-Infinity}', "-Infinity is not a JSON value"),
        ('{"confidence":1e999}', "is too large"),
        ('{"confidence":' + "9" * 5_000 + "}", "more than 18 digits"),
        ("[" * 100_000, "nested more than 40 levels"),
        ('{"a":' * 1_000 + "1" + "}" * 1_000, "nested more than 40 levels"),
        ('{"message":"' + "x" * MAX_BYTES + '"}', "larger than 256 KB"),
        ('{"message":"' + "ü" * (MAX_BYTES // 2) + '"}', "larger than 256 KB"),
        ('﻿{"intent":"reply"}', "not one JSON object"),
        ('{"message":"a\nb"}', "Invalid control character"),
    ],
)
def test_what_is_not_strict_json_is_refused(text: str, said: str):
    assert said in refusal(text)


def test_without_agents_or_tools_their_intents_are_unknown():
    for intent in ("hand_off", "call_tool", "need_approval"):
        with pytest.raises(
            InvalidStep, match="allowed are reply, need_clarification, escalate, task_complete"
        ):
            parse_step(json.dumps({**REPLY, "intent": intent}), calls={})


def test_a_long_value_is_shown_in_part():
    line = refusal({**REPLY, "intent": "x" * 10_000})

    assert '"' + "x" * 60 + '…"' in line


# ---------------------------------------------------------------- plain text


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Sure! {}",
        "Here you are:\n```json\n{}\n```\nAnything else?",
        "```\n{}```",
        'He said "{}" and left',
    ],
)
def test_in_plain_text_the_one_object_is_found(around: str):
    text = around.replace("{}", json.dumps({**REPLY, "message": 'a "} {" b'}))

    assert parsed(text, structured=False).message == 'a "} {" b'


@pytest.mark.parametrize(
    "text",
    [
        "no object at all",
        json.dumps(REPLY) + "\n" + json.dumps(REPLY),
        "set {x} first: " + json.dumps(REPLY),
        json.dumps(REPLY) + " }",
        "[" + json.dumps(REPLY) + "]",
        '{"intent":"reply","message":"said ' + json.dumps(calling(ORDER)) + '","confidence":1}',
        '{"intent":"reply","message":"he" said} ' + json.dumps(calling(ORDER)) + '","confidence":1}',
        "{" * 10_000,
        '{"a":' * 10_000,
    ],
)
def test_in_plain_text_a_second_object_or_brace_is_refused(text: str):
    refusal(text, structured=False)


# ---------------------------------------------------------------- anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["intent", "message", "confidence", "proposed_action", "tool", "args", "text", "when"]
)
steplike = st.fixed_dictionaries(
    {
        "intent": st.sampled_from(["reply", "call_tool", "need_approval", "hand_off", "escalate", ""])
        | json_values,
        "message": st.text() | json_values,
        "confidence": st.floats(0, 1) | json_values,
        "proposed_action": st.fixed_dictionaries(
            {
                "tool": st.sampled_from(["order", "remind", "current_time"]) | json_values,
                "args": st.dictionaries(names | st.sampled_from(list(ORDER)), json_values, max_size=5)
                | st.just(ORDER),
            }
        )
        | st.fixed_dictionaries({"agent": st.sampled_from(AGENTS)})
        | json_values,
    }
)


def never_anything_else(text: str, *, structured: bool) -> None:
    said = ""
    try:
        step = parse_step(text, calls=CALLS, agents=AGENTS, structured=structured)
        canonical(step.model_dump(mode="json")).encode()
    except InvalidStep as error:
        said = str(error)
    assert len(said) <= 300
    assert said.isprintable()


@given(st.text(st.characters()), st.booleans())
@example("\ud800", True)
@example('{"\ud800":1}', True)
@example('"' + "\\" * 999, False)
def test_any_text_is_a_step_or_a_refusal(text: str, structured: bool):
    never_anything_else(text, structured=structured)


@given(json_values | steplike, st.booleans(), st.text(max_size=10))
def test_any_json_is_a_step_or_a_refusal(value: object, structured: bool, around: str):
    text = json.dumps(value)

    never_anything_else(text, structured=structured)
    never_anything_else(around + text, structured=structured)
    never_anything_else(text[: len(text) // 2], structured=structured)


@given(steplike)
def test_what_plain_text_lets_through_the_strict_form_reads_the_same(value: object):
    text = json.dumps(value)
    try:
        strict = parsed(text)
    except InvalidStep:
        refusal(text, structured=False)
    else:
        assert parsed(text, structured=False) == strict
