"""The messages in line for each destination: kept in mind while that is certain, else asked of the store.

In the steady state nothing is read to send a message. A destination is "on disk" if it may have messages that
are not in mind: those of an earlier process, those that failed, and those that would not fit.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.ports import OutboxRow

Place = tuple[str, str, str]
"""Channel, account and destination: what has an order of its own."""

MOST = 10_000


def place_of(row: OutboxRow) -> Place:
    return row.outgoing.channel, row.outgoing.account, row.outgoing.destination


def earliest(*times: datetime | None) -> datetime | None:
    return min((time for time in times if time is not None), default=None)


@dataclass(slots=True)
class _Meanwhile:
    """How it was when the store was asked last, and what happened since: there its answer is out of date."""

    in_mind: set[Place] = field(default_factory=set)
    busy: set[Place] = field(default_factory=set)
    on_disk: set[Place] = field(default_factory=set)
    due_at: datetime | None = None


class Queues:
    """Says which messages may be started; at most one of each destination is under way."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._queues: dict[Place, deque[OutboxRow]] = {}
        self._count = 0
        self._ready: dict[Place, None] = {}
        self._busy: set[Place] = set()
        self._on_disk: set[Place] | None = None  # None: it may be any
        self._meanwhile = _Meanwhile()
        self._due_at: datetime | None = None
        self._stale = True

    @property
    def busy(self) -> int:
        """How many messages are under way."""
        return len(self._busy)

    # ------------------------------------------------------------ in mind

    def add(self, row: OutboxRow) -> None:
        """A message was written just now."""
        place = place_of(row)
        full = self._on_disk is None or place in self._on_disk or self._count >= self._most
        if full or row.not_before is not None:
            self._leave_to_disk(place)
            self._stale = True
            return
        self._queues.setdefault(place, deque()).append(row)
        self._count += 1
        self._meanwhile.in_mind.add(place)
        if place not in self._busy:
            self._ready[place] = None

    def take_ready(self) -> list[OutboxRow]:
        """The messages in mind that may start; from here on they are under way."""
        rows = [self._queues[place][0] for place in self._ready]
        self._busy.update(self._ready)
        self._ready.clear()
        return rows

    def done(self, row: OutboxRow, *, again_at: datetime | None = None, closed: bool = False) -> None:
        """A message is not under way any more: it is closed (sent or given up) or to be tried again."""
        place = place_of(row)
        self._busy.discard(place)
        queue = self._queues.get(place)
        if closed and queue and queue[0].id == row.id:
            self._next(place, queue)
            return
        self._leave_to_disk(place)
        self._due_at = earliest(self._due_at, again_at)
        self._meanwhile.due_at = earliest(self._meanwhile.due_at, again_at)
        self._stale |= again_at is None

    def _next(self, place: Place, queue: deque[OutboxRow]) -> None:
        queue.popleft()
        self._count -= 1
        if queue:
            self._ready[place] = None
        else:
            del self._queues[place]

    def _leave_to_disk(self, place: Place) -> None:
        self._count -= len(self._queues.pop(place, ()))
        self._ready.pop(place, None)
        if self._on_disk is not None:
            self._on_disk.add(place)
        self._meanwhile.on_disk.add(place)

    # ------------------------------------------------------------ on disk

    def must_ask(self, now: datetime) -> bool:
        """Is there anything that only the store can tell?"""
        return self._stale or (self._due_at is not None and self._due_at <= now)

    def ask_again(self) -> None:
        """Ask at the next occasion, to be on the safe side."""
        self._stale = True

    def asking(self) -> None:
        """The store is being asked now."""
        self._stale = False
        self._meanwhile = _Meanwhile(in_mind=set(self._queues), busy=set(self._busy))

    def answered(
        self, heads: Iterable[OutboxRow], now: datetime, *, whole: bool, leave: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Take in the first open message of each destination and return those that may start, now under way.

        `whole` says that no destination is missing; else nothing is kept in mind until one answer is.
        Messages to `leave` alone are not started.
        """
        then = self._meanwhile
        rest = [row for row in heads if place_of(row) not in then.in_mind]
        self._on_disk = {place_of(row) for row in rest} | then.on_disk if whole else None
        self._stale |= not whole
        free = [row for row in rest if place_of(row) not in then.busy and row.id not in leave]
        due = [row for row in free if row.not_before is None or row.not_before <= now]
        later = (row.not_before for row in free if row.not_before and row.not_before > now)
        self._due_at = earliest(then.due_at, *later)
        self._busy.update(map(place_of, due))
        return due

    def until_next(self, now: datetime, most: float) -> float:
        """The seconds until something waiting on disk may be tried again, at most so many."""
        if self._due_at is None:
            return most
        return min(most, max(0.0, (self._due_at - now).total_seconds()))
