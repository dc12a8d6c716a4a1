"""A mail as /sim/email/messages has it."""

from datetime import UTC, datetime
from email.utils import getaddresses

from simulators.mail import invitations
from simulators.mail.config import Json
from simulators.mail.reading import Read, read
from simulators.mail.state import Letter


def shown(letter: Letter) -> Json:
    mail = read(letter.raw)
    found: Json = {
        "n": letter.number,
        "id": letter.id,
        "direction": letter.direction,
        "from": next(iter(addresses(mail, "From")), ""),
        "to": addresses(mail, "To"),
        "cc": addresses(mail, "Cc"),
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "attachments": [{"name": name, "content_type": kind} for name, kind in mail.attachments],
        "headers": [[name, value] for name, value in mail.headers],
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": list(mail.references),
        "sender": letter.sender,
        "recipients": list(letter.recipients),
        "at": datetime.fromtimestamp(letter.at, UTC).isoformat(),
    }
    if mail.calendar:
        found["calendar"] = {"text": mail.calendar, **invitations.shown(mail.calendar)}
    return found


def addresses(mail: Read, name: str) -> list[str]:
    """Those of a header, in lower case."""
    return [address.lower() for _, address in getaddresses([mail.header(name)]) if address]
