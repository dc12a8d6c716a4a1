"""The windows that buttons open: what is asked in them, and what comes back. Pure.

A form knows of its request only what `Origin` says, and of its arguments only what its fields say.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pydantic import JsonValue

from bot import strict_json
from bot.strict_json import NotJson
from channels.slack.shapes import Json, id_in, items, mapping, string, ts_in
from channels.slack.text import units

LONGEST_FIELD = 3_000
LONGEST_CARRIED = 8_000
"""Slack says `metadata_too_large` without saying from where on."""
MOST_FIELDS = 40
ONE_LINE = 60
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HANDLE = re.compile(r"[^\s#]{1,300}")

WORDS = "saywhen.words"
"""The block of the one field of a form that asks for words."""
VALUE = "value"
AS_JSON, AS_TEXT = "json:", "text:"

Form = dict[str, object]
Args = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that a form is about, and the message it was opened from."""

    handle: str
    channel: str = ""
    ts: str = ""
    thread: str = ""

    @classmethod
    def parse(cls, text: str) -> "Origin | None":
        try:
            found = mapping(json.loads(text))
        except (ValueError, RecursionError):
            return None
        handle = string(found, "handle")
        if not HANDLE.fullmatch(handle):
            return None
        return cls(handle, id_in(found, "channel"), ts_in(found, "ts"), ts_in(found, "thread"))

    def __str__(self) -> str:
        return json.dumps(asdict(self))


# ---------------------------------------------------------------- arguments on their way through Slack


def editable(args: Mapping[str, JsonValue]) -> bool:
    """Whether a form can show all of these arguments, and a message carry them."""
    return (
        0 < len(args) <= MOST_FIELDS
        and all(NAME.fullmatch(name) for name in args)
        and all(units(_shown(value)[1]) <= LONGEST_FIELD for value in args.values())
        and len(carried(args)) <= LONGEST_CARRIED
    )


def carried(args: Mapping[str, JsonValue]) -> str:
    """The arguments as a text that comes back from Slack as it went there.

    JSON in a string, since Slack's own would not keep 1.0 and {}; in ASCII and without what Slack escapes.
    """
    text = json.dumps(dict(args)).replace("\x7f", "\\u007f")
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def uncarried(text: str) -> Args | None:
    """The arguments that a message carries; None for anything that `carried` did not write."""
    try:
        found = strict_json.read(text)
    except NotJson:
        return None
    return found if isinstance(found, dict) and editable(found) else None


# ---------------------------------------------------------------- forms


def edit_form(origin: Origin, args: Mapping[str, JsonValue]) -> Form:
    blocks = [_field(name, value) for name, value in args.items()]
    return _form("edit", origin, "Change and approve", blocks, submit="Approve changed")


def reason_form(origin: Origin) -> Form:
    return _form(
        "reject", origin, "Reject", [_words("Why? (may stay empty)", optional=True)], submit="Reject"
    )


def respond_form(origin: Origin) -> Form:
    return _form("respond", origin, "Answer instead", [_words("Your answer")], submit="Answer")


def answer_form(origin: Origin) -> Form:
    return _form("answer", origin, "Answer", [_words("Your answer")], submit="Answer")


def notice_form(origin: Origin, title: str, words: str) -> Form:
    """A window that only says something."""
    return _form("notice", origin, title, [{"type": "section", "text": _plain(words)}])


def _form(
    name: str, origin: Origin, title: str, blocks: Sequence[Mapping[str, object]], *, submit: str = ""
) -> Form:
    form: Form = {
        "type": "modal",
        "callback_id": f"saywhen.{name}",
        "private_metadata": str(origin),
        "title": _plain(title),
        "close": _plain("Cancel" if submit else "Close"),
        "blocks": list(blocks),
    }
    return {**form, "submit": _plain(submit)} if submit else form


def _field(name: str, value: JsonValue) -> Form:
    as_json, text = _shown(value)
    element: Form = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "multiline": len(text) > ONE_LINE or "\n" in text,
        "max_length": LONGEST_FIELD,
    }
    field: Form = {
        "type": "input",
        "block_id": f"{AS_JSON if as_json else AS_TEXT}{name}",
        "label": _plain(name),
        "element": {**element, "initial_value": text} if text else element,
        "optional": not as_json,  # Slack lets nobody empty another field
    }
    return {**field, "hint": _plain("JSON")} if as_json else field


def _words(label: str, *, optional: bool = False) -> Form:
    element = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "multiline": True,
        "max_length": LONGEST_FIELD,
    }
    return {
        "type": "input",
        "block_id": WORDS,
        "label": _plain(label),
        "element": element,
        "optional": optional,
    }


def _plain(text: str) -> Form:
    return {"type": "plain_text", "text": text, "emoji": False}


def _shown(value: JsonValue) -> tuple[bool, str]:
    """A value as it stands in its field, and whether that is JSON.

    So is a text that a field might alter, or that holds what cannot be seen.
    """
    if isinstance(value, str) and value == value.strip() and value.replace("\n", "").isprintable():
        return False, value
    text = json.dumps(value, ensure_ascii=False)
    return True, text if text.isprintable() else json.dumps(value).replace("\x7f", "\\u007f")


# ---------------------------------------------------------------- what comes back


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong, by the block to say it under."""

    by_block: dict[str, str]


def edited(view: Json) -> Args | Problems:
    """The arguments as a person left them."""
    args: Args = {}
    problems: dict[str, str] = {}
    for block in items(view, "blocks"):
        block_id = string(block, "block_id")
        text = said(view, block_id)
        if block_id.startswith(AS_TEXT):
            args[block_id.removeprefix(AS_TEXT)] = text
        elif block_id.startswith(AS_JSON):
            try:
                args[block_id.removeprefix(AS_JSON)] = strict_json.read(text)
            except NotJson as error:
                problems[block_id] = f"This is not JSON: {error}. A text needs quotes."
    return Problems(problems) if problems else args


def said(view: Json, block_id: str = WORDS) -> str:
    """What a person wrote in one field; "" if nothing."""
    values = mapping(mapping(view.get("state")).get("values"))
    return string(mapping(mapping(values.get(block_id)).get(VALUE)), "value")
