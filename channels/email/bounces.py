"""What other servers report of a mail of ours, as an input: it arrived, or it did not and why. Never for the model."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.events import DeliveryReported, Incoming
from channels.email.failures import is_gone, reason_of_status, shown, status_in
from channels.email.mail import Bounce

NAME = "email"


@dataclass(frozen=True, slots=True)
class Origin:
    """The message that a mail of ours was: whom it was for, and who had a copy."""

    thread_id: str
    outbox_id: str
    address: str
    copies: tuple[str, ...] = ()


OutboxOf = Callable[[str], Origin | None]
"""The message with this Message-ID; None if it is none of ours."""


def reports(bounces: Iterable[Bounce], *, outbox_of: OutboxOf) -> Iterator[Incoming]:
    """The inputs in a delivery report (RFC 3464). A bounce that names no mail of ours says nothing."""
    for bounce in bounces:
        origin = outbox_of(bounce.message_id) if bounce.message_id else None
        if origin is not None and (incoming := report(bounce, origin)):
            yield incoming


def report(bounce: Bounce, of: Origin) -> Incoming | None:
    """The input in one bounce, if it is news: waiting, or handed on to a system that reports nothing, is none.

    Copies are a courtesy: what becomes of them says nothing about the message. An address counts as gone only if
    the report is about that very address, not about one that it is forwarded to.
    """
    recipient = bounce.recipient.lower()
    if bounce.action not in ("failed", "delivered") or recipient in _lower(of.copies):
        return None
    arrived = bounce.action == "delivered"
    status = bounce.status or status_in(bounce.diagnostic)
    gone = not arrived and is_gone(status) and recipient in ("", of.address.lower())
    data = DeliveryReported(
        outbox_id=of.outbox_id,
        part_number=1,
        parts=1,
        status="delivered" if arrived else "undelivered",
        provider_id=bounce.message_id,
        error="" if arrived else in_words(bounce),
        unreachable=gone,
        address=of.address if gone else "",
    )
    return Incoming(
        data,
        channel=NAME,
        dedupe=f"{NAME}:report:{_digest(bounce)}",
        thread_id=of.thread_id,
        correlation=of.outbox_id,
    )


def in_words(bounce: Bounce) -> str:
    """Why it did not arrive: what the status means, then the other server's own words, without addresses."""
    status = bounce.status or status_in(bounce.diagnostic)
    said = shown(bounce.diagnostic)
    words = [reason_of_status(status), f"({status})" if status and status not in said else "", said]
    return " ".join(filter(None, words)) or "it came back, and nobody says why"


def _digest(bounce: Bounce) -> str:
    """The same report may come twice, and one for each recipient: each counts once."""
    what = "\n".join((bounce.message_id, bounce.recipient.lower(), bounce.action, bounce.status))
    return hashlib.sha256(what.encode()).hexdigest()[:32]


def _lower(addresses: Iterable[str]) -> set[str]:
    return {address.lower() for address in addresses}
