"""What machines answer to a mail: a bounce as Postfix makes it, an out-of-office note. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from simulators.mail.border import split, to_crlf
from simulators.mail.reading import Read
from simulators.mail.writing import Draft, finish, start

NOTICE = """\
This is the mail system at host {host}.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.

                   The mail system

<{recipient}>: {diagnostic}
"""
DELAYED = """\
This is the mail system at host {host}.

####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered for more than 4 hour(s).
It will be retried until it is 5 day(s) old.

                   The mail system

<{recipient}>: {diagnostic}
"""


@dataclass(frozen=True)
class Bounce:
    """`status` is the code of RFC 3463; one that starts with 4 makes it a notice of a delay."""

    host: str
    queue_id: str
    message_id: str
    date: datetime
    sender: str
    recipient: str
    status: str
    diagnostic: str

    @property
    def is_delay(self) -> bool:
        return self.status.startswith("4.")


def diagnostic(status: str) -> str:
    """What a remote server says that gives this status."""
    if status.startswith("4."):
        return f"451 {status} Temporary failure, please try again later"
    return f"550 {status} {'User unknown' if status == '5.1.1' else 'Message refused'}"


def bounce(original: bytes, found: Bounce) -> bytes:
    """multipart/report with the notice, the delivery status and the original (its headers, if it is only late)."""
    boundary = f"{found.queue_id}.{int(found.date.timestamp())}/{found.host}"
    subject = (
        "Delayed Mail (still being retried)" if found.is_delay else "Undelivered Mail Returned to Sender"
    )
    head = (
        f"Date: {format_datetime(found.date)}\n"
        f"From: MAILER-DAEMON@{found.host} (Mail Delivery System)\n"
        f"Subject: {subject}\n"
        f"To: {found.sender}\n"
        "Auto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{boundary}"\n'
        f"Message-Id: {found.message_id}\n\n"
        "This is a MIME-encapsulated message.\n\n"
    )
    parts = (
        _part("Notification", "text/plain; charset=us-ascii", _notice(found)),
        _part("Delivery report", "message/delivery-status", _status(found)),
        _original(original, found),
    )
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\n" + part + b"\n" for part in parts)
    return to_crlf(head.encode() + body + line + b"--\n")


def auto_reply(answered: Read, draft: Draft) -> bytes:
    """As Exchange and others write it while somebody is away (RFC 3834)."""
    mail = start(replace(draft, subject=f"Automatic reply: {answered.subject}"))
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Precedence"] = "bulk"
    mail.set_content(draft.text)
    return finish(mail, draft.headers)


def _notice(found: Bounce) -> bytes:
    notice = DELAYED if found.is_delay else NOTICE
    return notice.format(host=found.host, recipient=found.recipient, diagnostic=found.diagnostic).encode()


def _status(found: Bounce) -> bytes:
    date = format_datetime(found.date)
    return (
        f"Reporting-MTA: dns; {found.host}\n"
        f"X-Postfix-Queue-ID: {found.queue_id}\n"
        f"X-Postfix-Sender: rfc822; {found.sender}\n"
        f"Arrival-Date: {date}\n\n"
        f"Final-Recipient: rfc822; {found.recipient}\n"
        f"Original-Recipient: rfc822;{found.recipient}\n"
        f"Action: {'delayed' if found.is_delay else 'failed'}\n"
        f"Status: {found.status}\n"
        f"Remote-MTA: dns; mail.{found.recipient.rpartition('@')[2]}\n"
        f"Diagnostic-Code: smtp; {found.diagnostic}\n"
    ).encode()


def _original(original: bytes, found: Bounce) -> bytes:
    if found.is_delay:
        return _part("Undelivered Message Headers", "text/rfc822-headers", split(to_crlf(original))[0])
    return _part("Undelivered Message", "message/rfc822", original)


def _part(description: str, content_type: str, content: bytes) -> bytes:
    return f"Content-Description: {description}\nContent-Type: {content_type}\n\n".encode() + content
