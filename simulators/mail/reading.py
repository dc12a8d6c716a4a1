"""A mail as scripts and the page want to see it: its words, its headers, its invitation. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime

MESSAGE_ID = re.compile(r"<[^<>\s]+>")


@dataclass(frozen=True)
class Read:
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    calendar: str
    attachments: tuple[tuple[str, str], ...]
    """Name and type of each."""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def from_(self) -> str:
        return self.header("From")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def message_id(self) -> str:
        return next(iter(MESSAGE_ID.findall(self.header("Message-ID"))), "")

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(MESSAGE_ID.findall(self.header("References")))

    @property
    def in_reply_to(self) -> str:
        return next(iter(MESSAGE_ID.findall(self.header("In-Reply-To"))), "")

    @property
    def date(self) -> datetime | None:
        """None if there is none that can be read."""
        try:
            return parsedate_to_datetime(self.header("Date"))
        except (ValueError, TypeError, IndexError):
            return None


def read(raw: bytes) -> Read:
    """What cannot be read is left out."""
    mail = message_from_bytes(raw)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    bodies = [part for part in parts if part.get_content_disposition() != "attachment"]
    return Read(
        headers=tuple((name, unfold(value)) for name, value in mail.raw_items()),
        text=_first(bodies, "text/plain"),
        html=_first(bodies, "text/html"),
        calendar=_first(parts, "text/calendar"),
        attachments=tuple(
            (part.get_filename() or "", part.get_content_type())
            for part in parts
            if part.get_content_disposition() == "attachment"
        ),
    )


def unfold(value: object) -> str:
    """A header's value on one line, its encoded words read."""
    line = re.sub(r"\r?\n[ \t]*", " ", str(value)).strip()
    line = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(line))) if "=?" in line else line
    except (HeaderParseError, LookupError, ValueError):
        return line


def _first(parts: Sequence[Message], content_type: str) -> str:
    return next((_text(part) for part in parts if part.get_content_type() == content_type), "")


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)  # of a part that is not a multipart
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n")
