"""One life of the mail path in a crash sweep: from the mailbox to the SMTP server, until it is at rest or dies.

The collector, the reception, the store, the loop and the outbox are the real ones; a mail is read in this process.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from bot.events import ModelAnswered
from bot.outbox import Outbox
from bot.testing import START, Bot, FakeClock, open_test_bot
from channels.email.imap_wire import Fetched
from channels.email.mailbox import Collector, _Visit
from tests.channels.mail_channel_kit import MailChannel
from tests.crash.life import Points
from tests.crash.mail_scenario import STAGES, US, think
from tests.crash.mail_server import MailServer, NewIds
from tests.crash.scenario import Journal
from tests.sim.parts import OneByOne


@dataclass(frozen=True, slots=True)
class MailLife:
    """How one life goes. `dies_at` counts points from 1, 0 is never; `late`: the mailbox is opened last."""

    dies_at: int = 0
    late: bool = False
    mutant: str = ""


class _Model:
    name = "scripted"

    def __init__(self, journal: Journal, points: Points) -> None:
        self._journal = journal
        self._points = points

    async def ask(self, body: Mapping[str, object], check: object) -> ModelAnswered:
        self._points("model.before")
        about, answered = think(body)
        self._journal.note("thought", about)
        self._points("model.after")
        return answered


def live(folder: Path, life: MailLife) -> list[str]:
    """Live it; returns the points passed."""
    return asyncio.run(_live(folder, life))


async def _live(folder: Path, life: MailLife) -> list[str]:
    journal = Journal(folder / "journal")
    points = Points(journal, life.dies_at)
    clock = _clock(journal)
    server = (NewIds if life.mutant == "new ids" else MailServer)(journal, points, clock)
    model = _Model(journal, points)
    async with open_test_bot(folder, model=model, clock=clock, crashpoint=points) as bot:
        collector = MarksFirst if life.mutant == "marks first" else Collector
        channel = MailChannel(bot, US, await bot.store.secret(), smtp=server)
        bot.outbox = _outbox(bot, channel, points)
        if life.late:
            await bot.recover()
        running = asyncio.ensure_future(channel.collector(server.connect, kind=collector).run())
        try:
            await _go_through(bot, server, running)
        finally:
            running.cancel()
    return points.passed


def _clock(journal: Journal) -> FakeClock:
    """A few minutes after the life before."""
    lives = [datetime.fromisoformat(time) for (time,) in journal.lines("began")]
    clock = FakeClock(max(lives, default=START) + timedelta(minutes=4))
    journal.note("began", clock.now.isoformat())
    return clock


def _outbox(bot: Bot, channel: MailChannel, points: Points) -> Outbox:
    return OneByOne(bot.store, {(channel.name, US): channel}, clock=bot.clock, crashpoint=points)


async def _go_through(bot: Bot, server: MailServer, running: "asyncio.Future[None]") -> None:
    await _quiet(server, running)
    await bot.recover()
    await bot.settle()
    for stage in range(len(STAGES)):
        if server.arrive(stage):
            await _quiet(server, running)
            await bot.settle()


async def _quiet(server: MailServer, running: "asyncio.Future[None]") -> None:
    """Until the mailbox is read; if that ends instead, with its error."""
    waiting: asyncio.Future[object] = asyncio.ensure_future(server.quiet.wait())
    ways: tuple[asyncio.Future[object], ...] = (waiting, cast("asyncio.Future[object]", running))
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        waiting.cancel()
        running.result()


# ---------------------------------------------------------------- a collector broken on purpose


class MarksFirst(Collector):
    """A mutant: marks a mail on the server before it is kept, and passes over what is marked."""

    async def _collect(self, visit: _Visit, uid: int, found: Fetched, since: datetime | None = None) -> None:
        if uid not in cast(MailServer, visit.imap).flagged:
            await visit.imap.flag([uid], visit.flag)
            await super()._collect(visit, uid, found, since)
