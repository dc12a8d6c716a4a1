"""What is in a winmail.dat: Outlook's own envelope for text and files (TNEF), read under caps."""

import logging
import struct
from dataclasses import dataclass

from channels.email.decoding import text_of
from channels.email.limits import LONGEST_TNEF, Unreadable

CONTENT_TYPES = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))

_SIGNATURE = 0x223E9F78
_HEAD = struct.Struct("<BHHI")
_MOST_OBJECTS = 600
_MOST_WORK = 2 << 30  # the library copies what follows for each object
_BODY, _PROPERTIES, _CODEPAGE = 0x800C, 0x9003, 0x9007
_ATTACHMENT = frozenset((0x9002, 0x8010, 0x800F, 0x9005))
_WANTED = _ATTACHMENT | {_BODY, _PROPERTIES, _CODEPAGE}
"""The others are of no use here, and some of them cost the library without limit."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.html or self.files)


def unwrap(content: bytes) -> Unwrapped:
    """Raises Unreadable if this is no TNEF, or too much of it."""
    wanted = _wanted(content)
    from tnefparse import TNEF  # type: ignore[import-untyped]  # here: it costs memory, and few mails need it

    logging.getLogger("tnefparse").setLevel(logging.CRITICAL)
    try:
        found = TNEF(wanted, do_checksum=False)
        return Unwrapped(
            _text(found.body),
            _text(found.htmlbody),
            tuple((_text(one.long_filename()), _bytes(one.data)) for one in found.attachments),
        )
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RecursionError,
            NameError, struct.error, OSError) as error:  # fmt: skip
        raise Unreadable(f"a winmail.dat that is broken ({type(error).__name__})") from error


def _wanted(content: bytes) -> bytes:
    """The same with only those objects that are of use."""
    if len(content) > LONGEST_TNEF:
        raise Unreadable("a winmail.dat that is too large")
    if len(content) < 6 or int.from_bytes(content[:4], "little") != _SIGNATURE:
        raise Unreadable("a winmail.dat that is none")
    kept, at = [content[:6]], 6
    while at + _HEAD.size + 2 <= len(content):
        _, name, _, length = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length + 2
        if name in _WANTED and end <= len(content):
            kept.append(content[at:end])
        at = end
        if len(kept) > _MOST_OBJECTS or len(kept) * len(content) > _MOST_WORK:
            raise Unreadable("a winmail.dat with too much in it")
    return b"".join(kept)


def _text(value: object) -> str:
    match value:
        case str():
            return value.strip("\x00")
        case bytes():
            return text_of(value, "").strip("\x00")
        case [first, *_]:
            return _text(first)
        case _:
            return ""


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case [first, *_]:
            return _bytes(first)
        case _:
            return b""
