"""What structured output can do: which schemas the Messages API refuses, and whether an answer fits one.

The limits and most of the wording are from public issue threads (anthropics/anthropic-sdk-python#1185,
elie222/inbox-zero#2662, vercel/ai#17268). How complex is too complex is published nowhere; the two numbers
below are ours, on the careful side.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_UNIONS = 16
MAX_OPTIONALS = 24
MAX_STRICT_TOOLS = 20
MAX_DEPTH = 12  # ours
MAX_NODES = 600  # ours, counted with every $ref written out

ANNOTATIONS = {"title", "description", "default", "examples", "$schema", "$comment", "$defs", "definitions"}
SHAPES = {"enum", "const", "anyOf", "allOf", "$ref"}
ALLOWED: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems"},
    "string": {"format"},
    "integer": set(),
    "number": set(),
    "boolean": set(),
    "null": set(),
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

Schema = Mapping[str, Any]


class SchemaRefused(Exception):
    """The API would answer 400 to this schema."""


@dataclass
class _Tally:
    """What one request's schemas add up to; the limits hold over all of them together."""

    unions: int = 0
    optionals: int = 0
    nodes: int = 0


@dataclass(frozen=True)
class _Place:
    """Where in which schema we are: enough to follow a $ref, and to notice a circle."""

    root: Schema
    depth: int = 0
    following: tuple[str, ...] = ()


def refuse(schemas: Iterable[tuple[str, Any]]) -> None:
    """Raise SchemaRefused for the first thing about these (path, schema) pairs that the API refuses."""
    tally = _Tally()
    for path, schema in schemas:
        if not isinstance(schema, Mapping):
            raise SchemaRefused(f"{path}: Input should be a valid dictionary")
        try:
            _visit(schema, _Place(schema), tally)
        except SchemaRefused as refused:
            raise SchemaRefused(f"{path}: {refused}") from None
    if tally.optionals > MAX_OPTIONALS:
        raise SchemaRefused(
            f"Schemas contains too many optional parameters ({tally.optionals}), which would make grammar "
            "compilation inefficient. Reduce the number of optional parameters in your tool schemas "
            f"(limit: {MAX_OPTIONALS})."
        )
    if tally.unions > MAX_UNIONS:
        raise SchemaRefused(
            f"Schemas contains too many parameters with union types ({tally.unions} parameters with type "
            "arrays or anyOf). This causes exponential compilation cost. Reduce the number of nullable or "
            f"union-typed parameters (limit: {MAX_UNIONS} parameters with unions)."
        )


def _visit(schema: Any, place: _Place, tally: _Tally) -> None:
    if not isinstance(schema, Mapping):
        raise SchemaRefused(f"Invalid schema: {_short(schema)} is not an object")
    tally.nodes += 1
    if place.depth > MAX_DEPTH or tally.nodes > MAX_NODES:
        raise SchemaRefused("Schema is too complex for compilation.")
    _refuse_keywords(schema)
    _refuse_object(schema)
    if _is_union(schema):
        tally.unions += 1
    if isinstance(schema.get("properties"), Mapping):
        tally.optionals += len(set(schema["properties"]) - set(schema.get("required", ())))
    for inner, next_place in _inside(schema, place):
        _visit(inner, next_place, tally)


def _refuse_keywords(schema: Schema) -> None:
    for unsupported in ("oneOf", "not", "if", "patternProperties"):
        if unsupported in schema:
            raise SchemaRefused(f"Schema type '{unsupported}' is not supported")
    types = _types(schema)
    if unknown := [t for t in types if t not in ALLOWED]:
        raise SchemaRefused(f"Invalid schema: {_short(unknown[0])} is not a type")
    if not types and not SHAPES & set(schema):
        raise SchemaRefused("Invalid schema: a type, an enum, a const, anyOf, allOf or $ref is needed")
    known = ANNOTATIONS | SHAPES | {"type"} | {word for t in types for word in ALLOWED[t]}
    if extra := sorted(set(schema) - known):
        kind = types[0] if types else "any"
        raise SchemaRefused(f"For '{kind}' type, properties {', '.join(extra)} are not supported")
    if schema.get("minItems", 0) not in (0, 1):
        raise SchemaRefused("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if "format" in schema and schema["format"] not in FORMATS:
        raise SchemaRefused(f"For 'string' type, format {_short(schema['format'])} is not supported")


def _refuse_object(schema: Schema) -> None:
    if not isinstance(schema.get("properties", {}), Mapping) or not isinstance(
        schema.get("required", []), list
    ):
        raise SchemaRefused("Invalid schema: properties is an object and required is an array")
    if "object" not in _types(schema):
        return
    if schema.get("additionalProperties") is not False:
        raise SchemaRefused("For 'object' type, 'additionalProperties' must be explicitly set to false")
    if unknown := set(schema.get("required", ())) - set(schema.get("properties", {})):
        raise SchemaRefused(f"Invalid schema: required property {_short(sorted(unknown)[0])} is not defined")


def _is_union(schema: Schema) -> bool:
    return "anyOf" in schema or isinstance(schema.get("type"), list)


def _inside(schema: Schema, place: _Place) -> Iterator[tuple[Any, _Place]]:
    deeper = _Place(place.root, place.depth + 1, place.following)
    if "$ref" in schema:
        ref = schema["$ref"]
        if ref in place.following:
            raise SchemaRefused(f"Circular reference detected in schema definitions: {ref}")
        yield _resolve(ref, place.root), _Place(place.root, place.depth, (*place.following, ref))
    for variant in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield variant, _Place(place.root, place.depth, place.following)
    for inner in schema.get("properties", {}).values():
        yield inner, deeper
    if "items" in schema:
        yield schema["items"], deeper


def _resolve(ref: Any, root: Schema) -> Any:
    steps = ref.split("/") if isinstance(ref, str) else []
    if len(steps) != 3 or steps[0] != "#" or steps[1] not in ("$defs", "definitions"):
        raise SchemaRefused(f"External or nested $ref {_short(ref)} is not supported")
    try:
        return root[steps[1]][steps[2]]
    except (KeyError, TypeError):
        raise SchemaRefused(f"Invalid schema: $ref {_short(ref)} points nowhere") from None


def misfit(value: Any, schema: Schema) -> str | None:
    """Say where and why a value does not satisfy a schema that `refuse` lets through; None when it does."""
    return _Check(schema).why_not(value, schema, "$")


@dataclass(frozen=True)
class _Check:
    root: Schema
    is_type: Mapping[str, Callable[[Any], bool]] = field(
        default_factory=lambda: {
            "object": lambda v: isinstance(v, Mapping),
            "array": lambda v: isinstance(v, list),
            "string": lambda v: isinstance(v, str),
            "integer": lambda v: _is_number(v) and (isinstance(v, int) or v.is_integer()),
            "number": _is_number,
            "boolean": lambda v: isinstance(v, bool),
            "null": lambda v: v is None,
        }
    )

    def why_not(self, value: Any, schema: Schema, at: str) -> str | None:
        if "$ref" in schema and (why := self.why_not(value, _resolve(schema["$ref"], self.root), at)):
            return why
        if (types := _types(schema)) and not any(self.is_type[t](value) for t in types):
            return f"{at}: {_short(value)} is not of type {' or '.join(types)}"
        if "const" in schema and not _same(value, schema["const"]):
            return f"{at}: {_short(value)} is not {_short(schema['const'])}"
        if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
            return f"{at}: {_short(value)} is none of {_short(schema['enum'])}"
        return self._variants(value, schema, at) or self._parts(value, schema, at)

    def _variants(self, value: Any, schema: Schema, at: str) -> str | None:
        for variant in schema.get("allOf", ()):
            if why := self.why_not(value, variant, at):
                return why
        reasons = [self.why_not(value, variant, at) for variant in schema.get("anyOf", ())]
        if reasons and None not in reasons:
            return f"{at}: fits no variant ({'; '.join(dict.fromkeys(str(r) for r in reasons))})"
        return None

    def _parts(self, value: Any, schema: Schema, at: str) -> str | None:
        if isinstance(value, Mapping):
            return self._object(value, schema, at)
        if isinstance(value, list):
            return self._array(value, schema, at)
        return None

    def _object(self, value: Mapping[str, Any], schema: Schema, at: str) -> str | None:
        for name in schema.get("required", ()):
            if name not in value:
                return f"{at}: {name} is missing"
        properties = schema.get("properties", {})
        for name, inner in value.items():
            if name in properties:
                if why := self.why_not(inner, properties[name], f"{at}.{name}"):
                    return why
            elif schema.get("additionalProperties") is False:
                return f"{at}: {_short(name)} is not allowed"
        return None

    def _array(self, value: list[Any], schema: Schema, at: str) -> str | None:
        if len(value) < schema.get("minItems", 0):
            return f"{at}: too few items"
        if "items" not in schema:
            return None
        found = (self.why_not(inner, schema["items"], f"{at}[{n}]") for n, inner in enumerate(value))
        return next((why for why in found if why), None)


def _types(schema: Schema) -> Sequence[str]:
    kind = schema.get("type")
    return () if kind is None else kind if isinstance(kind, list) else (kind,)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
