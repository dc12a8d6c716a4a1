"""The limits of structured output, and that our check of an answer agrees with a full JSON Schema library."""

from typing import Any

import jsonschema_rs
import pytest
from anthropic import transform_schema
from hypothesis import given, strategies as st
from pydantic import BaseModel

from simulators.messages_schema import SchemaRefused, misfit, refuse
from tests.simulators.messages_kit import SCHEMA, STEP, obj

STRING = {"type": "string"}
MAYBE = {"anyOf": [STRING, {"type": "null"}]}


def optional(count):
    return {**obj(**{f"p{n}": STRING for n in range(count)}), "required": []}


def nested(depth):
    schema = STRING
    for _ in range(depth):
        schema = obj(inner=schema)
    return schema


def refusal(schema):
    with pytest.raises(SchemaRefused) as caught:
        refuse([("schema", schema)])
    return str(caught.value)


REFUSED = {
    "an open object": ({"type": "object", "properties": {}}, "additionalProperties"),
    "a free dict": ({**obj(), "additionalProperties": STRING}, "additionalProperties"),
    "an inner open object": (obj(args={"type": "object"}), "additionalProperties"),
    "a minimum": (
        obj(n={"type": "integer", "minimum": 0, "maximum": 9}),
        "maximum, minimum are not supported",
    ),
    "a maxLength": (obj(s={**STRING, "maxLength": 9}), "maxLength"),
    "a minLength": (obj(s={**STRING, "minLength": 1}), "minLength"),
    "a pattern": (obj(s={**STRING, "pattern": "^a"}), "pattern"),
    "a maxItems": ({"type": "array", "items": STRING, "maxItems": 3}, "maxItems"),
    "a minItems of two": ({"type": "array", "items": STRING, "minItems": 2}, "minItems"),
    "an odd format": ({**STRING, "format": "colour"}, "format"),
    "oneOf": ({"oneOf": [STRING, {"type": "null"}]}, "oneOf"),
    "not": ({"not": STRING}, "not"),
    "anything": (obj(x={}), "a type"),
    "an unknown type": ({"type": "money"}, "money"),
    "seventeen unions": (obj(**{f"p{n}": MAYBE for n in range(17)}), "union types (17"),
    "seventeen type lists": (obj(**{f"p{n}": {"type": ["string", "null"]} for n in range(17)}), "(17"),
    "twenty-five optionals": (optional(25), "too many optional parameters (25)"),
    "great depth": (nested(13), "Schema is too complex for compilation"),
    "great width": (obj(**{f"p{n}": STRING for n in range(700)}), "Schema is too complex for compilation"),
    "recursion": (
        {"$ref": "#/$defs/tree", "$defs": {"tree": obj(child={"$ref": "#/$defs/tree"})}},
        "Circular reference",
    ),
    "a reference outside": ({"$ref": "https://example.com/schema.json"}, "External"),
    "a reference to nowhere": ({"$ref": "#/$defs/none", "$defs": {}}, "points nowhere"),
    "a required stranger": ({**obj(a=STRING), "required": ["a", "b"]}, "'b' is not defined"),
    "a list": ([STRING], "dictionary"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_schema_outside_the_limits_is_refused_with_the_reason(what):
    schema, reason = REFUSED[what]

    assert reason in refusal(schema)


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        obj(**{f"p{n}": MAYBE for n in range(16)}),
        optional(24),
        nested(12),
        {"type": "array", "items": STRING, "minItems": 1},
        {"$ref": "#/$defs/a", "$defs": {"a": obj(b={"$ref": "#/$defs/b"}), "b": STRING}},
        {**STRING, "format": "date-time", "description": "when", "title": "When"},
    ],
)
def test_a_schema_at_the_limits_is_accepted(schema):
    refuse([("schema", schema)])


def test_the_limits_hold_over_all_schemas_of_a_request_together():
    refuse([("one", optional(24))])
    with pytest.raises(SchemaRefused, match="optional parameters"):
        refuse([("one", optional(24)), ("two", optional(1))])


def test_what_the_sdk_makes_of_a_pydantic_model_is_accepted():
    class Remind(BaseModel):
        text: str
        when: str

    class Now(BaseModel):
        timezone: str

    class Step(BaseModel):
        message: str
        action: Remind | Now | None

    refuse([("schema", transform_schema(Step))])


MISFITS: list[Any] = [
    {},
    [],
    None,
    {**STEP, "intent": "sing"},
    {**STEP, "confidence": "high"},
    {**STEP, "confidence": True},
    {**STEP, "extra": 1},
    {**STEP, "proposed_action": {"tool": "remind"}},
    {**STEP, "proposed_action": {"tool": "pay", "when": "now"}},
]


@pytest.mark.parametrize("value", MISFITS)
def test_an_answer_that_breaks_the_schema_is_told_where(value):
    why = misfit(value, SCHEMA)

    assert why is not None
    assert why.startswith("$")


@pytest.mark.parametrize("action", [None, {"tool": "remind", "when": "PT2S"}])
def test_an_answer_that_fits_is_fine(action):
    assert misfit({**STEP, "proposed_action": action}, SCHEMA) is None


names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0]) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
leaves = (
    st.sampled_from(["string", "integer", "number", "boolean", "null"]).map(lambda kind: {"type": kind})
    | st.just({"type": ["string", "null"]})
    | st.lists(st.none() | st.booleans() | st.integers(0, 1) | names, min_size=1, unique_by=repr).map(
        lambda each: {"enum": each}
    )
    | st.just({"$ref": "#/$defs/shared"})
)
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
        | st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner,
            st.integers(0, 1),
        )
        | st.builds(
            lambda properties, keep: {**obj(**properties), "required": [p for p in properties if p in keep]},
            st.dictionaries(names, inner, max_size=3),
            st.sets(names),
        )
    ),
    max_leaves=6,
).map(lambda schema: {"anyOf": [schema], "$defs": {"shared": {"type": "integer"}}})


@given(schema=schemas, value=values)
def test_our_check_agrees_with_a_json_schema_library(schema, value):
    refuse([("schema", schema)])

    agreed = jsonschema_rs.validator_for(schema).is_valid(value)

    assert (misfit(value, schema) is None) == agreed
