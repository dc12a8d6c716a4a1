"""Stand-ins for testing what surrounds the loop: a store in memory, a channel by script, virtual time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import async_solipsism

from bot import ids
from bot.delivery import OutboxPolicy
from bot.errors import SendFailed, StoreFull
from bot.events import Event, Incoming, Outgoing, ThreadOpened, TurnEnded
from bot.outbox import Outbox
from bot.people import Contact
from bot.ports import DueTimer, Health, OutboxRow, Part, Received, ThreadRow
from bot.store import index

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    """Run a scenario in virtual time: sleeping costs nothing, and what waits for ever is an error."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(scenario)


def clock() -> datetime:
    """The virtual time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class FakeStore:
    """What outbox, timers and metrics need of a store, in memory; the rows follow `index.project`."""

    clock: Callable[[], datetime] = clock
    log: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, OutboxRow] = field(default_factory=dict)
    timers: dict[tuple[str, str], DueTimer] = field(default_factory=dict)
    dedupe: dict[str, tuple[str, int]] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    full: bool = False
    listeners: list[Any] = field(default_factory=list)

    async def receive(self, incoming: Incoming) -> Received:
        await asyncio.sleep(0)
        if self.full:
            raise StoreFull
        if incoming.dedupe in self.dedupe:
            return Received(*self.dedupe[incoming.dedupe], duplicate=True)
        thread_id = incoming.thread_id or incoming.conversation
        event = self.write(thread_id, incoming.data, incoming=incoming)
        if incoming.dedupe:
            self.dedupe[incoming.dedupe] = thread_id, event.seq
        return Received(thread_id, event.seq, duplicate=False)

    def open(self, thread_id: str, agent: str = "assistant", channel: str = "slack") -> Event:
        return self.write(thread_id, ThreadOpened(conversation=thread_id, agent=agent), channel=channel)

    def say(self, *outgoing: Outgoing, thread_id: str = "t1") -> list[str]:
        """The loop ends a turn with these messages; their ids."""
        event = self.write(thread_id, TurnEnded(outcome="replied", outgoing=outgoing))
        return [ids.outbox_id(thread_id, event.seq, number) for number in range(len(outgoing))]

    def write(self, thread_id: str, data: Any, *, incoming: Incoming | None = None, **fields: Any) -> Event:
        if incoming:
            fields |= {name: getattr(incoming, name) for name in ("channel", "run", "trace_id", "dedupe")}
        seq = len(self.log[thread_id]) + 1
        event = Event(thread_id, seq, f"{thread_id}-{seq}", **{"time": self.clock(), "data": data, **fields})
        self.log[thread_id].append(event)
        for change in index.project(event):
            self._apply(change, event)
        for listener in list(self.listeners):
            listener((event,))
        return event

    def _apply(self, change: index.Change, event: Event) -> None:
        match change:
            case index.AddOutbox():
                outgoing = event.data.outgoing[change.number]
                row = OutboxRow(change.id, change.thread_id, change.seq, outgoing, event.time, change.run)
                self.rows[change.id] = row
            case index.ReportPart():
                self._report(change)
            case index.SetTimer():
                due = datetime.fromisoformat(change.due_at)
                timer = DueTimer(
                    change.thread_id, change.timer_id, due, change.purpose, change.text, change.run
                )
                self.timers[change.thread_id, change.timer_id] = timer
            case index.DropTimer():
                self.timers.pop((change.thread_id, change.timer_id), None)
            case _:
                pass

    def _report(self, change: index.ReportPart) -> None:
        row = self.rows[change.outbox_id]
        not_before = datetime.fromisoformat(change.not_before) if change.not_before else None
        if change.status == "dead" or (change.status == "sent" and change.done):
            del self.rows[row.id]
            self.dead += [row.id] if change.status == "dead" else []
        elif change.status == "sent":
            self.rows[row.id] = replace(
                row, parts_sent=change.part, attempts=0, unsure=False, not_before=None
            )
        else:
            unsure = row.unsure or change.status == "unknown"
            self.rows[row.id] = replace(row, attempts=change.attempts, unsure=unsure, not_before=not_before)

    def _heads(self) -> list[OutboxRow]:
        heads: dict[tuple[str, str, str], OutboxRow] = {}
        for row in self.rows.values():
            heads.setdefault((row.outgoing.channel, row.outgoing.account, row.outgoing.destination), row)
        return list(heads.values())

    async def outbox_due(
        self, now: datetime, *, limit: int = 256, held: datetime | None = None
    ) -> list[OutboxRow]:
        due = [row for row in self._heads() if row.not_before is None or row.not_before <= now]
        await asyncio.sleep(0)  # what was read may be out of date on arrival
        return due[:limit]

    async def next_outbox(self) -> datetime | None:
        return min((row.not_before or row.created_at for row in self._heads()), default=None)

    async def due_timers(self, now: datetime, limit: int = 256) -> list[DueTimer]:
        return sorted((t for t in self.timers.values() if t.due_at <= now), key=lambda t: t.due_at)[:limit]

    async def next_timer(self) -> datetime | None:
        return min((timer.due_at for timer in self.timers.values()), default=None)

    async def events(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> tuple[Event, ...]:
        await asyncio.sleep(0)
        return tuple(self.log[thread_id][after : None if limit is None else after + limit])

    async def thread(self, thread_id: str) -> ThreadRow | None:
        events = self.log.get(thread_id)
        if not events:
            return None
        opened = events[0]
        agent = getattr(opened.data, "agent", "")
        return ThreadRow(
            thread_id, opened.channel, "", thread_id, agent, len(events), 0, 0, opened.time, events[-1].time
        )

    async def threads(self, *, limit: int = 100, before: str | None = None) -> list[ThreadRow]:
        known = sorted((each for each in self.log if before is None or each < before), reverse=True)
        return [row for each in known[:limit] if (row := await self.thread(each))]

    def listen(self, callback: Any) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)


def message(
    destination: str, text: str = "hello", *, channel: str = "slack", kind: Any = "reply"
) -> Outgoing:
    return Outgoing(
        text=text, kind=kind, channel=channel, account="T1", destination=destination, link="http://x/1"
    )


@dataclass
class Sent:
    at: float
    destination: str
    text: str
    part: int


@dataclass
class FakeChannel:
    """Splits at "|" and sends; per destination a script of what happens instead, one entry per try.

    An entry is an exception, or a number of seconds to take; "lost" arrives but nobody hears of it.
    """

    name: str = "slack"
    account: str = "T1"
    seconds_between_sends: float = 0.0
    script: dict[str, list[Any]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    looked_for: list[tuple[str, int]] = field(default_factory=list)
    finding: list[Any] = field(default_factory=list)

    async def run(self, receive: Any) -> None:
        await asyncio.Event().wait()

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        texts = outgoing.text.split("|") if outgoing.text else []
        return tuple(
            Part(outbox_id, number, len(texts), outgoing.destination, text, {})
            for number, text in enumerate(texts, 1)
        )

    async def send(self, part: Part) -> str:
        script = self.script.get(part.destination, [])
        step = script.pop(0) if script else 0
        if step == "lost":
            self._arrive(part)
            raise SendFailed("connection reset", kind="unknown")
        if isinstance(step, BaseException):
            raise step
        await asyncio.sleep(step)
        return self._arrive(part)

    def _arrive(self, part: Part) -> str:
        now = round(asyncio.get_running_loop().time(), 6)
        self.sent.append(Sent(now, part.destination, part.text, part.number))
        return f"{part.outbox_id}/{part.number}"

    async def find(self, part: Part) -> str | None:
        self.looked_for.append((part.outbox_id, part.number))
        if self.finding and isinstance(step := self.finding.pop(0), BaseException):
            raise step
        there = any(
            (s.destination, s.text, s.part) == (part.destination, part.text, part.number) for s in self.sent
        )
        return f"{part.outbox_id}/{part.number}" if there else None

    async def show_status(self, destination: str, text: str) -> None: ...

    def health(self) -> Health:
        return Health("connected")

    def texts(self, destination: str) -> list[str]:
        return [sent.text for sent in self.sent if sent.destination == destination]


OPERATOR = Contact("slack", "T1", "D-operator")


def make(store, *channels, policy=None, **given):
    return Outbox(
        store,
        {(channel.name, channel.account): channel for channel in channels},
        clock=clock,
        policy=policy or OutboxPolicy(),
        operator=given.pop("operator", lambda: OPERATOR),
        jitter=lambda: 0.0,
        **given,
    )


@asynccontextmanager
async def running(outbox):
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def reports(store, status=None, thread_id="t1"):
    found = [event.data for event in store.log[thread_id] if event.data.type == "delivery.reported"]
    return [report for report in found if status in (None, report.status)]


def retry(retry_after=None):
    return SendFailed("rate_limited", kind="retry", retry_after=retry_after)
