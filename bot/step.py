"""One step of an agent: the schema we ask the model to fill, and the strict reading of what comes back.

The API's own grammar, the SDK and other endpoints let a good deal through, so everything is checked here. A
refusal is one line that the model can act on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar, cast, get_args

from pydantic import BaseModel, JsonValue, ValidationError

from bot import events as ev, strict_json
from bot.canonical import canonical
from bot.errors import InvalidStep
from bot.events import Intent, ProposedAction, Step
from bot.schema import plain_schema, schema_limits as schema_limits
from bot.strict_json import NotJson

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_LINE = 300

A = TypeVar("A", bound=BaseModel)
Calls = Mapping[str, type[BaseModel]]

_INTENTS: tuple[Intent, ...] = get_args(Intent)
_CALLING = ("call_tool", "need_approval")
_SPEAKING = ("reply", "need_clarification", "task_complete")
_FIELDS = ("intent", "message", "confidence", "proposed_action")


# ---------------------------------------------------------------- what we ask for


def step_schema(calls: Calls, agents: Sequence[str] = ()) -> dict[str, JsonValue]:
    """The JSON schema of a step, for `output_config.format`; the same bytes for the same tools and agents.

    The model fills the fields in the order they stand here, so keep that order in what is sent.
    """
    return _closed(
        intent={"enum": list(_intents(calls, agents))},
        message={"type": "string"},
        confidence={"type": "number"},
        proposed_action=_action_schema(calls, agents),
    )


def schema_text(calls: Calls, agents: Sequence[str] = ()) -> str:
    """The schema as compact JSON in its own order: what is stored, hashed and sent."""
    return json.dumps(step_schema(calls, agents), ensure_ascii=False, separators=(",", ":"))


def _intents(calls: Calls, agents: Sequence[str]) -> tuple[Intent, ...]:
    left_out = {*(_CALLING if not calls else ()), *(("hand_off",) if not agents else ())}
    return tuple(intent for intent in _INTENTS if intent not in left_out)


def _action_schema(calls: Calls, agents: Sequence[str]) -> dict[str, JsonValue]:
    variants: list[JsonValue] = [{"type": "null"}]
    variants += [
        _closed(tool={"const": name}, args=_bare(plain_schema(model))) for name, model in calls.items()
    ]
    if agents:
        variants.append(_closed(agent={"enum": list(agents)}))
    return {"anyOf": variants} if len(variants) > 1 else {"type": "null"}


def _bare(schema: JsonValue) -> JsonValue:
    """The grammar alone: what the fields mean stands in the tools' text, and is not sent twice."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    fields = schema.get("properties")
    bare = {name: _bare(each) for name, each in schema.items() if name not in ("description", "properties")}
    if isinstance(fields, dict):  # a field may be called "description" itself
        properties: JsonValue = {name: _bare(each) for name, each in fields.items()}
        bare = {
            name: properties if name == "properties" else bare[name]
            for name in schema
            if name != "description"
        }
    return bare


def _closed(**properties: JsonValue) -> dict[str, JsonValue]:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# ---------------------------------------------------------------- what comes back


def parse_step(text: str, *, calls: Calls, agents: Sequence[str] = (), structured: bool = True) -> Step:
    """Read one step, or raise InvalidStep. Not `structured`: find the one JSON object in a plain text."""
    return _Parser(calls, agents).step(_fields(text, structured=structured))


def _fields(text: str, *, structured: bool) -> dict[str, JsonValue]:
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse(f"the answer is larger than {MAX_BYTES // 1024} KB")
    if not text.strip():
        _refuse("the answer is empty; answer with one JSON object")
    text = cast(str, ev.clean(text))
    try:
        value = (strict_json.read if structured else strict_json.read_object)(text, depth=MAX_DEPTH)
    except NotJson as error:
        _refuse(f"the answer is not one JSON object: {error}; it begins with {_shown(text)}")
    if not isinstance(value, dict):
        _refuse(f"the answer is {_kind(value)}; answer with one JSON object")
    # The text itself is clean; only an escape can bring a lone surrogate in.
    return cast(dict[str, JsonValue], _cleaned(value) if "\\u" in text else value)


@dataclass(frozen=True)
class _Parser:
    calls: Calls
    agents: Sequence[str]

    def step(self, fields: dict[str, JsonValue]) -> Step:
        _only(fields, _FIELDS, at="the answer")
        intent = self._intent(_needed(fields, "intent"))
        message = _needed(fields, "message")
        if not isinstance(message, str):
            _refuse(f"message: a text is needed, found {_shown(message)}")
        if intent in _SPEAKING and not message.strip():
            _refuse(f"message: it is empty, and the intent {intent} needs something to say")
        confidence = _confidence(_needed(fields, "confidence"))
        action = self._action(intent, fields.get("proposed_action"))
        return Step(intent=intent, message=message, confidence=confidence, proposed_action=action)

    def _intent(self, value: JsonValue) -> Intent:
        known = _intents(self.calls, self.agents)
        for intent in known:
            if value == intent:
                return intent
        _refuse(f"intent: found {_shown(value)}, allowed are {', '.join(known)}")

    def _action(self, intent: Intent, value: JsonValue) -> ProposedAction | None:
        if intent in _CALLING:
            return self._call(intent, value)
        if intent == "hand_off":
            return self._hand_off(value)
        if value is not None:
            _refuse(f"proposed_action: the intent {intent} needs null, found {_shown(value)}")
        return None

    def _call(self, intent: Intent, value: JsonValue) -> ProposedAction:
        if not isinstance(value, dict):
            _refuse(f"proposed_action: the intent {intent} needs {{tool, args}}, found {_shown(value)}")
        _only(value, ("tool", "args"), at="proposed_action")
        tool = _needed(value, "tool", at="proposed_action.")
        if not isinstance(tool, str) or tool not in self.calls:
            _refuse(f"proposed_action.tool: found {_shown(tool)}, known are {', '.join(self.calls)}")
        args = _needed(value, "args", at="proposed_action.")
        if not isinstance(args, dict):
            _refuse(f"proposed_action.args: an object is needed, found {_shown(args)}")
        return ProposedAction(tool=tool, args=checked_args(self.calls[tool], args))

    def _hand_off(self, value: JsonValue) -> ProposedAction:
        if not isinstance(value, dict):
            _refuse(f"proposed_action: the intent hand_off needs {{agent}}, found {_shown(value)}")
        _only(value, ("agent",), at="proposed_action")
        agent = _needed(value, "agent", at="proposed_action.")
        if not isinstance(agent, str) or agent not in self.agents:
            _refuse(f"proposed_action.agent: found {_shown(agent)}, known are {', '.join(self.agents)}")
        return ProposedAction(agent=agent)


def checked_args(model: type[BaseModel], args: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A tool's arguments as validated JSON, or InvalidStep."""
    dumped: dict[str, JsonValue] = read_args(model, args).model_dump(
        mode="json", round_trip=True, by_alias=True
    )
    return dumped


def read_args(model: type[A], args: Mapping[str, JsonValue]) -> A:
    """A tool's arguments as their model, or InvalidStep. Strict: no conversion, nothing extra."""
    try:
        return model.model_validate_json(canonical(args), strict=True, extra="forbid")
    except ValidationError as error:
        _refuse(_first_error(error, model))


def _confidence(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"confidence: a number from 0 to 1 is needed, found {_shown(value)}")
    if not 0 <= value <= 1:
        _refuse(f"confidence: found {_shown(value)}, allowed is 0 to 1")
    return float(value)


# ---------------------------------------------------------------- saying what is wrong


def _refuse(line: str) -> NoReturn:
    line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    raise InvalidStep(line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…")


def _only(fields: Mapping[str, JsonValue], known: Sequence[str], *, at: str) -> None:
    for name in fields:
        if name not in known:
            _refuse(f"{at}: unknown field {_shown(name)}; the fields are {', '.join(known)}")


def _needed(fields: Mapping[str, JsonValue], name: str, *, at: str = "") -> JsonValue:
    if name not in fields:
        _refuse(f"{at}{name}: it is missing")
    return fields[name]


def _first_error(error: ValidationError, model: type[BaseModel]) -> str:
    errors = error.errors(include_url=False, include_context=False)
    first = errors[0]
    path = ".".join(("proposed_action", "args", *(str(part)[:40] for part in first["loc"])))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    match first["type"]:
        case "missing":
            return f"{path}: it is missing{more}"
        case "extra_forbidden" if len(first["loc"]) == 1:
            allowed = ", ".join(model.model_fields) or "none"
            return f"{path}: unknown argument; the arguments are {allowed}{more}"
        case "extra_forbidden":
            return f"{path}: unknown field{more}"
        case _:
            return f"{path}: {first['msg']}, found {_shown(first['input'])}{more}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case _:
            return f"a {type(value).__name__}"


def _shown(value: object) -> str:
    """A refused value, short."""
    if isinstance(value, str):
        return json.dumps(f"{value[:60]}…" if len(value) > 60 else value, ensure_ascii=False)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:40]
    return _kind(value)


def _cleaned(value: JsonValue) -> JsonValue:
    """Without lone surrogates, which UTF-8 cannot carry."""
    match value:
        case str():
            return cast(str, ev.clean(value))
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {cast(str, ev.clean(name)): _cleaned(each) for name, each in value.items()}
        case _:
            return value
