"""The windows (modals) that buttons open: what is asked in them, and what comes back. Pure.

A form knows of its request only the handle, and of its arguments only what its fields say.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from bot import strict_json
from bot.strict_json import NotJson
from channels.discord.shapes import Json, items, mapping, string

LONGEST_FIELD = 4_000
MOST_FIELDS = 5
LONGEST_LABEL = 45
LONGEST_ID = 100
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,44}")
HANDLE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
PREFIX = "saywhen."

WORDS = "words"
"""The one field of a form that asks for words."""
ALL = "json:"
"""The one field of a form for arguments of which there are too many for fields of their own."""
AS_JSON, AS_TEXT = "json:", "text:"
ONE_LINE = 60
SHORT, PARAGRAPH = 1, 2
LABEL, TEXT_INPUT, ACTION_ROW = 18, 4, 1

Form = dict[str, object]
Args = dict[str, JsonValue]


def custom_id(name: str, handle: str, option: int = 0) -> str:
    """What a button or form of ours carries: what it stands for, and whose request it is about."""
    return f"{PREFIX}{name}#{handle}{f'#{option}' if option else ''}"


def editable(args: Mapping[str, JsonValue]) -> bool:
    """Whether a form can show all of these arguments."""
    return bool(args) and (_has_fields(args) or len(_all(args)) <= LONGEST_FIELD)


def _has_fields(args: Mapping[str, JsonValue]) -> bool:
    return len(args) <= MOST_FIELDS and all(
        NAME.fullmatch(name) and len(_shown(value)[1]) <= LONGEST_FIELD for name, value in args.items()
    )


def _all(args: Mapping[str, JsonValue]) -> str:
    return _as_json(dict(args), indent=1)


# ---------------------------------------------------------------- forms


def edit_form(handle: str, args: Mapping[str, JsonValue]) -> Form:
    fields = (
        [_field(name, value) for name, value in args.items()]
        if _has_fields(args)
        else [_input(ALL, "All arguments", hint="JSON", value=_all(args), style=PARAGRAPH, required=True)]
    )
    return _form("edit", handle, "Change and approve", fields)


def reason_form(handle: str) -> Form:
    return _form("reject", handle, "Reject", [_words("Why? (may stay empty)", required=False)])


def respond_form(handle: str) -> Form:
    return _form("respond", handle, "Answer instead", [_words("Your answer")])


def answer_form(handle: str) -> Form:
    return _form("answer", handle, "Answer", [_words("Your answer")])


def _form(name: str, handle: str, title: str, fields: Sequence[Form]) -> Form:
    return {"custom_id": custom_id(name, handle), "title": title, "components": list(fields)}


def _words(label: str, *, required: bool = True) -> Form:
    return _input(WORDS, label, style=PARAGRAPH, required=required)


def _field(name: str, value: JsonValue) -> Form:
    as_json, text = _shown(value)
    style = PARAGRAPH if len(text) > ONE_LINE or "\n" in text else SHORT
    prefix = AS_JSON if as_json else AS_TEXT
    hint = "JSON" if as_json else ""
    return _input(f"{prefix}{name}", name, hint=hint, value=text, style=style, required=as_json)


def _input(
    id_: str, label: str, *, style: int, required: bool, hint: str = "", value: str = ""
) -> dict[str, object]:
    element: Form = {
        "type": TEXT_INPUT,
        "custom_id": id_,
        "style": style,
        "max_length": LONGEST_FIELD,
        "required": required,
    }
    field: Form = {
        "type": LABEL,
        "label": label,
        "component": {**element, "value": value} if value else element,
    }
    return {**field, "description": hint} if hint else field


def _shown(value: JsonValue) -> tuple[bool, str]:
    """A value as it stands in its field, and whether that is JSON.

    So is a text that a field might alter, or that holds what cannot be seen.
    """
    if isinstance(value, str) and value == value.strip() and value.replace("\n", "").isprintable():
        return False, value
    return True, _as_json(value)


def _as_json(value: JsonValue, *, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.replace("\n", "").isprintable():
        return text
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


# ---------------------------------------------------------------- what comes back


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong, in words for whoever filled the form in."""

    words: str


def edited(fields: Mapping[str, str]) -> Args | Problems:
    """The arguments as a person left them."""
    args: Args = {}
    problems: list[str] = []
    for id_, text in fields.items():
        name = id_.removeprefix(AS_JSON)
        if id_.startswith(AS_TEXT):
            args[id_.removeprefix(AS_TEXT)] = text
        elif id_.startswith(AS_JSON):
            try:
                args |= _read(name, text)
            except NotJson as error:
                problems.append(f"{name or 'The text'} is not JSON: {error}. A text needs quotes.")
    return Problems("\n".join(problems)) if problems else args


def _read(name: str, text: str) -> Args:
    found = strict_json.read(text)
    if name:
        return {name: found}
    if not isinstance(found, dict):
        raise NotJson("it must be an object with all arguments")
    return found


def fields_of(data: Json) -> dict[str, str]:
    """What a person wrote, by field; forms of the older kind have rows where ours have labels."""
    return {string(field, "custom_id"): string(field, "value") for field in _inputs(data)}


def _inputs(data: Json) -> Iterator[Json]:
    for component in items(data, "components"):
        inner = [mapping(component.get("component")), *items(component, "components")]
        yield from (each for each in inner if each.get("type") == TEXT_INPUT)
