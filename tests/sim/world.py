"""A random world for the core: whatever people, config and the clock can do, crashes and a second process.

Each at every point of a turn, against the real store, in a real file. `run_seed(seed, folder)` plays one schedule
and returns what was counted; it raises Violation, which names the seed, if a promise was broken.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot import events as ev
from bot.errors import ToolError
from bot.events import Event, ModelAnswered
from bot.loop import Loop
from bot.ports import RequestRow
from bot.rules import Rules
from bot.store.sqlite import SqliteStore
from bot.testing import (
    EVERYBODY,
    Addresses,
    FakeClock,
    ScriptedModel,
    agent_parts,
    call,
    failure,
    reply,
    step,
)
from bot.tools import Tool, ToolContext
from tests.sim.checks import (
    Violation,
    check_at_death,
    check_database,
    check_decided_as_written,
    must,
)
from tests.sim.offer import GATED, UNGATED, UNSAFE, Today, entitled, make_rules, make_tools, needed
from tests.sim.parts import Bytes, Chances as Chances, Channel, Crash
from tests.sim.process import Process

MOST_PUT = 3  # times that a call which may be repeated is begun in the background


@dataclass
class Play:
    """One schedule: the world outside, which outlives the processes."""

    seed: int
    folder: Path
    chances: Chances
    loop_class: type[Loop] = Loop
    store_class: type[SqliteStore] = SqliteStore
    counts: Counter[str] = field(default_factory=Counter)
    executed: Counter[tuple[str, str]] = field(default_factory=Counter)
    ran: list[tuple[str, int]] = field(default_factory=list)
    sends: Counter[tuple[str, int]] = field(default_factory=Counter)
    accepted: list[tuple[str, int, str | None]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)
    closed: list[RequestRow] = field(default_factory=list)
    planned: dict[tuple[str, int], Today] = field(default_factory=dict)
    today: Today = field(default_factory=Today)
    inputs_left: int = 30
    crashes_left: int = 6
    violation: Violation | None = None
    depth: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.run = f"seed {self.seed}"
        self.random = random.Random(self.seed)
        self.favourite = self.random.choice(sorted(GATED))
        self.bytes = Bytes(self.seed)
        self.finds = self.seed % 2 == 0  # whether the provider can be asked for a message
        self.clock = FakeClock()
        self.channels = {
            (each.name, each.account): each for each in (Channel(self), Channel(self, "phone", "A2"))
        }
        self.addresses = Addresses(EVERYBODY)
        self.people = self.addresses.someones(self.channels.values())
        self.model = ScriptedModel(self._think)
        self.tools = make_tools(self.acts, self.background)
        self.parts = agent_parts(self.tools)
        self.process: Process | None = None
        self._rules: dict[Today, Rules] = {}

    def rules(self) -> Rules:
        """The configuration of today."""
        if self.today not in self._rules:
            self._rules[self.today] = make_rules(self.tools, self.people, self.today)
        return self._rules[self.today]

    def tool(self, name: str) -> Tool:
        return next(each for each in self.tools if each.name == name)

    # ------------------------------------------------------------ what the others do

    def _think(self, body: Mapping[str, object]) -> ModelAnswered:
        """Any step, as a model might."""
        self.counts["model calls"] += 1
        if self.random.random() < self.chances.fail:
            kinds: tuple[ev.FailureKind, ...] = ("invalid", "unavailable", "too_large")
            return failure(self.random.choice(kinds))
        n = self.random.randrange(3)
        if self.random.random() < self.chances.gated:
            return call(
                self.favourite if self.random.random() < 0.6 else self.random.choice(sorted(GATED)), n=n
            )
        if self.chances.likes and self.random.random() < 0.5:
            return call(self.chances.likes, n=n)
        choice = self.random.random()
        if choice < 0.45:
            return reply(f"answer {self.counts['model calls']}")
        if choice < 0.5:
            return step("escalate", "help")
        if choice < 0.58:
            return step("need_approval", tool=self.random.choice(("job", "look", "work")), args={"n": n})
        return call(self.random.choice(UNGATED), n=n)

    async def point(self, name: str) -> None:
        """Here anything may happen."""
        self.counts["points"] += 1
        if self.depth:
            return
        if self.process:
            await self.process.quiet()
        self.depth += 1
        try:
            if self.random.random() < self.chances.inputs and self.inputs_left:
                await self.someone_acts()
            if self.random.random() < self.chances.other and self.process:
                await self.process.second_process()
        except Violation as violation:  # the loop takes it for an error of a tool or of its own
            self.violation = self.violation or violation
            raise
        finally:
            self.depth -= 1
        if self.random.random() < self.chances.crash and self.crashes_left:
            self.crashes_left -= 1
            self.counts["crashes"] += 1
            raise Crash(name)

    async def someone_acts(self) -> None:
        assert self.process is not None
        self.inputs_left -= 1
        await self.process.acts.one()

    async def acts(self, name: str, n: int, ctx: ToolContext) -> None:
        """A call runs in its turn."""
        self.executed[name, ctx.key] += 1
        self.ran.append((ctx.key, n))
        await self.point("in a tool")

    async def background(self, name: str, n: int, ctx: ToolContext) -> None:
        """A call runs outside its turn: it ends at once, fails, or goes on until it is let go."""
        assert self.process is not None
        self.executed[name, ctx.key] += 1
        self.ran.append((ctx.key, n))
        self.counts["background calls"] += 1
        self.counts["background calls taken up"] += ctx.attempt > 1
        fate = random.Random(f"{ctx.task_id} {ctx.attempt}").random()
        if fate < 0.5:
            await ctx.progress("half way")
            await self.process.gates.wait(ctx.task_id)
        if 0.3 < fate < 0.65:
            raise ToolError("it did not work")
        if fate > 0.95:
            raise RuntimeError("who knows")

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
            check_at_death(self.path, self.run, self.counts)
        rules = self.rules()
        await self.process.die()
        self.check(rules)

    # ------------------------------------------------------------ checking

    @property
    def path(self) -> Path:
        return self.folder / f"{self.seed}.db"

    def check(self, rules: Rules) -> None:
        logs = check_database(self.path, self.run, self.counts, gated=GATED)
        for log in logs.values():
            check_decided_as_written(self.run, log, rules, self.counts)
        for thread_id, seq, dedupe in self.accepted:
            must(logs[thread_id][seq - 1].dedupe == dedupe, self.run, f"the accepted input {dedupe} is lost")
        self._check_runs([event for log in logs.values() for event in log])
        doubled = sum(times - 1 for times in self.sends.values())
        must(doubled <= self.counts["crashes"], self.run, f"{doubled} doubled sends")
        must(not (doubled and self.finds), self.run, "sent again although it can be found")
        self.counts["doubled sends"] += doubled
        self._check_model_calls()

    def _check_runs(self, events: list[Event]) -> None:
        """What ran was announced with the same arguments, an unsafe call once, by the rights of its day."""
        started = {event.data.key: event for event in events if isinstance(event.data, ev.ToolStarted)}
        for key, n in self.ran:
            args = started[key].data.args if key in started else None
            must(args == {"n": n}, self.run, f"{key} ran with {n}, announced was {args}")
        for (name, key), times in self.executed.items():
            most = 1 if name in UNSAFE else MOST_PUT if name == "build" else times
            must(times <= most, self.run, f"{name} {key} ran {times} times")
        asked = {e.data.approval_id: e.data for e in events if isinstance(e.data, ev.ApprovalRequested)}
        for event in started.values():
            if event.data.approval_id:
                self._check_rights(event, asked[event.data.approval_id], events)

    def _check_rights(self, event: Event, request: ev.ApprovalRequested, events: list[Event]) -> None:
        today = self.planned[event.thread_id, event.seq]
        said_yes = {
            e.data.by.person
            for e in events
            if isinstance(e.data, ev.ApprovalAnswered)
            and e.data.approval_id == request.approval_id
            and e.data.decision in ("approve", "edit")
            and e.data.refused is None
            and (e.thread_id, e.seq) < (event.thread_id, event.seq)
        }
        enough = len(said_yes & entitled(request.tool, request.person, today)) >= needed(request.tool, today)
        must(enough, self.run, f"{request.tool} {event.seq} started although {said_yes} may not allow it")
        may = request.tool not in GATED or request.person not in today.barred
        must(may, self.run, f"{request.tool} {event.seq} started although {request.person} may not cause it")

    def _check_model_calls(self) -> None:
        """A call of the model is a step; only a crash or another process can cost one."""
        calls, asked = self.counts["model calls"], self.counts["asked"]
        must(calls <= asked + self.counts["resumed"], self.run, f"{calls} model calls for {asked} requests")
        if not self.counts["crashes"] and not self.counts["second process"]:
            answered = self.counts["answered"]
            ran = self.executed.total() - self.counts["background calls"]
            must(calls == asked == answered, self.run, f"of {calls} answers {answered} were kept")
            inside = self.counts["tools started"] - self.counts["background tasks"]
            must(ran == inside, self.run, f"{ran} of {inside} calls ran")


async def run_seed(
    seed: int,
    folder: Path,
    *,
    chances: Chances | None = None,
    loop_class: type[Loop] = Loop,
    store_class: type[SqliteStore] = SqliteStore,
) -> Counter[str]:
    """Play one schedule and check it."""
    play = Play(seed, folder, chances or Chances.of(seed), loop_class, store_class)
    try:
        await play.play()
    except Violation as violation:
        raise play.violation or violation from None
    return play.counts
