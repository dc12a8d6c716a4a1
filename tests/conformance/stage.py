"""The two sides of a channel in its tests: a venue where people write, and a stage with a bot of ours behind it.

A venue is what somebody who adds a channel writes: their provider, or its stand-in, as people see it. The stage is
the same for all: the real inbox, store, loop and outbox, and a model that does as it is told.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from bot.delivery import OutboxPolicy
from bot.events import Event, Incoming, MessageReceived, ModelAnswered
from bot.outbox import Outbox
from bot.people import Contact
from bot.ports import Channel, Received
from bot.store.sqlite import SqliteStore
from bot.testing import Bot, FakeClock, Known, open_test_bot, reply
from bot.tools import Tool

PATIENCE = 40  # seconds; nothing is decided by time, and slow machines are slow
Name = Literal["ann", "bob"]
Ability = Literal["edit", "delete", "redeliver", "outage", "lose answers", "refuse"]
"""What can be done at a provider."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of ours as people see it. `id` is the provider's, `pings` whom it called, `previews` fetched links."""

    id: str
    text: str
    pings: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()


class Venue(Protocol):
    """A provider as people see it; what they say is named by the provider's id of it.

    `limit` is the length of a part in the provider's own unit, as `length` measures it. Of a text that is longer than
    all parts together `whole` says whether everything arrives, or only the beginning and where the rest can be read.
    `copies` is how often a message may arrive of which the provider took one and whose answer was lost.
    """

    limit: int
    whole: bool
    copies: int

    def channel(self, store: SqliteStore) -> Channel:
        """A new adapter on this provider, not running yet."""
        ...

    async def lead(self, stage: "Stage") -> None:
        """Called when the adapter is connected: webhooks go to `stage` from now on."""
        ...

    def address(self, name: Name) -> str:
        """What identifies a person in what they send."""
        ...

    def length(self, text: str) -> int: ...

    async def say(self, name: Name, text: str, *, reply_to: str = "") -> str:
        """Somebody writes to us alone, or answers a message of ours."""
        ...

    def shown(self) -> list[Shown]:
        """Everything of ours that is there, the oldest first."""
        ...

    async def edit(self, said: str, text: str) -> None: ...

    async def delete(self, said: str) -> None: ...

    async def redeliver(self, said: str, times: int) -> None:
        """The provider brings what was said again, all at once where it can."""
        ...

    def lose_next_answer(self) -> None:
        """The provider takes what we send next, and we do not hear of it."""
        ...

    def refuse_next(self) -> None:
        """The provider asks us to come again a little later."""
        ...

    def outage(self) -> AbstractAsyncContextManager[None]:
        """Nothing reaches us, but people go on writing."""
        ...


OpenVenue = Callable[[], AbstractAsyncContextManager[Venue]]


class RealClock(FakeClock):
    """The time it is: providers keep their own."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


QUICK = OutboxPolicy(first=timedelta(seconds=0.05), connecting=timedelta(seconds=0.05))


@dataclass
class Stage:
    """A bot on one channel. `refusals` are raised first, one for each input; an `operator` hears of what fails."""

    venue: Venue
    bot: Bot
    policy: OutboxPolicy = QUICK
    operator: Contact | None = None
    answer: str | Callable[[Mapping[str, Any]], ModelAnswered] = "I heard you."
    channel: Channel = field(init=False)
    refusals: list[Exception] = field(default_factory=list)
    taken: list[Incoming] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, incoming: Incoming) -> Received:
        if self.refusals:
            raise self.refusals.pop(0)
        received = await self.bot.inbox.receive(incoming)
        self.taken.append(incoming)
        self._bell.set()
        return received

    def think(self, request: Mapping[str, Any]) -> ModelAnswered:
        return reply(self.answer) if isinstance(self.answer, str) else self.answer(request)

    async def work(self) -> None:
        """The loop, for whatever is woken."""
        while True:
            while self.bot.woken:
                thread_id = next(iter(self.bot.woken))
                self.bot.woken.pop(thread_id)
                await self.bot.loop.advance(thread_id)
            self._bell.clear()
            await self._bell.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The life of one process: an adapter of its own, connected."""
        self.channel = self.venue.channel(self.bot.store)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_in_background(self.channel.run(self.receive)))
            await self.until(lambda: self.channel.health().state == "connected", self.channel.health)
            await self.venue.lead(self)
            key = self.channel.name, self.channel.account
            self.bot.outbox = Outbox(
                self.bot.store,
                {key: self.channel},
                clock=self.bot.clock,
                policy=self.policy,
                operator=lambda: self.operator,
                jitter=lambda: 0.0,
            )
            await stack.enter_async_context(_in_background(self.bot.outbox.run()))
            self.bot.woken.update(dict.fromkeys(await self.bot.store.take_over()))
            await stack.enter_async_context(_in_background(self.work()))
            yield

    async def until(self, true: Callable[[], object], seen: Callable[[], object] = lambda: "") -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not true():  # noqa: ASYNC110 - any condition of a test, so there is no event
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE} s; seen was {seen()}") from None

    async def heard(self, count: int) -> None:
        """Until so many inputs have been handed to us, duplicates too."""
        await self.until(lambda: len(self.taken) >= count, lambda: self.taken)

    async def answered(self, count: int) -> list[Shown]:
        """Until people see so many messages of ours."""
        await self.until(lambda: len(self.venue.shown()) >= count, self.venue.shown)
        return self.venue.shown()

    async def events(self) -> list[Event]:
        """All there are, thread by thread, the thread that was opened first first."""
        rows = sorted(await self.bot.store.threads(limit=1_000), key=lambda row: row.opened_at)
        return [event for row in rows for event in await self.bot.store.events(row.thread_id)]

    async def said(self) -> list[str]:
        """What people wrote, as it stands in the log."""
        return [words(event.data) for event in await self.events() if isinstance(event.data, MessageReceived)]

    async def marker(self, name: Name = "bob") -> None:
        """Say something else, and wait until it is there: what was to come before it has come, or never will."""
        text = f"marker {len(self.taken)}"
        await self.venue.say(name, text)
        await self.until(
            lambda: any(
                isinstance(each.data, MessageReceived) and words(each.data) == text for each in self.taken
            ),
            lambda: self.taken,
        )


def words(data: MessageReceived) -> str:
    return next((block.text for block in data.blocks if block.source == "person"), "")


@asynccontextmanager
async def _in_background(work: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def open_stage(
    open_venue: OpenVenue, name: str, folder: Path, *, tools: tuple[Tool, ...] = ()
) -> AsyncIterator[Stage]:
    """A bot that runs, on the channel called `name`."""
    async with open_idle_stage(open_venue, name, folder, tools=tools) as stage, stage.running():
        yield stage


@asynccontextmanager
async def open_idle_stage(
    open_venue: OpenVenue, name: str, folder: Path, *, tools: tuple[Tool, ...] = ()
) -> AsyncIterator[Stage]:
    """A bot whose adapter does not run yet."""
    async with open_venue() as venue:
        people = [Known(each, {name: venue.address(each)}) for each in _names()]
        stage: Stage
        async with open_test_bot(
            folder,
            script=lambda request: stage.think(request),
            clock=RealClock(),
            people=people,
            tools=tools,
        ) as bot:
            stage = Stage(venue, bot)
            yield stage


def _names() -> Iterator[Name]:
    yield "ann"
    yield "bob"
