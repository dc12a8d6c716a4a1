"""IMAP as it goes over the wire: how names are written, what the answers hold, and a sturdier reader of them."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from aioimaplib import aioimaplib

PIECE = 1024
"""aioimaplib calls itself once a line: a read with a thousand of them ends the connection (its issue 118)."""
LONGEST_LINE = 8 << 20

_NO_IMAP = (aioimaplib.AioImapException, ValueError, LookupError, AttributeError, TypeError)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COUNT = re.compile(rb"\* (\d+) EXISTS", re.IGNORECASE)
_GONE = re.compile(rb"\* \d+ EXPUNGE", re.IGNORECASE)
_FETCH = re.compile(rb"\d+ FETCH \(")
_UID = re.compile(rb"[ (]UID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')
_BODY = re.compile(rb"BODY\[[A-Z]*\](?:<\d+>)? ")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_LITERAL = re.compile(rb"\{\d+\}$")
_UIDS = re.compile(rb"(?:SEARCH ?)?((?:\d+ ?)*)")


class Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # published without types
    """aioimaplib's, fed in small pieces, with an end to what a server may send, and to a refused XOAUTH2."""

    most = 32 << 20  # bytes of one literal
    trouble = ""
    permanent = b""
    """PERMANENTFLAGS as the server said it: aioimaplib takes every "* " out of a line, and so that of "\\* "."""
    exists = 0
    news = False
    """The number of mails has grown since this was last cleared. A server says so once, in the answer to anything."""

    def data_received(self, data: bytes) -> None:
        """What aioimaplib says of an answer that it did not expect holds the command, and so the password."""
        for start in range(0, len(data), PIECE):
            try:
                super().data_received(data[start : start + PIECE])
            except (*_NO_IMAP, RecursionError) as error:
                self._give_up(f"no IMAP: {type(error).__name__}")
                return
            if self._is_too_much():
                self._give_up("it sent too much")
                return

    async def welcome(self, command: bytes) -> None:
        """The first line; a server that is too busy says BYE in it."""
        try:
            await super().welcome(command)
        except _NO_IMAP:
            self._give_up(command.decode("utf-8", "replace")[:200])

    def _give_up(self, why: str) -> None:
        self.trouble = why
        self.transport.abort()

    def _is_too_much(self) -> bool:
        command = self.current_command
        literal = command is not None and command._expected_size > self.most
        return literal or len(self.incomplete_line) > LONGEST_LINE

    def _untagged_response(self, line: bytes) -> Any:
        if found := _COUNT.fullmatch(line):
            self.news = self.news or int(found[1]) > self.exists
            self.exists = int(found[1])
        elif _GONE.fullmatch(line):
            self.exists -= 1
        elif b"[PERMANENTFLAGS " in line.upper():
            self.permanent = line
        return super()._untagged_response(line)

    def _continuation(self, line: bytes) -> None:
        """A challenge after XOAUTH2 is the reason for the refusal; the server wants an empty line to it."""
        super()._continuation(line)
        if self.pending_sync_command is not None and self.pending_sync_command.name == "AUTHENTICATE":
            self.transport.write(b"\r\n")


@dataclass(slots=True)
class Fetched:
    """What a server said of one mail."""

    size: int | None = None
    at: datetime | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox as it was opened. `next_uid` is 0 if the server does not say."""

    validity: int
    next_uid: int
    flags: frozenset[str] = field(default=frozenset())
    read_only: bool = False

    def can_keep(self, flag: str) -> bool:
        """Would the server remember this flag of ours?"""
        return not self.read_only and ("\\*" in self.flags or flag.lower() in self.flags)


def quote(text: str) -> str:
    """A quoted string; a name that cannot be one raises ValueError."""
    if any(char in text for char in "\r\n\0"):
        raise ValueError("a line break or a NUL cannot be sent to a mail server")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox_name(name: str) -> str:
    """The name of a mailbox, in modified UTF-7 (RFC 3501, 5.1.3) and quoted."""
    runs = re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name)
    return quote("".join(run.replace("&", "&-") if run.isascii() else _utf7(run) for run in runs))


def _utf7(run: str) -> str:
    coded = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=")
    return "&" + coded.replace("/", ",") + "-"


def day(moment: date) -> str:
    """A day as SEARCH has it."""
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"


def uids_of(lines: Iterable[bytes]) -> tuple[int, ...]:
    """The answer to UID SEARCH, in ascending order, each once."""
    found: set[int] = set()
    for line in lines:
        if match := _UIDS.fullmatch(bytes(line)):
            found.update(int(uid) for uid in match[1].split())
    return tuple(sorted(found))


def selected(lines: Iterable[bytes]) -> Selected:
    """The answer to SELECT; `validity` is 0 if the server keeps no UIDs."""
    text = b"\n".join(bytes(line) for line in lines).decode("ascii", "replace")
    flags = re.search(r"\[PERMANENTFLAGS \(([^)]*)\)", text, re.IGNORECASE)
    return Selected(
        validity=_number("UIDVALIDITY", text),
        next_uid=_number("UIDNEXT", text),
        flags=frozenset(flags[1].lower().split()) if flags else frozenset(),
        read_only="[READ-ONLY]" in text.upper(),
    )


def _number(name: str, text: str) -> int:
    found = re.search(rf"\[{name} (\d+)\]", text, re.IGNORECASE)
    return int(found[1]) if found else 0


def fetched(lines: Iterable[Any]) -> Mapping[int, Fetched]:
    """The answer to UID FETCH by UID; what comes without a UID was not asked for."""
    found: dict[int, Fetched] = {}
    for text, literal in _responses(lines):
        uid = _UID.search(text)
        if uid is None:
            continue
        mail = found.setdefault(int(uid[1]), Fetched())
        if size := _SIZE.search(text):
            mail.size = int(size[1])
        if at := _DATE.search(text):
            mail.at = _moment(at[1].decode("ascii", "replace"))
        if mail.body is None:
            mail.body = _body(text, literal)
    return found


def _responses(lines: Iterable[Any]) -> Iterable[tuple[bytes, bytes | None]]:
    """One response each: its text without the literal, and the literal, which aioimaplib gives as a bytearray."""
    text, literal, inside = b"", None, False
    for line in lines:
        if isinstance(line, bytearray):
            literal = bytes(line) if literal is None else literal
        elif _FETCH.match(line) and not _LITERAL.search(text):
            if inside:
                yield text, literal
            text, literal, inside = line, None, True
        else:
            text = _LITERAL.sub(b"", text) + b" " + line
    if inside:
        yield text, literal


def _body(text: bytes, literal: bytes | None) -> bytes | None:
    named = _BODY.search(text)
    if named is None:
        return None
    if literal is not None:
        return literal
    quoted = _QUOTED.match(text, named.end())
    return re.sub(rb"\\(.)", rb"\1", quoted[1]) if quoted else None


def _moment(text: str) -> datetime | None:
    """INTERNALDATE as " 1-Jan-2026 12:00:00 +0100"; None if a server has its own way to write it."""
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
