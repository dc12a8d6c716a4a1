"""The forms that buttons open: arguments go out and come back as they are, or with a word on what is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import JsonValue

from channels.slack.forms import (
    Args,
    Origin,
    Problems,
    answer_form,
    carried,
    edit_form,
    editable,
    edited,
    reason_form,
    respond_form,
    said,
    uncarried,
)
from simulators.slack import limits

ORIGIN = Origin("ap_1.0f", channel="D0CAROL", ts="1.000001")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), values, min_size=1, max_size=6)


def blocks_of(form: dict[str, object]) -> list[Any]:
    blocks = form["blocks"]
    assert isinstance(blocks, list)
    return blocks


def sent_in(form: dict[str, object], **changes: str | None) -> dict[str, Any]:
    """The form as Slack sends it in: each field as it was, but for the changes (by argument)."""
    fields = {}
    for block in blocks_of(form):
        name = block["block_id"].partition(":")[2]
        text = changes[name] if name in changes else block["element"].get("initial_value")
        fields[block["block_id"]] = {"value": {"type": "plain_text_input", "value": text}}
    return {**form, "state": {"values": fields}}


def problems(args: Args, **changes: str | None) -> dict[str, str]:
    found = edited(sent_in(edit_form(ORIGIN, args), **changes))
    assert isinstance(found, Problems)
    return found.by_block


@given(arguments)
def test_arguments_that_nobody_changes_come_back_as_they_were(args: Args):
    form = edit_form(ORIGIN, args)

    limits.check_view({**form, "blocks": blocks_of(form)})
    assert not editable(args) or json.dumps(edited(sent_in(form))) == json.dumps(args)


@given(arguments)
def test_a_message_carries_arguments_as_they_are_whatever_slack_escapes(args: Args):
    text = carried(args)

    assert text.isascii()
    assert not set("&<>\x7f") & set(text)
    assert not editable(args) or json.dumps(uncarried(text)) == json.dumps(args)


@given(texts)
def test_a_field_shows_no_character_that_cannot_be_seen(text: str):
    (field,) = blocks_of(edit_form(ORIGIN, {"text": text}))

    assert field["element"].get("initial_value", "").replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("value", "block_id", "shown"),
    [
        ("deploy at 5", "text:it", "deploy at 5"),
        ("two\nlines", "text:it", "two\nlines"),
        ("", "text:it", None),
        ("caf\xe9 \u2192 \u6771\u4eac", "text:it", "caf\xe9 \u2192 \u6771\u4eac"),
        (5, "json:it", "5"),
        ("5", "text:it", "5"),
        (None, "json:it", "null"),
        ({"a": [1, "x"]}, "json:it", '{"a": [1, "x"]}'),
        ("evil\u202etxt", "json:it", '"evil\\u202etxt"'),
        ("a\u200bb", "json:it", '"a\\u200bb"'),
        (" padded ", "json:it", '" padded "'),
        ("tab\there", "json:it", '"tab\\there"'),
        ("del\x7f", "json:it", '"del\\u007f"'),
    ],
)
def test_a_text_is_shown_plain_and_everything_else_as_json(
    value: JsonValue, block_id: str, shown: str | None
):
    (field,) = blocks_of(edit_form(ORIGIN, {"it": value}))

    assert field["block_id"] == block_id
    assert field["element"].get("initial_value") == shown
    assert field["optional"] is block_id.startswith("text:")


def test_what_a_person_writes_becomes_the_arguments():
    form = edit_form(ORIGIN, {"env": "staging", "count": 2, "tags": ["a"], "note": "old"})

    found = edited(sent_in(form, env="prod", count="3", tags='["a", "b"]', note=None))

    assert found == {"env": "prod", "count": 3, "tags": ["a", "b"], "note": ""}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("two", "Expecting value at line 1, column 1"),
        ('{"a": 1,}', "line 1, column"),
        (None, "Expecting value"),
        ("NaN", "NaN is not a JSON value"),
        ("[1e999]", "the number 1e999 is too large"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[" * 100_000, "levels deep"),
        ("9" * 5_000, "not JSON"),
    ],
)
def test_what_is_not_json_is_said_under_its_field(written: str | None, words: str):
    found = problems({"env": "staging", "count": 2}, count=written)

    assert found.keys() == {"json:count"}
    assert words in found["json:count"] or words == "not JSON"
    assert len(found["json:count"]) <= 160


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"not a name": 1}', "{}", "[" * 100_000, '{"a": NaN}'])
def test_a_message_that_carries_something_else_carries_nothing(text: str):
    assert uncarried(text) is None


@pytest.mark.parametrize("form", [reason_form(ORIGIN), respond_form(ORIGIN), answer_form(ORIGIN)])
def test_the_forms_for_words_are_within_slacks_limits(form: dict[str, object]):
    limits.check_view({**form, "blocks": blocks_of(form)})

    (field,) = blocks_of(form)
    assert said({"state": {"values": {field["block_id"]: {"value": {"value": "because"}}}}}) == "because"
    assert said({"state": {"values": {field["block_id"]: {"value": {"value": None}}}}}) == ""
    assert Origin.parse(str(form["private_metadata"])) == ORIGIN


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"handle": ""}', '{"handle": "a b"}', '{"handle": "a#1"}', '{"handle": 7}']
)
def test_a_form_that_says_nothing_of_its_request_is_nobodys(text: str):
    assert Origin.parse(text) is None
