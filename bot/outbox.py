"""Sends what the log says: at least once, in order per destination; a stuck destination blocks no other.

A part is sent, then reported. A process that dies in between leaves a part of which nobody knows whether it
arrived; such a part is looked for before it is sent again.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from bot import delivery
from bot.alarm import Alarm
from bot.delivery import Attempt, OutboxPolicy, Trouble
from bot.errors import StoreClosed, StoreError, StoreFailed
from bot.events import DeliveryReported, Event, Outgoing
from bot.people import Contact
from bot.ports import Channel, Clock, OutboxRow, Received, Store
from bot.queues import Queues
from bot.sender import Account, Sender

PAGE = 1000  # destinations
LONGEST_SLEEP = 15.0  # seconds, as for timers
SHORT_SLEEP = 1.0  # while the store has more than a page
EVER = datetime.max.replace(tzinfo=UTC)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How the outbox stands. `without_channel` names the accounts that messages wait for; `dead` counts since
    the start; `unreported` messages were sent, but the disk is too full to say so."""

    sending: int
    unreported: int
    dead: int
    without_channel: frozenset[Account]


class Outbox:
    """Delivers the rows of the store's outbox through the channels; hears of new ones from its making on."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[Account, Channel],
        *,
        clock: Clock,
        policy: OutboxPolicy | None = None,
        operator: Callable[[], Contact | None] = lambda: None,
        elsewhere: Callable[[Outgoing], Outgoing | None] = lambda message: None,
        spoken: Callable[[Outgoing], Outgoing] = lambda message: message,
        jitter: Callable[[], float] = random.random,
        redact: Callable[[str], str] = str,
        crashpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy or OutboxPolicy()
        self._operator = operator
        self._elsewhere = elsewhere
        self._jitter = jitter
        self._sender = Sender(
            channels,
            policy=self._policy,
            stopping=lambda: self._stopping,
            redact=redact,
            crashpoint=crashpoint,
            spoken=spoken,
        )
        self._alarm = Alarm()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._queues = Queues()
        self._most_sleep = LONGEST_SLEEP
        self._fresh: set[str] = set()  # messages of this process of which nothing can have been sent
        self._unreported: set[str] = set()
        self._doubled: set[str] = set()
        self._dead = 0
        store.listen(self._heard)

    async def run(self) -> None:
        """Deliver whatever comes due, until cancelled or drained. It may be run again after a failure."""
        self._queues = Queues()  # what was under way or in mind is on disk too
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                await self._start_due(group)
                await self._sleep()

    async def deliver_due(self) -> int:
        """Try what is due now, once, and return how many messages that were; not while `run` does it."""
        async with asyncio.TaskGroup() as group:
            return await self._start_due(group)

    async def drain(self, grace: float) -> bool:
        """Start nothing more, finish what is being sent; False if that outlasts the grace (seconds)."""
        self._stopping = True
        self._alarm.ring()
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def state(self) -> OutboxState:
        waiting_for = frozenset(self._sender.without_channel)
        return OutboxState(self._queues.busy, len(self._unreported), self._dead, waiting_for)

    # ------------------------------------------------------------ what is due

    def _heard(self, events: tuple[Event, ...]) -> None:
        for event in events:
            for row in delivery.rows_of(event):
                self._fresh.add(row.id)
                self._queues.add(row)
                self._alarm.ring()

    async def _start_due(self, group: asyncio.TaskGroup) -> int:
        if self._unreported:
            return 0  # what is sent now could not be written down
        started = self._start(self._queues.take_ready(), group)
        if self._queues.must_ask(self._clock()):
            started += self._start(await self._ask(), group)
        return started

    def _start(self, rows: Sequence[OutboxRow], group: asyncio.TaskGroup) -> int:
        for row in rows:
            self._idle.clear()
            group.create_task(self._deliver(row))
        return len(rows)

    async def _ask(self) -> list[OutboxRow]:
        """What the store knows to be due; if it has more than a page, without those that have to wait."""
        self._queues.asking()
        heads = await self._store.outbox_due(EVER, held=self._clock(), limit=PAGE)
        now = self._clock()
        whole = len(heads) < PAGE
        if not whole:
            heads = await self._store.outbox_due(now, limit=PAGE + self._queues.busy)
        self._most_sleep = LONGEST_SLEEP if whole else SHORT_SLEEP
        return self._queues.answered(heads, now, whole=whole, leave=self._doubled)

    async def _sleep(self) -> None:
        """Until something is written, done or due again; after a while, look whether nothing was missed."""
        if not await self._alarm.sleep(self._queues.until_next(self._clock(), self._most_sleep)):
            self._queues.ask_again()

    # ------------------------------------------------------------ one message

    async def _deliver(self, row: OutboxRow) -> None:
        last: DeliveryReported | None = None
        try:
            last = await self._send_rest(row)
        finally:
            closed = last is not None and (last.status == "dead" or _is_last(last))
            self._queues.done(row, closed=closed, again_at=last.not_before if last else None)
            self._alarm.ring()
            if not self._queues.busy:
                self._idle.set()

    async def _send_rest(self, row: OutboxRow) -> DeliveryReported | None:
        """Send what is left of a message, part by part, each reported, up to the first that fails."""
        doubt = row.unsure or row.id not in self._fresh
        self._fresh.discard(row.id)
        while tried := await self._sender.send_next(row, doubt=doubt):
            report = self._judge(*tried)
            await self._report(row, report)
            if report.status != "sent" or _is_last(report):
                return report
            row, doubt = replace(row, parts_sent=report.part_number, attempts=0), False
        return None

    def _judge(self, attempt: Attempt, result: str | Trouble) -> DeliveryReported:
        if isinstance(result, str):
            return delivery.sent(attempt, result)
        return delivery.failed(
            attempt,
            result,
            now=self._clock(),
            policy=self._policy,
            jitter=self._jitter(),
            to=self._operator(),
            elsewhere=self._elsewhere(attempt.row.outgoing) if attempt.row.outgoing.request else None,
        )

    async def _report(self, row: OutboxRow, report: DeliveryReported) -> None:
        received = await self._store_report(row, report)
        if report.status == "failed":
            self._fresh.add(row.id)
        if report.status == "dead":
            self._dead += 1
        if report.status != "sent":
            log.warning(
                "not sent", outbox_id=row.id, status=report.status, attempt=report.attempt, error=report.error
            )
        if received.duplicate:
            self._doubled.add(row.id)
            log.error("this part was reported before; leaving the message alone", outbox_id=row.id)

    async def _store_report(self, row: OutboxRow, report: DeliveryReported) -> Received:
        """Write the report down, however long the store refuses; nothing new is sent in the meantime."""
        incoming = delivery.incoming(row, report, self._clock())
        try:
            while True:
                try:
                    return await self._store.receive(incoming)
                except (StoreFailed, StoreClosed):
                    raise
                except StoreError:  # full, or held by another program: nothing was written
                    self._unreported.add(row.id)
                await asyncio.sleep(self._policy.report_again.total_seconds())
        finally:
            self._unreported.discard(row.id)


def _is_last(report: DeliveryReported) -> bool:
    return report.status == "sent" and report.part_number >= report.parts
