"""Header lines that nothing can be injected into: what is not plain ASCII is encoded by us, on short lines.

The library would decode encoded words found in a text, so that "=?utf-8?q?=0D=0ABcc:_...?=" in a subject became a
line end. A `Header` is written as it stands instead.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from email.policy import Policy
from typing import Self

from bot.errors import SendFailed
from channels.email.mail import Mailbox

MOST_IDS = 20
LONGEST_ID = 900
LONGEST_NAME = 100
LONGEST_TEXT = 1_000
LONGEST_WORD = 60  # of plain text; what is longer is encoded
LINE = 76
CHUNK = 45  # bytes, so that an encoded word has at most 75 characters

# Everything that ends a line anywhere, controls, and what is not seen or turns the direction of the rest.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+"
)
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@[^@]{{1,253}}\Z){ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})*")
MESSAGE_ID = re.compile(rf"<[!-;=?-~]{{1,{LONGEST_ID - 2}}}>")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 '_-]*")


class Header(str):
    """A header's value as it goes out: ASCII, and each line but the first begins with a space."""

    __slots__ = ("name",)
    name: str

    @classmethod
    def of(cls, name: str, lines: Sequence[str]) -> Self:
        header = cls("\r\n ".join(lines))
        header.name = name
        return header

    def fold(self, *, policy: Policy) -> str:
        """Called by the library when it writes the mail."""
        del policy  # it is folded already
        return f"{self.name}: {self}\r\n"


def one_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text for a header: one line without anything unseen."""
    return " ".join(UNSEEN.sub(" ", text).split())[:longest].rstrip()


def text(name: str, value: str) -> Header:
    return Header.of(name, _words(one_line(value), room=LINE - len(name) - 2))


def addresses(name: str, mailboxes: Iterable[Mailbox]) -> Header:
    written = [_mailbox(mailbox) for mailbox in mailboxes]
    return Header.of(name, [f"{each}," for each in written[:-1]] + written[-1:])


def ids(name: str, values: Sequence[str]) -> Header:
    """Message-IDs, one a line: of too many the first and the last; what is none is left out."""
    return Header.of(name, capped([value for value in values if MESSAGE_ID.fullmatch(value)]))


def capped(values: Sequence[str]) -> list[str]:
    """At most so many ids: the first, which a conversation hangs on, and the last ones."""
    return [*values] if len(values) <= MOST_IDS else [values[0], *values[1 - MOST_IDS :]]


def checked(address: str) -> str:
    """An address as it may stand in a header and be said to a server; raises SendFailed for what is none."""
    if ADDRESS.fullmatch(address):
        return address
    why = "" if address.isascii() else "; addresses outside of ASCII cannot be written to"
    raise SendFailed(f"{one_line(address, 100)!r} is no address to write to{why}", kind="final")


def _mailbox(mailbox: Mailbox) -> str:
    address = checked(mailbox.address)
    name = one_line(mailbox.name, LONGEST_NAME)
    if not name:
        return address
    if PLAIN_NAME.fullmatch(name) and len(name) <= LONGEST_WORD:
        return f"{name} <{address}>"
    return "\r\n ".join([*_encoded(name), f"<{address}>"])


def _words(value: str, *, room: int) -> list[str]:
    """The lines of a text: as it is if it is plain, else in encoded words (RFC 2047)."""
    words = value.split(" ")
    if not value.isascii() or "=?" in value or max(map(len, words)) > LONGEST_WORD:
        return _encoded(value)
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= (room if len(lines) == 1 else LINE - 1):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _encoded(value: str) -> list[str]:
    chunks, size = [""], 0
    for char in value:
        width = len(char.encode())
        if size + width > CHUNK:
            chunks.append("")
            size = 0
        chunks[-1] += char
        size += width
    return [f"=?utf-8?b?{base64.b64encode(chunk.encode()).decode()}?=" for chunk in chunks]
