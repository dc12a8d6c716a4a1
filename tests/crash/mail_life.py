"""One life of the mail path in a crash sweep: from the mailbox to the SMTP server, until it is at rest or dies.

The collector, the reception, the store, the loop and the outbox are the real ones; a mail is read in this process.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

from bot.codes import reply_token
from bot.events import ModelAnswered, Outgoing
from bot.outbox import Outbox
from bot.ports import Health, Part, Receive
from bot.testing import START, Bot, FakeClock, open_test_bot
from channels.email import reading
from channels.email.channel import EmailChannel
from channels.email.imap_wire import Fetched
from channels.email.letters import House
from channels.email.mail import Mail, Mailbox
from channels.email.mailbox import Collector, _Visit
from channels.email.posting import Posting
from channels.email.proof import ProofRule
from channels.email.reception import Caps, Reception
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


class InProcess:
    """Reads mails as the worker process does, without one."""

    async def read(self, raw: bytes, *, ours: Sequence[str] = ()) -> Mail:
        return reading.read(raw, ours=ours)


class MailChannel:
    """The parts of `channels.email.channel.EmailChannel`, with servers that remember."""

    name, account, blind = "email", US, True
    answers_sender = True

    def __init__(self, bot: Bot, server: MailServer, secret: bytes, *, collector: type[Collector]) -> None:
        self._reception = Reception(
            US,
            reader=InProcess(),
            post=bot.store,
            counts=bot.store.mail,
            rule=ProofRule(),
            caps=Caps(),
            clock=bot.clock,
        )
        self._posting = Posting(
            House(Mailbox(US, "Saywhen"), plus=True),
            smtp=server,
            post=bot.store,
            token=partial(reply_token, secret),
            clock=bot.clock,
        )
        self._bot = bot
        self._server = server
        self._collector = collector

    async def run(self, receive: Receive) -> None:
        collector = self._collector(
            US,
            shelf=self._bot.store.mail,
            take=self._reception.taker(receive),
            connect=self._server.connect,
            clock=self._bot.clock,
        )
        await collector.run()

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        return EmailChannel.render(cast(EmailChannel, self), outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        return None

    async def show_status(self, destination: str, text: str) -> None:
        """Nobody looks."""

    def health(self) -> Health:
        return Health("connected")


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
        channel = MailChannel(bot, server, await bot.store.secret(), collector=collector)
        bot.outbox = _outbox(bot, channel, points)
        if life.late:
            await bot.recover()
        running = asyncio.ensure_future(channel.run(bot.inbox.receive))
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
