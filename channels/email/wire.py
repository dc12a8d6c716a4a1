"""A mail as it crosses from the process that read it to ours: JSON, checked field by field when it arrives."""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from channels.email.limits import Unreadable
from channels.email.mail import Mail

LENGTH = struct.Struct(">I")
LONGEST_ANSWER = 32 << 20


class Garbled(ValueError):
    """What arrived is no answer."""


def frame(data: bytes) -> bytes:
    return LENGTH.pack(len(data)) + data


def question(raw: bytes, ours: Sequence[str]) -> bytes:
    return frame(_json({"size": len(raw), "ours": list(ours)})) + raw


def answer(mail: Mail) -> bytes:
    return _json({"mail": asdict(mail)})


def refusal(why: str, *, last: bool = False) -> bytes:
    """`last` says that the process ends now."""
    return _json({"unreadable": why, "last": last})


def read_answer(data: bytes) -> Mail:
    """Raises Unreadable as the other process did, or Garbled."""
    try:
        told = json.loads(data)
        if "unreadable" in told:
            raise Unreadable(str(told["unreadable"])[:500])
        mail = _value(Mail, told["mail"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Garbled(str(error)[:200]) from error
    if not isinstance(mail, Mail):
        raise Garbled("no mail")
    return mail


def is_last(data: bytes) -> bool:
    return data.startswith(b'{"unreadable"') and data.endswith(b'"last": true}')


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_time).encode("utf-8", "replace")


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


# ---------------------------------------------------------------- checked by the types of the fields


@cache
def _types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(kind: Any, data: Any) -> object:
    if kind is datetime:
        return datetime.fromisoformat(data)
    if kind in (str, int, bool):
        return _exactly(kind, data)
    if is_dataclass(kind) and isinstance(kind, type):
        return kind(**{name: _value(of, data[name]) for name, of in _types(kind).items()})
    return _composed(kind, data)


def _exactly(kind: type, data: Any) -> object:
    if type(data) is not kind:
        raise Garbled(f"{kind.__name__} expected")
    return data


def _composed(kind: Any, data: Any) -> object:
    of, inner = get_origin(kind), get_args(kind)
    compositions: dict[object, Callable[[], object]] = {
        Literal: lambda: _one_of(inner, data),
        UnionType: lambda: None if data is None else _value(inner[0], data),
        tuple: lambda: _tuple(inner, _exactly(list, data)),
    }
    return compositions[of]()


def _one_of(known: tuple[object, ...], data: Any) -> object:
    if data not in known:
        raise Garbled("an unknown word")
    return data


def _tuple(inner: tuple[Any, ...], data: Any) -> object:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_value(inner[0], one) for one in data)
    return tuple(_value(of, one) for of, one in zip(inner, data, strict=True))
