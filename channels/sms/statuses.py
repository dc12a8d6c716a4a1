"""What became of a message that Twilio took: its states come in any order, some twice, and never go back."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from bot.events import DeliveryReported, Incoming
from bot.ports import Part
from channels.sms.events import NAME, SID
from channels.sms.failures import UNREACHABLE, in_words

RANKS = {"queued": 1, "sending": 2, "sent": 3, "undelivered": 4, "failed": 4, "delivered": 5}
"""A phone's own receipt goes last: whatever was said before, the text is there."""
FINAL = 4
REMEMBERED = 10_000
OUTBOX_ID = re.compile(r"[^:\s]{1,100}:[0-9]{1,18}:[0-9]{1,9}")
NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Origin:
    """The part of ours that a message at Twilio carries."""

    outbox_id: str
    part: int
    parts: int

    @classmethod
    def of(cls, part: Part) -> "Origin":
        return cls(part.outbox_id, part.number, part.count)


@dataclass(frozen=True, slots=True)
class Status:
    sid: str
    name: str
    error_code: int = 0


def callback_query(outbox_id: str, part: int, parts: int) -> str:
    """What the address for status callbacks ends with. A colon may stand in a query, so it stays one."""
    return f"o={quote(outbox_id, safe=':')}&p={part}&n={parts}"


def origin(query: Iterable[tuple[str, str]]) -> Origin | None:
    """The part that a callback is about, from the address that we gave with it."""
    found = dict(query)
    outbox_id, part, parts = (found.get(name, "") for name in ("o", "p", "n"))
    if not (OUTBOX_ID.fullmatch(outbox_id) and NUMBER.fullmatch(part) and NUMBER.fullmatch(parts)):
        return None
    return Origin(outbox_id, int(part), int(parts))


def report(status: Status, of: Origin) -> Incoming | None:
    """The input in a state, if it is one that matters: it arrived, or it will not."""
    if RANKS.get(status.name, 0) < FINAL or not SID.fullmatch(status.sid):
        return None
    arrived = status.name == "delivered"
    data = DeliveryReported(
        outbox_id=of.outbox_id,
        part_number=of.part,
        parts=of.parts,
        status="delivered" if arrived else "undelivered",
        provider_id=status.sid,
        error="" if arrived else in_words(status.error_code),
        unreachable=not arrived and status.error_code in UNREACHABLE,
    )
    return Incoming(
        data,
        channel=NAME,
        dedupe=f"{NAME}:status:{status.sid}:{status.name}",
        thread_id=of.outbox_id.partition(":")[0],
        correlation=of.outbox_id,
    )


class Ranks:
    """How far each message has come, as far as this process has heard."""

    def __init__(self) -> None:
        self._ranks: dict[str, int] = {}

    def is_news(self, status: Status) -> bool:
        return RANKS.get(status.name, 0) > self._ranks.get(status.sid, 0)

    def remember(self, status: Status) -> None:
        """Only once it is stored: what could not be stored comes again, and is news then."""
        rank = max(RANKS.get(status.name, 0), self._ranks.pop(status.sid, 0))
        self._ranks[status.sid] = rank
        if len(self._ranks) > REMEMBERED:
            del self._ranks[next(iter(self._ranks))]
