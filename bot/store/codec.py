"""Between events and their rows: the data as JSON, with long texts kept once, by hash.

A string of more than 8 KB anywhere in the data is stored as {"$text": hash}; keys of the data's own that
start with "$" get one more, so that whatever goes in comes out the same.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from bot.canonical import canonical, text_hash
from bot.errors import BrokenEvent, UnknownEvent
from bot.events import (
    SENDING,
    AnyData,
    ApprovalAnswered,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    ModelAnswered,
    ToolStarted,
    decode,
    outgoing_of,
)

LONG_TEXT = 8192
COLUMNS = (
    "thread_id, seq, id, type, v, time, actor_kind, actor, channel, run, correlation, dedupe, trace_id, data"
)
_MARKER = "$text"
_DEEP = 150  # so many brackets may be more nesting than pydantic reads

WITH_ARGUMENTS = frozenset({ToolStarted, ModelAnswered, *SENDING})
"""Types that may hold the arguments of a call, which are any JSON."""

Row = Sequence[Any]
FindTexts = Callable[[Iterable[str]], Mapping[str, str]]


class Encoded(NamedTuple):
    """Data as stored, and the long texts that were taken out."""

    data: AnyData
    json: str
    texts: Mapping[str, str]


def encode(data: AnyData) -> Encoded:
    """The data as stored; raises BrokenEvent or ValueError for what could not be read back."""
    text = data.model_dump_json()
    if type(data) in WITH_ARGUMENTS and (found := list(_arguments(data))):
        _check_arguments(data, text, found)
    if not _may_be_long(text) and '"$' not in text:
        return Encoded(data, text, {})
    texts: dict[str, str] = {}
    packed = canonical(_pack(data.model_dump(mode="json"), texts))
    return Encoded(data, packed, texts)


def decode_rows(rows: Sequence[Row], find: FindTexts) -> tuple[list[Event], str]:
    """The events of these rows up to the first that cannot be read, and why it cannot ("" if all can)."""
    texts = _texts_of(rows, find)
    events = []
    for row in rows:
        try:
            events.append(_event(row, texts))
        except (UnknownEvent, BrokenEvent) as error:
            return events, f"event {row[1]}: {error}"
    return events, ""


def plain_rows(rows: Sequence[Row], find: FindTexts) -> list[dict[str, JsonValue]]:
    """The rows for display, however broken: `data` is null if it is no JSON, `broken` says why."""
    texts = _texts_of(rows, find)
    return [_plain(row, texts) for row in rows]


def _arguments(data: AnyData) -> Iterator[Mapping[str, JsonValue]]:
    """The arguments of calls that the data holds."""
    match data:
        case ToolStarted() | ApprovalRequested():
            yield data.args
        case ModelAnswered(step=step) if step is not None and step.proposed_action is not None:
            yield step.proposed_action.args
        case ApprovalAnswered(edited_args=changed) | ApprovalResolved(final_args=changed) if (
            changed is not None
        ):
            yield changed
        case _:
            pass
    for message in outgoing_of(data):
        if message.request is not None:
            yield message.request.args


def _check_arguments(data: AnyData, text: str, found: Iterable[Mapping[str, JsonValue]]) -> None:
    """Refuse what would not come back the same: pydantic writes NaN as null, and deeper than it reads."""
    for arguments in found:
        canonical(arguments)
    if text.count("[") + text.count("{") > _DEEP:
        decode(data.type, data.v, text)


def _may_be_long(text: str) -> bool:
    """Whether the JSON may hold a long string: a character takes at most 4 bytes in UTF-8."""
    return len(text) > LONG_TEXT // 4 and (len(text) > LONG_TEXT or not text.isascii())


def _pack(value: JsonValue, texts: dict[str, str]) -> JsonValue:
    match value:
        case str() if len(value) > LONG_TEXT // 4 and len(value.encode()) > LONG_TEXT:
            key = text_hash(value)
            texts[key] = value
            return {_MARKER: key}
        case dict():
            return {"$" + key if key[:1] == "$" else key: _pack(item, texts) for key, item in value.items()}
        case list():
            return [_pack(item, texts) for item in value]
        case _:
            return value


def _unpack(value: JsonValue, texts: Mapping[str, str]) -> JsonValue:
    match value:
        case {"$text": key}:
            return _text(key, texts)
        case dict():
            return {key[1:] if key[:2] == "$$" else key: _unpack(item, texts) for key, item in value.items()}
        case list():
            return [_unpack(item, texts) for item in value]
        case _:
            return value


def _text(key: JsonValue, texts: Mapping[str, str]) -> str:
    text = texts.get(key) if isinstance(key, str) else None
    if text is None:
        raise BrokenEvent(f"the text {key} is missing")
    return text


def _texts_of(rows: Iterable[Row], find: FindTexts) -> Mapping[str, str]:
    """The long texts that these rows name, looked up at once."""
    keys = {key for row in rows if '"$' in row[-1] for key in _named(_parse(row[-1]))}
    return find(keys) if keys else {}


def _parse(text: str) -> JsonValue:
    """The JSON, or null where it is broken: whoever decodes the row says so."""
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _named(value: JsonValue) -> Iterator[str]:
    left = [value]
    while left:
        match left.pop():
            case {"$text": str(key)}:
                yield key
            case dict() as items:
                left.extend(items.values())
            case list() as items:
                left.extend(items)
            case _:
                pass


def _event(row: Row, texts: Mapping[str, str]) -> Event:
    thread_id, seq, id_, type_, v, time, _, actor, channel, run, correlation, dedupe, trace_id, text = row
    if '"$' in text:
        text = _resolved(text, texts)
    try:
        data = decode(type_, v, text)
        at = datetime.fromisoformat(time)
    except (
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # a version that never was, data that are no object, no time
        raise BrokenEvent(f"{type_} v{v} cannot be read: {error!r}") from error
    return Event(thread_id, seq, id_, at, data, actor, channel, run, correlation, dedupe, trace_id)


def _resolved(text: str, texts: Mapping[str, str]) -> str:
    try:
        return canonical(_unpack(json.loads(text), texts))
    except (ValueError, RecursionError) as error:
        raise BrokenEvent(f"its data cannot be read: {error}") from error


def _plain(row: Row, texts: Mapping[str, str]) -> dict[str, JsonValue]:
    names = COLUMNS.split(", ")
    plain: dict[str, JsonValue] = dict(zip(names, row, strict=True))
    plain["data"] = _shown(row[-1], texts)
    try:
        _event(row, texts)
        plain["broken"] = ""
    except (UnknownEvent, BrokenEvent) as error:
        plain["broken"] = str(error)
    return plain


def _shown(text: str, texts: Mapping[str, str]) -> JsonValue:
    try:
        return _unpack(_parse(text), texts)
    except (BrokenEvent, RecursionError):
        return _parse(text)
