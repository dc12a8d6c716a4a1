"""What goes into the database comes out the same."""

import json
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from bot.errors import BrokenEvent
from bot.events import TYPES, ModelAnswered, ProposedAction, Step, ToolStarted, TurnEnded
from bot.store.codec import LONG_TEXT, WITH_ARGUMENTS, Encoded, decode_rows, encode, plain_rows

LONG = "é" * LONG_TEXT

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.one_of(texts, st.sampled_from(["$text", "$", "$$", "$$text", "$x"]))
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts,
    st.sampled_from([LONG, "x" * LONG_TEXT, "x" * (LONG_TEXT + 1), '"$text"', "$"]),
)  # fmt: skip
trees = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=15,
)


def row(encoded: Encoded) -> tuple[Any, ...]:
    data = encoded.data
    time = "2026-03-01T12:00:00.000000Z"
    return ("t", 1, "i", data.type, data.v, time, data.actor, "", "", "", "", None, "", encoded.json)


def there_and_back(encoded: Encoded) -> Any:
    events, broken = decode_rows([row(encoded)], lambda _: encoded.texts)
    assert broken == ""
    return events[0].data


def started(args: Any) -> ToolStarted:
    return ToolStarted(call_id="c", tool="t", args=args, args_digest="", effect="read", key="k")


@given(st.dictionaries(keys, trees, max_size=4))
@example({"$text": "0" * 64})
@example({"$$text": {"$text": LONG}})
@example({"$": {"$": [LONG, {"$text": None}]}})
@example({"big": 10**30, "small": 5e-324, "minus": -0.0, "float": 1.0})
def test_any_arguments_come_back_the_same(args: dict[str, Any]) -> None:
    data = started(args)

    back = there_and_back(encode(data))

    assert json.dumps(back.args, sort_keys=True) == json.dumps(data.args, sort_keys=True)


@given(st.dictionaries(keys, trees, max_size=4))
def test_any_arguments_are_shown_the_same_in_raw_form(args: dict[str, Any]) -> None:
    encoded = encode(started(args))

    (shown,) = plain_rows([row(encoded)], lambda _: encoded.texts)

    assert shown["broken"] == ""
    assert shown["data"] == encoded.data.model_dump(mode="json")


def test_only_a_text_of_more_than_8_kb_is_kept_apart() -> None:
    assert encode(TurnEnded(outcome="replied", reply="x" * LONG_TEXT)).texts == {}

    encoded = encode(TurnEnded(outcome="replied", reply="x" * (LONG_TEXT + 1)))

    assert list(encoded.texts.values()) == ["x" * (LONG_TEXT + 1)]
    assert len(encoded.json) < 300


def test_length_counts_in_bytes() -> None:
    assert encode(TurnEnded(outcome="replied", reply="💥" * (LONG_TEXT // 4))).texts == {}
    assert encode(TurnEnded(outcome="replied", reply="💥" * (LONG_TEXT // 4 + 1))).texts != {}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused_not_changed(number: float) -> None:
    step = Step(
        intent="call_tool",
        message="",
        confidence=1,
        proposed_action=ProposedAction(tool="t", args={"x": number}),
    )
    for data in (started({"x": number}), ModelAnswered(step=step)):
        with pytest.raises(ValueError, match="Out of range"):
            encode(data)


def test_free_json_is_only_where_it_is_checked() -> None:
    """A new type with a field of any JSON must be added to the check of `encode`."""
    free = {cls.__name__ for cls in TYPES.values() if "JsonValue" in json.dumps(cls.model_json_schema())}

    assert free == {cls.__name__ for cls in WITH_ARGUMENTS}


def test_arguments_nested_too_deep_to_be_read_are_refused() -> None:
    deep: Any = 1
    for _ in range(220):
        deep = [deep]

    with pytest.raises(BrokenEvent):
        encode(started({"x": deep}))


def test_a_text_that_is_missing_breaks_the_event_and_not_the_reader() -> None:
    encoded = encode(TurnEnded(outcome="replied", reply=LONG))

    events, broken = decode_rows([row(encoded)], lambda _: {})
    (shown,) = plain_rows([row(encoded)], lambda _: {})

    assert events == []
    assert "is missing" in broken
    assert "is missing" in str(shown["broken"])


HOSTILE = [
    "", "null", "[]", "{", '{"a": 1}', '"text"', "NaN", "[" * 5000, '{"$text": "h"}', '{"reply": {"$text": 5}}',
    '{"reply": {"$text": ["$"]}}', "9" * 5000, '{"steps": ' + "9" * 5000 + "}", '{"x": 1e999, "$": 1}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize(
    ("type_", "v"), [("turn.ended", 1), ("turn.ended", 0), ("turn.ended", 2), ("odd", 1)]
)
def test_a_hostile_row_ends_the_events_and_never_raises(text: str, type_: str, v: int) -> None:
    good = row(encode(TurnEnded(outcome="replied")))
    bad = ("t", 2, "i", type_, v, good[5], "system", "", "", "", "", None, "", text)

    events, broken = decode_rows([good, bad, good], lambda _: {})
    shown = plain_rows([good, bad, good], lambda _: {})

    assert len(events) == 1
    assert broken.startswith("event 2: ")
    assert [bool(each["broken"]) for each in shown] == [False, True, False]


def test_a_row_without_a_time_is_broken() -> None:
    bad = list(row(encode(TurnEnded(outcome="replied"))))
    bad[5] = "yesterday"

    assert decode_rows([bad], lambda _: {})[0] == []
