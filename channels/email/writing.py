"""Writes a letter as the bytes of a mail: the same letter gives the same bytes, and nothing in it ends a header."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from bot.errors import SendFailed
from bot.events import Invite
from channels.email import header_lines as lines, invitations, markup
from channels.email.header_lines import Header
from channels.email.mail import Mailbox
from channels.email.quotes import MARKER

LONGEST_SUBJECT = 120
TO_A_PERSON = "To reach a person, say so in your answer."

POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is written.

    `message_id` is ours, `references` ends with what `in_reply_to` names. `reply_to` is an address of ours too.
    `auto` says whether somebody's mail is answered, or we write by ourselves (RFC 3834). `automated` is for people
    who may not know what answers them: the mail says so, and by `contact` how to reach a person. An `exact` letter
    (a request) shows its text as it is: no Markdown, no link, nothing left out.
    """

    sender: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    message_id: str
    date: datetime
    cc: tuple[Mailbox, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: str = ""
    auto: Literal["replied", "generated"] = "replied"
    automated: bool = False
    contact: str = ""
    exact: bool = False
    invite: Invite | None = None


def compose(letter: Letter) -> bytes:
    """The mail as it goes over the wire: ASCII, lines that end with CRLF and are short. Raises SendFailed."""
    mail = EmailMessage(policy=POLICY)
    for header in _headers(letter):
        mail[header.name] = header
    text = plain_text(letter)
    mail.set_content(text, cte=_encoding(text))
    html = _html(letter)
    mail.add_alternative(html, subtype="html", cte=_encoding(html))
    if letter.invite is not None:
        _invite(mail, letter, letter.invite)
    _set_boundaries(mail, letter)
    return mail.as_bytes()


def plain_text(letter: Letter) -> str:
    """What a person reads; a request begins with the line above which an answer belongs."""
    body = markup.exact(letter.text) if letter.exact else markup.cleaned(letter.text)
    marker = MARKER if letter.exact else ""
    return "\n\n".join(filter(None, (marker, body, _introduction(letter)))) + "\n"


def _html(letter: Letter) -> str:
    body = markup.preformatted(letter.text) if letter.exact else markup.html(markup.cleaned(letter.text))
    introduction = _introduction(letter)
    return "".join(
        (
            '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"></head>\n<body dir="auto">\n',
            markup.paragraph(MARKER) if letter.exact else "",
            body,
            markup.paragraph(introduction) if introduction else "",
            "</body>\n</html>\n",
        )
    )


def _introduction(letter: Letter) -> str:
    if not letter.automated:
        return ""
    contact = lines.one_line(letter.contact)
    return f"This mail was written by an automated assistant. {contact or TO_A_PERSON}"


def _headers(letter: Letter) -> Iterator[Header]:
    if not letter.to:
        raise SendFailed("there is nobody to write to", kind="final")
    yield lines.addresses("From", [letter.sender])
    yield lines.addresses("To", letter.to)
    if letter.cc:
        yield lines.addresses("Cc", letter.cc)
    if letter.reply_to:
        yield lines.addresses("Reply-To", [Mailbox(letter.reply_to, letter.sender.name)])
    yield lines.text("Subject", lines.one_line(letter.subject, LONGEST_SUBJECT))
    yield Header.of("Date", [format_datetime(letter.date)])
    yield lines.ids("Message-ID", [letter.message_id])
    if lines.MESSAGE_ID.fullmatch(letter.in_reply_to):
        yield lines.ids("In-Reply-To", [letter.in_reply_to])
    if references := lines.ids("References", letter.references):
        yield references
    yield Header.of("Auto-Submitted", [f"auto-{letter.auto}"])
    # Not "All": that would have Exchange keep to itself that a mail could not be delivered.
    yield Header.of("X-Auto-Response-Suppress", ["DR, RN, NRN, OOF, AutoReply"])
    yield lines.text("X-Loop", letter.sender.address)


def _invite(mail: EmailMessage, letter: Letter, invite: Invite) -> None:
    """Calendars differ in which of the two they take: the part beside the text, or the file."""
    calendar = invitations.request(
        invite,
        organizer=letter.sender,
        attendees=letter.to + letter.cc,
        description=markup.cleaned(letter.text),
        stamp=letter.date,
    )
    mail.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"}, cte="base64")
    mail.add_attachment(calendar.encode(), maintype="application", subtype="ics", filename="invite.ics")


def _set_boundaries(mail: EmailMessage, letter: Letter) -> None:
    """ "=_" stands in no quoted-printable or base64 text, so no body can hold a boundary."""
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        digest = hashlib.sha256(f"{letter.message_id}:{number}".encode()).hexdigest()
        part.set_boundary(f"=_{digest[:40]}")


def _encoding(text: str) -> Literal["quoted-printable", "base64"]:
    """Whichever is shorter, about; never as it is: servers change long lines and spaces at line ends."""
    raw = text.encode()
    others = sum(byte > 126 for byte in raw)
    return "base64" if others * 6 > len(raw) else "quoted-printable"
