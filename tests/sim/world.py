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
from bot.canonical import digest
from bot.events import Event, Incoming, ModelAnswered
from bot.inbox import Inbox
from bot.loop import Loop, ModelParts, World
from bot.outbox import Outbox
from bot.people import People
from bot.rules import AgentRules, RetryRules, Rules, ToolRule
from bot.snapshot import fold_version
from bot.store.sqlite import SqliteStore
from bot.testing import FakeChannel, FakeClock, ScriptedModel, agent_parts, call, failure, reply, step
from bot.thread import Thread, fold_all
from bot.timers import Timers
from bot.tools import Stored, Timer, ToolContext, tool

PEOPLE = ("U1", "U2")
MOST_EVENTS = 400


class Violation(AssertionError):
    """A promise was broken."""


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
    announced_late: list[str] = field(default_factory=list)
    answered: list[tuple[str, int]] = field(default_factory=list)
    sent_bodies: Counter[str] = field(default_factory=Counter)
    sends: Counter[tuple[str, int]] = field(default_factory=Counter)
    places: list[tuple[str, str]] = field(default_factory=list)
    inputs_left: int = 14
    crashes_left: int = 6
    depth: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.clock = FakeClock()
        self.channel = _Channel(self)
        self.model = ScriptedModel(self._think)
        self.process: Process | None = None
        self.world = _world(self)

    # ------------------------------------------------------------ what the others do

    def _think(self, body: Mapping[str, object]) -> ModelAnswered:
        """Any step, as a model might."""
        self.counts["model calls"] += 1
        self.sent_bodies[digest(body)] += 1
        if self.random.random() < self.chances.fail:
            kind = self.random.choice(("invalid", "unavailable", "too_large"))
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
            except Crash:
                await self.process.die()
        await self.process.check()
        await self.process.die()


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
        if self.play.random.random() < 0.3:
            again = await self.inbox.receive(incoming)
            _must(
                again.duplicate and again.seq == received.seq, self.play, "a duplicate became a second event"
            )

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
                return
        raise Violation(f"seed {self.play.seed}: it never comes to rest")

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
            await self.settle()
            self.play.clock.advance(600)

    async def _resume(self, thread_id: str) -> None:
        """Whoever holds the thread lets go of it."""
        log = await self.store.events(thread_id)
        if fold_all(Thread(thread_id), log).status in ("paused", "with_person", "parked"):
            resume = ev.ControlRequested(action="resume", by="end")
            await self.inbox.receive(Incoming(resume, channel="fake", thread_id=thread_id))

    # ------------------------------------------------------------ checking

    async def check(self) -> None:
        for row in await self.store.threads():
            log = await self.store.events(row.thread_id)
            self.play.counts["events"] += len(log)
            await self._check_requests(row.thread_id, log)
            check_log(self.play, log)
            loaded = await self.store.load(row.thread_id)
            _must(loaded.tries < 4, self.play, "tries ran away")
        for key, times in self.play.executed.items():
            _must(times == 1 or not key.startswith("job"), self.play, f"{key} ran {times} times")
        doubled = sum(times - 1 for times in self.play.sends.values())
        _must(doubled <= self.play.counts["crashes"], self.play, f"{doubled} doubled sends")
        self.play.counts["doubled sends"] += doubled

    async def _check_requests(self, thread_id: str, log: tuple[Event, ...]) -> None:
        for event in log:
            if isinstance(event.data, ev.ModelAsked):
                body = await self.loop.request_at(thread_id, event.seq)
                _must(
                    digest(body) == event.data.request,
                    self.play,
                    f"request {event.seq} is not rebuilt the same",
                )
                self.play.counts["requests rebuilt"] += 1


def check_log(play: Play, log: tuple[Event, ...]) -> None:
    """What must hold in every log that has come to rest."""
    thread = fold_all(Thread(log[0].thread_id), log)
    _must(thread.turn is None, play, "a turn is left open")
    _must(not thread.unread, play, f"left unread: {thread.unread}")
    _must([event.seq for event in log] == list(range(1, len(log) + 1)), play, "seqs are not dense")
    _check_messages(play, log)
    _check_calls(play, log)
    _check_stops(play, log)


def _check_messages(play: Play, log: tuple[Event, ...]) -> None:
    """Every message is read exactly once, or the log says why not."""
    read = Counter(e.data.input for e in log if isinstance(e.data, ev.TurnStarted | ev.TurnRead))
    thread = Thread(log[0].thread_id)
    unread_before: set[int] = set()
    gone: set[int] = set()
    for event in log:
        thread = fold_all(thread, [event])
        now = {u.seq for u in thread.unread}
        taken = {event.data.input} if isinstance(event.data, ev.TurnStarted | ev.TurnRead) else set()
        gone |= unread_before - now - taken
        if isinstance(event.data, ev.MessageReceived) and event.seq not in now:
            gone.add(event.seq)
        if not isinstance(
            event.data, ev.ControlRequested | ev.MessageDeleted | ev.MessageReceived | ev.TakeoverStarted
        ):
            _must(not (unread_before - now - taken), play, f"{event.type} {event.seq} dropped an input")
        unread_before = now
    for event in log:
        if isinstance(event.data, ev.MessageReceived):
            play.counts["messages"] += 1
            times = read[event.seq]
            _must(times + (event.seq in gone) == 1, play, f"message {event.seq} was read {times} times")
    started = sum(isinstance(e.data, ev.TurnStarted) for e in log)
    ended = sum(isinstance(e.data, ev.TurnEnded) for e in log)
    _must(started == ended, play, f"{started} turns started, {ended} ended")


def _check_calls(play: Play, log: tuple[Event, ...]) -> None:
    """Each announcement has at most one result; what ran was announced; each repetition is in the log."""
    asked = sum(isinstance(e.data, ev.ModelAsked) for e in log)
    answered = sum(isinstance(e.data, ev.ModelAnswered) for e in log)
    resumed = sum(isinstance(e.data, ev.TurnResumed) for e in log)
    started = Counter(e.data.call_id for e in log if isinstance(e.data, ev.ToolStarted))
    finished = Counter(e.data.call_id for e in log if isinstance(e.data, ev.ToolFinished))
    play.counts["asked"] += asked
    play.counts["answered"] += answered
    play.counts["resumed"] += resumed
    play.counts["tools started"] += started.total()
    _must(all(times == 1 for times in started.values()), play, "a call was announced twice")
    _must(all(times == 1 for times in finished.values()), play, "a call finished twice")


def _check_stops(play: Play, log: tuple[Event, ...]) -> None:
    """No tool starts after a committed stop in a run begun before it."""
    begun = {e.run: e.seq for e in reversed(log) if isinstance(e.data, ev.TurnStarted)}
    for stop in log:
        if isinstance(stop.data, ev.ControlRequested) and stop.data.action == "stop":
            play.counts["stops"] += 1
            for event in log[stop.seq :]:
                late = isinstance(event.data, ev.ToolStarted) and begun.get(event.run, event.seq) < stop.seq
                _must(not late, play, f"tool {event.seq} started after the stop {stop.seq}")


def _must(holds: bool, play: Play, what: str) -> None:
    if not holds:
        raise Violation(f"seed {play.seed}: {what}")


# ---------------------------------------------------------------- the parts of a process


class _Channel(FakeChannel):
    """Takes messages, and lets things happen before and after."""

    def __init__(self, play: Play) -> None:
        super().__init__()
        self.play = play

    async def send(self, part):  # type: ignore[no-untyped-def]  # as FakeChannel
        sent = await super().send(part)
        self.play.sends[part.outbox_id, part.number] += 1
        return sent


class _Watched:
    """The store, with things happening before and after each append."""

    def __init__(self, store: SqliteStore, play: Play) -> None:
        self._store = store
        self._play = play

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, thread_id: str, **more):  # type: ignore[no-untyped-def]  # forwards
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
                {t.name: ToolRule(t.effect) for t in tools}, max_steps=6, fixed_tokens=300
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
        monotonic=lambda: 0.0,
    )


def _tools(play: Play) -> list:
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
