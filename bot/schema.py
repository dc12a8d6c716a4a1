"""JSON schemas as structured output takes them: written out, everything required, limits said in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue

MAX_UNIONS = 16
MAX_OPTIONALS = 24
MAX_DEPTH = 12  # this and the next are ours: where "too complex" begins is published nowhere
MAX_NODES = 600

FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_PLAIN = ("string", "integer", "number", "boolean", "null")
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "uniqueItems": "no two alike",
    "default": "usually {}",
}

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class _Place:
    """Where in a model's schema we are: enough to follow a $ref, and to notice a circle."""

    root: Schema
    at: str
    following: tuple[str, ...] = ()

    def inside(self, name: str) -> "_Place":
        return _Place(self.root, f"{self.at}.{name}", self.following)


def plain_schema(model: type[BaseModel]) -> dict[str, JsonValue]:
    """The schema of a model within what the API accepts; raises TypeError for what it cannot express."""
    schema = model.model_json_schema()
    return _plain(schema, _Place(schema, model.__name__))


def _plain(schema: Schema, place: _Place) -> dict[str, JsonValue]:
    if "$ref" in schema:
        return _referred(schema, place)
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return _described({"anyOf": [_plain(each, place) for each in variants]}, schema)
    for word in ("const", "enum"):
        if word in schema:
            return _described({word: schema[word]}, schema)
    match schema.get("type"):
        case "object":
            return _described(_object(schema, place), schema)
        case "array":
            return _described(_array(schema, place), schema)
        case kind if kind in _PLAIN:
            known = {"format": schema["format"]} if schema.get("format") in FORMATS else {}
            return _described({"type": kind, **known}, schema)
        case _:
            raise TypeError(f"{place.at}: give it a type that JSON has; anything at all cannot be asked for")


def _referred(schema: Schema, place: _Place) -> dict[str, JsonValue]:
    name = schema["$ref"].rsplit("/", 1)[-1]
    if name in place.following:
        raise TypeError(f"{place.at}: {name} contains itself, which structured output cannot express")
    beside = {word: value for word, value in schema.items() if word != "$ref"}
    return _plain(
        {**place.root["$defs"][name], **beside}, _Place(place.root, place.at, (*place.following, name))
    )


def _object(schema: Schema, place: _Place) -> dict[str, JsonValue]:
    properties = schema.get("properties", {})
    if (
        not properties
        and schema.get("additionalProperties") is not False
        and "additionalProperties" in schema
    ):
        raise TypeError(
            f"{place.at}: a dict of any names can only come back empty; name the fields in a model"
        )
    return {
        "type": "object",
        "properties": {name: _plain(each, place.inside(name)) for name, each in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(schema: Schema, place: _Place) -> dict[str, JsonValue]:
    if "items" not in schema or "prefixItems" in schema:
        raise TypeError(f"{place.at}: a list needs one type of item; for a fixed row use a model")
    return {"type": "array", "items": _plain(schema["items"], place.inside("items"))}


def _described(plain: dict[str, JsonValue], schema: Schema) -> dict[str, JsonValue]:
    """What the API's grammar leaves out is said in the description."""
    limits = [words.format(_value(schema[word])) for word, words in _LIMITS.items() if word in schema]
    if "format" in schema and "format" not in plain:
        limits.append(f"format {schema['format']}")
    text = schema.get("description", "")
    if limits:
        text = f"{text} ({', '.join(limits)})".strip()
    return {**plain, "description": text} if text else plain


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else f'"{value}"'


def in_words(schema: Schema) -> str:
    """The type of a value, short, for a text that people and models read."""
    if "anyOf" in schema:
        return " or ".join(in_words(each) for each in schema["anyOf"])
    if "const" in schema:
        return _value(schema["const"])
    if "enum" in schema:
        return " or ".join(_value(each) for each in schema["enum"])
    match schema["type"]:
        case "array":
            return f"list of {in_words(schema['items'])}"
        case "object":
            inner = ", ".join(f"{name}: {in_words(each)}" for name, each in schema["properties"].items())
            return f"{{{inner}}}"
        case kind:
            return str(kind)


# ---------------------------------------------------------------- the limits


def schema_limits(schema: Schema) -> list[str]:
    """What the API would refuse about a schema; empty when it is fine."""
    nodes = list(_nodes(schema, "step", 1))
    problems = [f"{at}: {problem}" for at, node, _ in nodes for problem in _node_problems(node)]
    for what, found, most in (
        ("unions", sum("anyOf" in node for _, node, _ in nodes), MAX_UNIONS),
        ("optional fields", sum(_optionals(node) for _, node, _ in nodes), MAX_OPTIONALS),
        ("parts", len(nodes), MAX_NODES),
        ("levels", max(depth for _, _, depth in nodes), MAX_DEPTH),
    ):
        if found > most:
            problems.append(f"the schema has {found} {what}, and the API takes at most {most}")
    return problems


def _nodes(schema: Schema, at: str, depth: int) -> Iterator[tuple[str, Schema, int]]:
    yield at, schema, depth
    for number, each in enumerate(schema.get("anyOf", ())):
        yield from _nodes(each, f"{at}[{number}]", depth)
    for name, each in schema.get("properties", {}).items():
        yield from _nodes(each, f"{at}.{name}", depth + 1)
    if "items" in schema:
        yield from _nodes(schema["items"], f"{at}.items", depth + 1)


def _optionals(node: Schema) -> int:
    return len(set(node.get("properties", {})) - set(node.get("required", ())))


def _node_problems(node: Schema) -> Iterator[str]:
    known = {"type", "description", "format", "anyOf", "const", "enum", "properties", "required", "items",
             "additionalProperties"}  # fmt: skip
    if unknown := sorted(set(node) - known):
        yield f"{', '.join(unknown)} cannot be used"
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        yield "additionalProperties must be false"
