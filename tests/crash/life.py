"""One life of the bot in a crash sweep: from its start until it is at rest, or until it dies at the nth point."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, JsonValue

from bot import events as ev
from bot.decide import Action, Plan, RunTool
from bot.events import Draft, ModelAnswered, Outgoing
from bot.fold import fold_all
from bot.lanes import Lane
from bot.loop import Loop
from bot.ports import Appended, Part
from bot.testing import START, Bot, FakeChannel, FakeClock, open_test_bot
from bot.thread import Thread
from bot.tools import Stored, Timer, Tool, ToolContext, tool
from tests.crash.scenario import ACTS, Act, Journal, acts_during, think

DIED = 137


@dataclass(frozen=True, slots=True)
class Life:
    """How one life goes. `dies_at` counts points from 1, 0 is never; `finds`: can the provider look for a message?"""

    number: int
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
        self.offered.add(act.name)
        self.journal.note("offered", act.name)
        if self.life.mutant == "ack before persist":
            self._ack(act)
        if not (retry and self.life.mutant == "dedupe by header"):
            await self.bot.inbox.receive(act.incoming(retry=int(retry)))
        if self.life.mutant != "ack before persist":
            self._ack(act)

    def _ack(self, act: Act) -> None:
        self.points("ack.before")
        self.acked.add(act.name)
        self.journal.note("acked", act.name)
        self.points("ack.after")

    async def redeliver(self) -> None:
        for act in ACTS:
            if act.name in self.offered:
                await self.offer(act)

    async def during(self, what: str) -> None:
        for act in acts_during(what):
            await self.offer(act)

    # ------------------------------------------------------------ model and tools

    async def ask(self, body: Mapping[str, object]) -> ModelAnswered:
        self.points("model.before")
        about, answered = think(body)
        self.journal.note("thought", about)
        await self.during(f"think {about}")
        self.points("model.after")
        return answered

    def tools(self) -> list[Tool]:
        async def act(name: str, ctx: ToolContext) -> None:
            about = await self._about(ctx)
            self.points(f"{name}.before")
            self.journal.note("ran", name, about, ctx.key)
            await self.during(f"{name} {about}")
            self.points(f"{name}.after")

        @tool(effect="read")
        async def look(args: Args, ctx: ToolContext) -> str:
            """Look."""
            await act("look", ctx)
            return "seen"

        @tool(effect="idempotent")
        async def put(args: Args, ctx: ToolContext) -> str:
            """Put."""
            await act("put", ctx)
            return "there"

        @tool(effect="unsafe")
        async def job(args: Args, ctx: ToolContext) -> str:
            """Do it once."""
            await act("job", ctx)
            return "done"

        @tool(effect="stored", then="finish")
        async def remind(args: Args, ctx: ToolContext) -> Stored:
            """Remind."""
            await act("remind", ctx)
            return Stored("I will", timers=(Timer(ctx.now + timedelta(seconds=30), "stretch"),))

        @tool(effect="read")
        async def broken(args: Args, ctx: ToolContext) -> str:
            """Break."""
            await act("broken", ctx)
            raise RuntimeError("broken")

        return [look, put, job, remind, broken]

    async def _about(self, ctx: ToolContext) -> str:
        """The message that the open turn answers."""
        assert self.bot is not None
        log = await self.bot.store.events(ctx.thread_id)
        thread = fold_all(Thread(ctx.thread_id), log)
        data = log[thread.open_turn.input - 1].data
        return data.place if isinstance(data, ev.MessageReceived) else ""


class Args(BaseModel):
    n: int


class Provider(FakeChannel):
    """A channel whose messages stand in the journal, several parts each."""

    def __init__(self, world: World) -> None:
        super().__init__()
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
    clock = FakeClock(START + timedelta(hours=life.number))
    async with open_test_bot(
        folder,
        tools=world.tools(),
        model=_Model(world),
        channel=Provider(world),
        clock=clock,
        crashpoint=points,
        rules=lambda rules: replace(rules, max_context_tokens=700),  # so that it compacts
        loop_class=ActsFirst if life.mutant == "no announcement" else Loop,
    ) as bot:
        world.bot = bot
        await _go_through(bot, world, clock)
    return points.passed


async def _go_through(bot: Bot, world: World, clock: FakeClock) -> None:
    if not world.life.late:
        await world.redeliver()
    await bot.recover()
    await world.redeliver()
    await _let_go_on(bot)
    for act in ACTS:
        if not act.during:
            await world.offer(act)
            if act.name == "m1":  # its provider sends it once more, acknowledged or not
                await bot.inbox.receive(act.incoming(retry=1))
            await _let_go_on(bot)
    clock.advance(60)
    for act in ACTS:  # what was to arrive during a call that never came
        await world.offer(act)
    await _let_go_on(bot)


async def _let_go_on(bot: Bot) -> None:
    """Until all is at rest; whoever was called in hands back."""
    for _ in range(10):
        await bot.settle()
        held = [row.thread_id for row in await bot.store.threads() if await _is_held(bot, row.thread_id)]
        if not held:
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
