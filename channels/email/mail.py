"""What one mail says once it is read: plain values that cross the border between two processes as JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.files import Attachment

Partstat = Literal["ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION", "DELEGATED"]
BounceAction = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
ReportKind = Literal["", "delivery", "disposition", "feedback"]
"""multipart/report: a bounce (RFC 3464), a read receipt (RFC 8098), a complaint about abuse (RFC 5965)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as it is compared (lower case, domain in ASCII), and the name that somebody put beside it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What became of a mail of ours: `message_id` is that of the original, `status` as RFC 3463 has it."""

    action: BounceAction
    message_id: str = ""
    recipient: str = ""
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class CalendarReply:
    """Somebody's answer to an invitation (iTIP METHOD:REPLY, RFC 5546); `uid` is the invitation's."""

    uid: str
    attendee: str
    partstat: Partstat
    summary: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail.

    `from_` holds every mailbox of every From header: a sender can only be proved if there is exactly one.
    `authentication_results` are the unfolded values of these headers, the topmost (newest) first.
    `headers` are all others that a rule may want to see, names in lower case, in order, unfolded.
    `automatic` says why this is never answered ("" for a person's mail): see `automatic.py`.

    `text` is what the sender wrote now; `quoted` what stands below or around it of earlier mails, `signature`
    theirs. `inline` says that the new text answers between the quoted lines, so that `text` keeps those lines.
    `dropped` says in words what was left out (hidden text, a part that cannot be read, too much).
    """

    message_id: str
    from_: tuple[Mailbox, ...]
    subject: str = ""
    date: datetime | None = None
    sender: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    automatic: str = ""
    report: ReportKind = ""
    bounces: tuple[Bounce, ...] = ()
    text: str = ""
    quoted: str = ""
    signature: str = ""
    inline: bool = False
    attachments: tuple[Attachment, ...] = ()
    calendar: CalendarReply | None = None
    dropped: tuple[str, ...] = field(default=())

    def header(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")
