"""A mail that somebody sent us, as an input of the core. Pure."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.events import INLINE, Block, Incoming, MessageReceived, Sender
from bot.files.shown import blocks as file_blocks
from channels.email.ids import is_ours, tokens_in
from channels.email.mail import CalendarReply, Mail, Mailbox
from channels.email.proof import Proof
from channels.email.quotes import decisive

NAME = "email"
INVITATION = "invitation"
SUBJECT = "subject"
MOST_QUOTED = 16_000  # characters; the raw bytes keep the rest
_RE = re.compile(r"\s*(?:re|aw|sv|vs|antw|fwd?|wg)\s*:", re.IGNORECASE)
_SAID = {
    "ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "may come to", "NEEDS-ACTION": "has not answered",
    "DELEGATED": "sends somebody else to",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail at our door: where it came to, what proves its sender, and the thread it belongs to ("": a new one)."""

    mail: Mail
    account: str
    sender: str
    proof: Proof
    thread_id: str = ""
    raw: bytes = b""


def place(mail: Mail) -> str:
    """What makes it the same mail however often it is seen: its id, its sender, its date, and what it says."""
    said = "".join(f"{mail.text}{mail.quoted}{mail.signature}".split())
    files = [each.digest for each in mail.attachments]
    senders = [each.address for each in mail.from_]
    date = mail.date.isoformat() if mail.date else ""
    whole = "\0".join((mail.message_id, *senders, date, mail.subject, said, *files))
    return f"{NAME}:{hashlib.sha256(whole.encode(errors='replace')).hexdigest()[:32]}"


def sender_of(mail: Mail) -> str:
    """Who says to have sent it: the only mailbox in From; "" if there are more, or none."""
    return mail.from_[0].address if len(mail.from_) == 1 else ""


def why_ours(mail: Mail, account: str) -> str:
    """Why this is a mail of ours that came back, perhaps without the headers that say so; "" if it is none."""
    account = account.lower()
    if any(_without_plus(each.address) == account for each in mail.from_):
        return "we sent it ourselves"
    if any(name == "x-loop" and value.strip().strip("<>").lower() == account for name, value in mail.headers):
        return "it has been here before (X-Loop)"
    if is_ours(mail.message_id, account.rpartition("@")[2]):
        return "it is a mail of ours (Message-ID)"
    return ""


def references(mail: Mail) -> tuple[str, ...]:
    """The Message-IDs of earlier mails that it names, the nearest first."""
    return tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))


def tokens(mail: Mail, account: str) -> tuple[str, ...]:
    """The reply tokens of ours that it carries."""
    delivered = (
        value for name, value in mail.headers if name in ("delivered-to", "x-original-to", "envelope-to")
    )
    addresses = (each.address for each in (*mail.to, *mail.cc))
    return tokens_in((*references(mail), *addresses, *delivered), address=account)


def incoming(arrival: Arrival, place_: str) -> Incoming:
    """The message. What joins no thread opens one of its own, whose replies go to whoever wrote."""
    mail, account = arrival.mail, arrival.account
    data = MessageReceived(
        place=place_,
        blocks=tuple(_blocks(arrival)),
        sender=Sender(
            channel=NAME,
            address=arrival.sender,
            proof="provider" if arrival.proof.proven else "none",
            unproven="" if arrival.proof.proven else arrival.proof.missing,
        ),
        display=_display(arrival),
        reply_to=next(iter(references(mail)), ""),
        channel_ref=_channel_ref(mail),
        raw=hashlib.sha256(arrival.raw).hexdigest() if arrival.raw else "",
    )
    found = Incoming(
        data,
        channel=NAME,
        dedupe=place_,
        account=account,
        destination=arrival.sender,
        sent_at=mail.date,
    )
    if arrival.thread_id:
        return replace(found, thread_id=arrival.thread_id, direct=_is_direct(mail, account))
    return replace(found, conversation=place_, direct=_is_direct(mail, account))


def _is_direct(mail: Mail, account: str) -> bool:
    """Whether nobody but us got it."""
    others = {each.address for each in (*mail.to, *mail.cc)} - {account}
    return not any(_without_plus(each) != account for each in others)


def _without_plus(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _display(arrival: Arrival) -> str:
    """A name is free text: beside an address that is not proved it would only mislead."""
    name = arrival.mail.from_[0].name if arrival.mail.from_ else ""
    return (name or arrival.sender) if arrival.proof.proven else arrival.sender


def _channel_ref(mail: Mail) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {
        "message_id": mail.message_id,
        "references": mail.references[-20:],
        "subject": mail.subject,
        "from": next((each.address for each in mail.from_), ""),
        "to": _addresses(mail.to),
        "cc": _addresses(mail.cc),
        "reply_to": _addresses(mail.reply_to),
        "signature": mail.signature,
    }
    return {key: value for key, value in found.items() if value}


def _addresses(mailboxes: tuple[Mailbox, ...]) -> tuple[str, ...]:
    return tuple(each.address for each in mailboxes[:50])


# ---------------------------------------------------------------- what it says


def _blocks(arrival: Arrival) -> Iterator[Block]:
    mail = arrival.mail
    yield from _own_words(mail)
    if _begins(arrival):
        yield Block(source="person", name=SUBJECT, text=mail.subject)
    if mail.calendar is not None:
        yield Block(source="attachment", name=INVITATION, text=_answered(mail.calendar))
    if mail.quoted.strip():
        yield Block(source="quoted", text=mail.quoted.strip()[:MOST_QUOTED])
    yield from file_blocks(mail.attachments)
    if mail.dropped:
        yield Block(source="attachment", name="left out", text="; ".join(mail.dropped))


def _own_words(mail: Mail) -> Iterator[Block]:
    """What decides stands in the block without a name: nothing that stands below a quote."""
    first = decisive(mail.text, inline=mail.inline)
    below = mail.text.removeprefix(first).strip()
    if first.strip() or not (below or mail.calendar or mail.attachments):
        yield Block(source="person", text=first.strip())
    if below:
        yield Block(source="person", name=INLINE, text=below)


def _begins(arrival: Arrival) -> bool:
    """A subject says something when it opens a conversation, and repeats itself after that."""
    subject = arrival.mail.subject.strip()
    return bool(subject) and not arrival.thread_id and not _RE.match(subject)


def _answered(reply: CalendarReply) -> str:
    said = f"{reply.attendee} {_SAID[reply.partstat]} the invitation: {reply.summary or 'a meeting'}"
    return f"{said}\nComment: {reply.comment}" if reply.comment else said
