"""What the first lines of a mail say, seen without a parser: for a list of mails, never to act on."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LOOKED_AT = 64 << 10
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Peek:
    """As somebody wrote it, unfolded and cut; "" if there is none."""

    sender: str = ""
    subject: str = ""


def peek(raw: bytes) -> Peek:
    return Peek(_value(raw, b"From"), _value(raw, b"Subject"))


def date_of(raw: bytes) -> datetime | None:
    """The moment in Date, None if it is missing or none."""
    try:
        found = parsedate_to_datetime(_value(raw, b"Date")[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _value(raw: bytes, name: bytes) -> str:
    head = raw[:LOOKED_AT].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = re.search(
        rb"^" + name + rb":(.{0,1000}(?:\n[ \t].{0,1000})?)", head, re.IGNORECASE | re.MULTILINE
    )
    text = found[1].decode("utf-8", "replace") if found else ""
    return " ".join(text.split())[:LONGEST]
