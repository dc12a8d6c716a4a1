"""A random world for the core: inputs, stops, edits, crashes and a second process at every point of a turn.

Against the real store, in a real file. `run_seed(seed, folder)` plays one schedule and returns what was counted;
it raises Violation, which names the seed, if a promise was broken.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from bot import events as ev
from bot.codes import Keys
from bot.events import Incoming, ModelAnswered
from bot.fold import fold_all
from bot.inbox import Inbox
from bot.loop import Loop, ModelParts, World
from bot.outbox import Outbox
from bot.people import People
from bot.ports import Part
from bot.rules import AgentRules, RetryRules, Rules, ToolRule
from bot.snapshot import fold_version
from bot.store.sqlite import SqliteStore
from bot.testing import FakeChannel, FakeClock, ScriptedModel, agent_parts, call, failure, reply, step
from bot.thread import Thread
from bot.timers import Timers
from bot.tool_context import Contexts
from bot.tools import Stored, Timer, Tool, ToolContext, tool
from tests.sim.checks import Violation, check_database, check_decided_as_written, must

PEOPLE = ("U1", "U2")
MOST_EVENTS = 400


class Crash(BaseException):
    """The process dies here."""


class Args(BaseModel):
    n: int


@dataclass(slots=True)
class Chances:
    """How often things happen, per point at which they can."""

    inputs: float = 0.12
    crash: float = 0.05
    other: float = 0.04
    fail: float = 0.08


@dataclass
class Play:
    """One schedule: the world outside, which outlives the processes."""

    seed: int
    folder: Path
    chances: Chances
    loop_class: type[Loop] = Loop
    store_class: type[SqliteStore] = SqliteStore
    counts: Counter[str] = field(default_factory=Counter)
    executed: Counter[str] = field(default_factory=Counter)
    sends: Counter[tuple[str, int]] = field(default_factory=Counter)
    accepted: list[tuple[str, int, str | None]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)
    inputs_left: int = 14
    crashes_left: int = 6
    depth: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.run = f"seed {self.seed}"
        self.random = random.Random(self.seed)
        self.finds = self.seed % 2 == 0  # whether the provider can be asked for a message
        self.clock = FakeClock()
        self.channel = _Channel(self)
        self.model = ScriptedModel(self._think)
        self.process: Process | None = None
        self.world = _world(self)

    # ------------------------------------------------------------ what the others do

    def _think(self, body: Mapping[str, object]) -> ModelAnswered:
        """Any step, as a model might."""
        self.counts["model calls"] += 1
        if self.random.random() < self.chances.fail:
            kinds: tuple[ev.FailureKind, ...] = ("invalid", "unavailable", "too_large")
            kind = self.random.choice(kinds)
            return failure(kind)
        choice = self.random.random()
        if choice < 0.45:
            return reply(f"answer {self.counts['model calls']}")
        if choice < 0.5:
            return step("escalate", "help")
        name = self.random.choice(("look", "put", "job", "remind", "broken"))
        return call(name, n=self.random.randrange(5))

    async def point(self, name: str) -> None:
        """Here anything may happen."""
        self.counts["points"] += 1
        if self.depth:
            return
        self.depth += 1
        try:
            if self.random.random() < self.chances.inputs and self.inputs_left:
                await self.someone_acts()
            if self.random.random() < self.chances.other and self.process:
                await self.process.second_process()
        finally:
            self.depth -= 1
        if self.random.random() < self.chances.crash and self.crashes_left:
            self.crashes_left -= 1
            self.counts["crashes"] += 1
            raise Crash(name)

    async def someone_acts(self) -> None:
        assert self.process is not None
        self.inputs_left -= 1
        await self.process.input(self._an_input())

    def _an_input(self) -> Incoming:
        self.number += 1
        conversation = self.random.choice(("c1", "c2"))
        by = self.random.choice(PEOPLE)
        mine = [place for owner, place in self.places if owner == conversation]
        choice = self.random.random()
        if mine and choice < 0.15:
            data: ev.AnyInput = ev.MessageEdited(
                place=self.random.choice(mine),
                edited_at=str(self.number),
                blocks=_text("edited"),
                sender=_sender(by),
            )
        elif mine and choice < 0.22:
            data = ev.MessageDeleted(place=self.random.choice(mine), sender=_sender(by))
        elif mine and choice < 0.42:
            actions: tuple[ev.ControlAction, ...] = (
                "stop",
                "stop",
                "pause",
                "resume",
                "take_over",
                "hand_back",
            )
            data = ev.ControlRequested(action=self.random.choice(actions), by=by)
        else:
            place = f"{conversation}:{self.number}"
            self.places.append((conversation, place))
            data = ev.MessageReceived(place=place, blocks=_text(f"m{self.number}"), sender=_sender(by))
        return Incoming(
            data, channel="fake", account="A1", conversation=conversation, destination=conversation,
            dedupe=f"in:{self.number}", actor=by,
        )  # fmt: skip

    # ------------------------------------------------------------ playing

    async def play(self) -> None:
        while True:
            self.process = await Process.start(self)
            try:
                await self.process.recover()
                while self.inputs_left:
                    await self.someone_acts()
                    await self.process.settle()
                await self.process.wind_up()
                break
            except BaseExceptionGroup as group:
                if group.split(Crash)[1] is not None:
                    raise
            except Crash:
                pass
            await self.process.die()
        await self.process.die()
        self.check()

    # ------------------------------------------------------------ checking

    def check(self) -> None:
        path, rules = self.folder / f"{self.seed}.db", self.world.rules()
        logs = check_database(path, self.run, self.counts)
        for log in logs.values():
            check_decided_as_written(self.run, log, rules, self.counts)
        for thread_id, seq, dedupe in self.accepted:
            must(logs[thread_id][seq - 1].dedupe == dedupe, self.run, f"the accepted input {dedupe} is lost")
        for key, times in self.executed.items():
            must(times == 1 or not key.startswith("job"), self.run, f"{key} ran {times} times")
        doubled = sum(times - 1 for times in self.sends.values())
        must(doubled <= self.counts["crashes"], self.run, f"{doubled} doubled sends")
        must(not (doubled and self.finds), self.run, "sent again although it can be found")
        self.counts["doubled sends"] += doubled
        self._check_calls()

    def _check_calls(self) -> None:
        """A call of the model is a step; only a crash or another process can cost one."""
        calls, asked = self.counts["model calls"], self.counts["asked"]
        must(calls <= asked + self.counts["resumed"], self.run, f"{calls} model calls for {asked} requests")
        if not self.counts["crashes"] and not self.counts["second process"]:
            answered, ran = self.counts["answered"], self.executed.total()
            must(calls == asked == answered, self.run, f"of {calls} answers {answered} were kept")
            must(ran == self.counts["tools started"], self.run, f"{ran} calls ran")


class Process:
    """One life of the bot: a store, a loop, an outbox."""

    def __init__(self, play: Play, store: SqliteStore) -> None:
        self.play = play
        self.store = store
        self.woken: dict[str, None] = {}
        world = play.world
        self.loop = play.loop_class(_Watched(store, play), world)  # type: ignore[arg-type]  # forwards the rest
        self.other = play.loop_class(_Watched(store, play), world)  # type: ignore[arg-type]
        self.inbox = Inbox(store, People(()), lambda thread_id: self.woken.update({thread_id: None}))
        self.outbox = Outbox(store, {("fake", "A1"): play.channel}, clock=play.clock)
        self.timers = Timers(store, self.inbox.receive, clock=play.clock)

    @classmethod
    async def start(cls, play: Play) -> "Process":
        store = await play.store_class.open(
            play.folder / f"{play.seed}.db",
            clock=play.clock,
            fold_version=fold_version(),
            default_agent="assistant",
        )
        return cls(play, store)

    async def die(self) -> None:
        await self.store.close()

    async def input(self, incoming: Incoming) -> None:
        received = await self.inbox.receive(incoming)
        self.play.accepted.append((received.thread_id, received.seq, incoming.dedupe))
        self.play.counts["inputs"] += 1
        if self.play.random.random() < 0.3:
            again = await self.inbox.receive(incoming)
            same = again.duplicate and again.seq == received.seq
            must(same, self.play.run, "a duplicate became a second event")

    async def recover(self) -> None:
        while taken := await self.store.take_over():
            self.woken.update(dict.fromkeys(taken))
            await self.settle()

    async def settle(self) -> None:
        for _ in range(500):
            while self.woken:
                thread_id = self.play.random.choice(list(self.woken))
                self.woken.pop(thread_id)
                await self.loop.advance(thread_id)
            self.play.clock.advance(1)
            fired = await self.timers.fire_due()
            await self.play.point("before outbox")
            sent = await self.outbox.deliver_due()
            if not (fired or sent or self.woken):
                return await self.check_lanes()
        raise Violation(f"{self.play.run}: it never comes to rest")

    async def second_process(self) -> None:
        """Another process takes a thread over, acts on it once, and is gone."""
        rows = await self.store.threads()
        if not rows:
            return
        self.play.counts["second process"] += 1
        self.other = self.play.loop_class(_Watched(self.store, self.play), self.play.world)  # type: ignore[arg-type]
        await self.other.advance(self.play.random.choice(rows).thread_id, once=True)
        for row in rows:
            self.woken[row.thread_id] = None

    async def wind_up(self) -> None:
        """Everything that waits is let go on, until nothing is left."""
        self.play.chances = Chances(0, 0, 0, 0)
        for _ in range(30):
            for row in await self.store.threads():
                await self._resume(row.thread_id)
                if row.settled_seq < row.last_seq:  # whoever was fenced let go of it; a sweep finds it
                    self.woken[row.thread_id] = None
            await self.settle()
            self.play.clock.advance(600)

    async def _resume(self, thread_id: str) -> None:
        """Whoever holds the thread lets go of it."""
        log = await self.store.events(thread_id)
        if fold_all(Thread(thread_id), log).status in ("paused", "with_person", "parked"):
            resume = ev.ControlRequested(action="resume", by="end")
            await self.inbox.receive(Incoming(resume, channel="fake", thread_id=thread_id))

    # ------------------------------------------------------------ checking

    async def check_lanes(self) -> None:
        """What a process remembers of a thread is the fold of its log."""
        for lane in self.loop._cache._lanes.values():
            log = await self.store.events(lane.thread.id, limit=lane.thread.seq)
            must(fold_all(Thread(lane.thread.id), log) == lane.thread, self.play.run, "a lane is not its log")
            self.play.counts["lanes compared"] += 1


# ---------------------------------------------------------------- the parts of a process


class _Channel(FakeChannel):
    """Takes messages, and lets things happen before and after."""

    def __init__(self, play: Play) -> None:
        super().__init__()
        self.play = play

    async def send(self, part: Part) -> str:
        await self.play.point("before a send")
        sent = await super().send(part)
        self.play.sends[part.outbox_id, part.number] += 1
        await self.play.point("after a send")
        return sent

    async def find(self, part: Part) -> str | None:
        return await super().find(part) if self.play.finds else None


class _Watched:
    """The store, with things happening before and after each append."""

    def __init__(self, store: SqliteStore, play: Play) -> None:
        self._store = store
        self._play = play

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, thread_id: str, **more):
        await self._play.point("before append")
        appended = await self._store.append(thread_id, **more)
        await self._play.point("after append")
        return appended


class _Model:
    """The scripted model, with things happening while it thinks."""

    name = "scripted"

    def __init__(self, play: Play) -> None:
        self._play = play

    async def ask(self, body: Mapping[str, object], check: Callable[[str], ev.Step]) -> ModelAnswered:
        answered = await self._play.model.ask(body, check)
        await self._play.point("while thinking")
        return answered


def _world(play: Play) -> World:
    tools = _tools(play)
    parts = agent_parts(tools)
    rules = Rules(
        agents={
            "assistant": AgentRules(
                {t.name: ToolRule(t.effect, risk='low') for t in tools}, max_steps=6, fixed_tokens=300
            )
        },
        max_context_tokens=1000,
        retry=RetryRules(
            first=timedelta(seconds=2), most=timedelta(seconds=60), give_up=timedelta(seconds=300)
        ),
    )
    return World(
        agents={"assistant": parts},
        models={"main": ModelParts(_Model(play), max_tokens=100, structured=True)},
        rules=lambda: rules,
        timezone=lambda person: "UTC",
        clock=play.clock,
        sleep=_no_sleep,
        tool_timeout=timedelta(seconds=30),
        result_clip=1000,
        contexts=Contexts(lambda: rules, lambda person: "UTC", play.clock, Keys(b"x" * 32)),
        monotonic=lambda: 0.0,
    )


def _tools(play: Play) -> list[Tool]:
    async def acts(name: str, args: Args, ctx: ToolContext) -> None:
        play.executed[f"{name} {ctx.key}"] += 1
        await play.point("in a tool")

    @tool(effect="read")
    async def look(args: Args, ctx: ToolContext) -> str:
        """Look."""
        await acts("look", args, ctx)
        return "seen"

    @tool(effect="idempotent")
    async def put(args: Args, ctx: ToolContext) -> str:
        """Put."""
        await acts("put", args, ctx)
        return "there"

    @tool(effect="unsafe")
    async def job(args: Args, ctx: ToolContext) -> str:
        """Do it once."""
        await acts("job", args, ctx)
        return "done"

    @tool(effect="stored", then="finish")
    async def remind(args: Args, ctx: ToolContext) -> Stored:
        """Remind."""
        await acts("remind", args, ctx)
        return Stored("will do", timers=(Timer(ctx.now + timedelta(seconds=args.n * 40), "now"),))

    @tool(effect="read")
    async def broken(args: Args, ctx: ToolContext) -> str:
        """Break."""
        await acts("broken", args, ctx)
        raise RuntimeError("broken")

    return [look, put, job, remind, broken]


def _text(text: str) -> tuple[ev.Block, ...]:
    return (ev.Block(source="person", text=text),)


def _sender(by: str) -> ev.Sender:
    return ev.Sender(channel="fake", address=by, proof="provider")


async def _no_sleep(seconds: float) -> None:
    """Time does not pass by itself here."""


async def run_seed(
    seed: int,
    folder: Path,
    *,
    chances: Chances | None = None,
    loop_class: type[Loop] = Loop,
    store_class: type[SqliteStore] = SqliteStore,
) -> Counter[str]:
    """Play one schedule and check it."""
    play = Play(seed, folder, chances or Chances(), loop_class, store_class)
    await play.play()
    return play.counts
