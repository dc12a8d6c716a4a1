"""The mails of people, as their programs write them: headers that thread, the original quoted below. Pure."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, formataddr, parseaddr
from html import escape
from typing import Any

from simulators.mail.reading import Read

ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
CONTROL = re.compile(r"[\r\n\0]")
HEADER_NAME = re.compile(r"[!-9;-~]+")
SINGLE = (
    "from",
    "sender",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
)
LONGEST_ATTRIBUTION = 76
IDS = ("message-id", "in-reply-to", "references")


class Folding(EmailPolicy):
    """The standard library would write a long Message-ID as an encoded word, which no mail program does."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() not in IDS:
            return super().fold_binary(name, value)
        return (f"{name}: " + "\r\n ".join(str(value).split()) + "\r\n").encode()


POLICY = Folding(linesep="\r\n")


class Unwritable(Exception):
    """These words cannot be a mail; the text says why."""


@dataclass(frozen=True)
class Enclosed:
    """A file that somebody attaches."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """What somebody wants to send. `answered` is the mail that it replies to."""

    sender: str
    name: str
    to: Sequence[str]
    message_id: str
    date: datetime
    subject: str | None = None
    text: str = ""
    html: str = ""
    cc: Sequence[str] = ()
    headers: Sequence[tuple[str, str]] = ()
    attachments: Sequence[Enclosed] = ()
    answered: Read | None = None
    quote: bool = True


def write(draft: Draft) -> bytes:
    mail = start(draft)
    mail.set_content(_text(draft), cte="quoted-printable")
    if draft.html:
        mail.add_alternative(_html(draft), subtype="html", cte="quoted-printable")
    for each in draft.attachments:
        _check("the name of an attachment", each.name)
        maintype, _, subtype = each.content_type.partition("/")
        mail.add_attachment(each.content, maintype=maintype, subtype=subtype, filename=each.name)
    return finish(mail, draft.headers)


def start(draft: Draft) -> EmailMessage:
    """The headers alone."""
    answered = draft.answered
    mail = EmailMessage(policy=POLICY)
    _set(mail, "From", formataddr((draft.name, draft.sender)) if draft.name else draft.sender)
    _set(mail, "To", ", ".join(draft.to))
    if draft.cc:
        _set(mail, "Cc", ", ".join(draft.cc))
    _set(mail, "Subject", re_subject(answered) if draft.subject is None else draft.subject)
    _set(mail, "Date", format_datetime(draft.date))
    _set(mail, "Message-ID", draft.message_id)
    if answered is not None and answered.message_id:
        _set(mail, "In-Reply-To", answered.message_id)
        _set(mail, "References", " ".join((*answered.references, answered.message_id)))
    return mail


def finish(mail: EmailMessage, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """The bytes, with the sender's own headers; one that exists once only takes the place of ours."""
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name):
            raise Unwritable(f"not a name of a header: {name!r}; send `raw` for a mail that is broken")
        if name.lower() in SINGLE:
            del mail[name]
        _set(mail, name, value)
    return mail.as_bytes()


def _set(mail: EmailMessage, name: str, value: str) -> None:
    _check(name, value)
    try:
        mail[name] = value
    except (ValueError, HeaderParseError) as error:
        raise Unwritable(f"{name}: {error}; send `raw` for a mail that is broken") from None


def _check(what: str, value: str) -> None:
    if CONTROL.search(value):
        raise Unwritable(f"{what} has one line: {value[:60]!r}; send `raw` for a mail that is broken")


def re_subject(answered: Read | None) -> str:
    subject = answered.subject if answered is not None else ""
    return subject if subject.lower().startswith("re:") else f"Re: {subject}".strip() if answered else ""


def parse_address(ref: str) -> tuple[str, str] | None:
    """Name and address of "ann@example.org" or "Ann <ann@example.org>"; None if it is neither."""
    name, address = parseaddr(ref)
    return None if CONTROL.search(ref) or not ADDRESS.fullmatch(address) else (name, address)


def _text(draft: Draft) -> str:
    if draft.answered is None or not draft.quote:
        return f"{draft.text.rstrip()}\n"
    quoted = "\n".join(f"> {line}".rstrip() for line in draft.answered.text.rstrip().splitlines())
    return f"{draft.text.rstrip()}\n\n{_attribution(draft.answered, draft.date)}\n\n{quoted}\n"


def _html(draft: Draft) -> str:
    own = f'<div dir="ltr">{draft.html}</div>'
    if draft.answered is None or not draft.quote:
        return f"{own}\n"
    original = draft.answered.html or f"<pre>{escape(draft.answered.text)}</pre>"
    attribution = escape(_attribution(draft.answered, draft.date).replace("\n", " "))
    return (
        f'{own}<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{attribution}<br></div>\n'
        f'<blockquote class="gmail_quote">{original}</blockquote></div>\n'
    )


def _attribution(answered: Read, date: datetime) -> str:
    """As Gmail has it, folded where Gmail folds it."""
    when = (answered.date or date).astimezone(date.tzinfo)
    clock = f"{when.hour % 12 or 12}:{when:%M}\N{NARROW NO-BREAK SPACE}{when:%p}"
    line = f"On {when:%a, %b} {when.day}, {when.year} at {clock} {answered.from_ or 'somebody'} wrote:"
    return textwrap.fill(line, LONGEST_ATTRIBUTION, break_long_words=False, break_on_hyphens=False)
