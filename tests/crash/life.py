"""One life of the bot in a crash sweep: from its start until it is at rest, or until it dies at the nth point."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from bot import events as ev
from bot.asking import with_code
from bot.decide import Action, Plan, RunTool
from bot.events import Draft, ModelAnswered, Outgoing
from bot.fold import fold_all
from bot.lanes import Lane
from bot.loop import Loop
from bot.ports import Appended, Part
from bot.tasks import Tasks
from bot.testing import EVERYBODY, START, Bot, FakeChannel, FakeClock, open_test_bot
from bot.thread import Thread
from bot.tools import Tool
from tests.crash.requests import REQUESTS, think as think_of_requests
from tests.crash.scenario import ACTS, Act, Journal, acts_during, think
from tests.crash.tools import Args, make_tools, strict
from tests.sim.parts import OneByOne

STORIES: Mapping[str, Sequence[Act]] = {"talk": ACTS, "requests": REQUESTS}
DIED = 137


@dataclass(frozen=True, slots=True)
class Life:
    """How one life goes. `dies_at` counts points from 1, 0 is never; `finds`: can the provider look for a message?"""

    number: int
    story: str = "talk"
    dies_at: int = 0
    finds: bool = False
    late: bool = False  # the provider redelivers only after the bot has taken up its work again
    mutant: str = ""


class Points:
    """Every place where the process may die; it does at one of them."""

    def __init__(self, journal: Journal, dies_at: int) -> None:
        self._journal = journal
        self._dies_at = dies_at
        self.passed: list[str] = []

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self._dies_at:
            self._journal.note("died", name)
            os._exit(DIED)


@dataclass
class World:
    """Everybody outside, who remembers by the journal."""

    life: Life
    journal: Journal
    points: Points
    bot: Bot | None = None
    tasks: Tasks = field(init=False)
    time: FakeClock = field(init=False)
    acked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.acked = {name for (name,) in self.journal.lines("acked")}
        self.offered = {name for (name,) in self.journal.lines("offered")}

    # ------------------------------------------------------------ the provider

    async def offer(self, act: Act) -> None:
        """Deliver once, unless it was acknowledged in this life or in an earlier one."""
        if act.name in self.acked:
            return
        assert self.bot is not None
        retry = act.name in self.offered
        incoming = await act.incoming_in(self.bot, retry=int(retry))
        if incoming is None:
            self.journal.note("moot", act.name)
            return
        self.offered.add(act.name)
        self.journal.note("offered", act.name)
        if self.life.mutant == "ack before persist":
            self._ack(act)
        if not (retry and self.life.mutant == "dedupe by header"):
            await self.bot.inbox.receive(incoming)
        if self.life.mutant != "ack before persist":
            self._ack(act)

    def _ack(self, act: Act) -> None:
        self.points("ack.before")
        self.acked.add(act.name)
        self.journal.note("acked", act.name)
        self.points("ack.after")

    async def redeliver(self) -> None:
        for act in STORIES[self.life.story]:
            if act.name in self.offered:
                await self.offer(act)

    async def during(self, what: str) -> None:
        for act in acts_during(what):
            await self.offer(act)

    # ------------------------------------------------------------ time

    def clock(self) -> FakeClock:
        """A few minutes after whatever was seen last."""
        seen = [datetime.fromisoformat(time) for (time,) in self.journal.lines("time")]
        self.time = FakeClock(max(seen, default=START) + timedelta(minutes=4))
        self.journal.note("time", self.time.now.isoformat())
        return self.time

    def wait(self, time: timedelta) -> None:
        self.time.now += time
        self.journal.note("time", self.time.now.isoformat())

    # ------------------------------------------------------------ model and tools

    async def ask(self, body: Mapping[str, object]) -> ModelAnswered:
        self.points("model.before")
        about, answered = (think_of_requests if self.life.story == "requests" else think)(body)
        self.journal.note("thought", about)
        await self.during(f"think {about}")
        self.points("model.after")
        return answered

    async def act(self, name: str, args: Args) -> None:
        """A tool does what it is for."""
        about = f"m{args.n}"
        self.points(f"{name}.before")
        self.journal.note("ran", name, about)
        await self.during(f"{name} {about}")
        self.points(f"{name}.after")


class Provider(FakeChannel):
    """A channel whose messages stand in the journal, several parts each."""

    def __init__(self, world: World, name: str, account: str) -> None:
        super().__init__(name, account)
        self._world = world

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        texts = outgoing.text.split("|")
        return tuple(
            Part(outbox_id, number, len(texts), outgoing.destination, text, {})
            for number, text in enumerate(texts, start=1)
        )

    async def send(self, part: Part) -> str:
        self._world.journal.note("sent", part.outbox_id, str(part.number), part.text)
        return f"{part.outbox_id}/{part.number}"

    async def find(self, part: Part) -> str | None:
        sent = {line[:2] for line in self._world.journal.lines("sent")}
        known = self._world.life.finds and (part.outbox_id, str(part.number)) in sent
        return f"{part.outbox_id}/{part.number}" if known else None


class _Model:
    name = "scripted"

    def __init__(self, world: World) -> None:
        self._world = world

    async def ask(self, body: Mapping[str, object], check: Callable[[str], ev.Step]) -> ModelAnswered:
        return await self._world.ask(body)


def live(folder: Path, life: Life) -> list[str]:
    """Live it; returns the points passed."""
    return asyncio.run(_live(folder, life))


async def _live(folder: Path, life: Life) -> list[str]:
    journal = Journal(folder / "journal")
    points = Points(journal, life.dies_at)
    world = World(life, journal, points)
    tools = make_tools(world.act)
    most = 700 if life.story == "talk" else 4000  # the one compacts, the other is short
    async with open_test_bot(
        folder,
        tools=tools,
        model=_Model(world),
        clock=world.clock(),
        crashpoint=points,
        people=EVERYBODY if life.story == "requests" else (),
        rules=lambda rules: strict(replace(rules, max_context_tokens=most)),
    ) as bot:
        world.bot = bot
        world.tasks = _wired(bot, world, tools)
        await _go_through(bot, world)
        await world.tasks.stop(1)
    return points.passed


def _wired(bot: Bot, world: World, tools: Sequence[Tool]) -> Tasks:
    """Puts in what the bot of other tests has not: two providers that remember, and what runs in the background."""
    fake, phone = Provider(world, "fake", "A1"), Provider(world, "phone", "A2")
    bot.outbox = OneByOne(
        bot.store,
        {("fake", "A1"): fake, ("phone", "A2"): phone},
        clock=world.time,
        crashpoint=world.points,
        spoken=partial(with_code, bot.keys),
    )
    outside = bot.loop._world
    tasks = Tasks(
        bot.store,
        bot.inbox.receive,
        tool=lambda agent, name: next(each for each in tools if each.name == name),
        context=outside.contexts.of_task,
        clip=1000,
        clean=str,
    )
    loop_class = ActsFirst if world.life.mutant == "no announcement" else Loop
    bot.loop = loop_class(bot.store, replace(outside, watch=tasks.watch))
    bot.store.listen(tasks.heard)
    return tasks


async def _go_through(bot: Bot, world: World) -> None:
    acts = STORIES[world.life.story]
    waited = {name for (name,) in world.journal.lines("waited")}
    if not world.life.late:
        await world.redeliver()
    await world.tasks.recover()
    await bot.recover()
    await world.redeliver()
    await _let_go_on(bot, world)
    for act in acts:
        if not act.during:
            await world.offer(act)
            if act.name == "m1":  # its provider sends it once more, acknowledged or not
                await bot.inbox.receive(act.incoming(retry=1))
            await _let_go_on(bot, world)
        if act.wait and act.name not in waited:
            world.wait(act.wait)
            await _let_go_on(bot, world)
            world.journal.note("waited", act.name)
    world.wait(timedelta(seconds=60))
    for act in acts:  # what was to arrive during a call that never came
        await world.offer(act)
    await _let_go_on(bot, world)
    world.wait(timedelta(days=2))  # whatever nobody answered ends
    await _let_go_on(bot, world)


async def _let_go_on(bot: Bot, world: World) -> None:
    """Until all is at rest; whoever was called in hands back."""
    for _ in range(20):
        await bot.settle()
        while world.tasks.running:  # noqa: ASYNC110 - they end by themselves, and nobody tells
            await asyncio.sleep(0.001)
        held = [row.thread_id for row in await bot.store.threads() if await _is_held(bot, row.thread_id)]
        if not held and not bot.woken:
            return
        for thread_id in held:
            await bot.control(thread_id, "resume", by="operator")


async def _is_held(bot: Bot, thread_id: str) -> bool:
    thread = fold_all(Thread(thread_id), await bot.log(thread_id))
    return thread.status in ("with_person", "parked", "paused")


class ActsFirst(Loop):
    """A mutant: a tool runs before its announcement is on disk."""

    async def _append(
        self, lane: Lane, results: Sequence[Draft], plan: Plan | None, now: datetime
    ) -> Appended:
        self._early: Sequence[Draft] = ()
        if plan is not None and isinstance(plan.action, RunTool):
            self._early = await super()._perform(replace(lane, thread=plan.thread), plan.action, {})
        return await super()._append(lane, results, plan, now)

    async def _perform(self, lane: Lane, action: Action, body: Mapping[str, JsonValue]) -> Sequence[Draft]:
        return self._early or await super()._perform(lane, action, body)
