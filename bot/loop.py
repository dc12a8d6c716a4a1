"""The one loop: decide, write it down, act, and write down what came of it.

`advance` is the whole control flow of the bot. Everything it decides comes from `bot.decide`, everything it
remembers is in the store.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from pydantic import BaseModel, JsonValue

from bot import context, decide, snapshot, words
from bot.context import AgentTexts, Ask
from bot.decide import Action, AskModel, Plan, RunTool, Wait
from bot.drafting import fold_drafts, stamped
from bot.ending import give_up
from bot.errors import BrokenEvent, Fenced, InvalidStep, StoreError, StoreFull, ToolError, UnknownEvent
from bot.events import AskSettings, Draft, Event, Failure, ModelAnswered, ModelAsked, Step, ToolFinished
from bot.fold import fold, fold_all
from bot.ids import task_id
from bot.lanes import Lane, LaneCache
from bot.one_line import safe_line
from bot.ports import Appended, Clock, Loaded, Model, Store
from bot.replay import request_at
from bot.rules import Rules
from bot.step import read_args
from bot.thread import Calling, Thread
from bot.tool_context import Contexts
from bot.tool_runner import in_background, run_tool
from bot.tools import Agent, Tool, ToolContext

FULL_DISK_PAUSE = 1.0  # seconds

log = structlog.get_logger("loop")


@dataclass(frozen=True, slots=True)
class AgentParts:
    """An agent put together: its tools, its texts, how its answers are checked."""

    agent: Agent
    texts: AgentTexts
    check: Callable[[str], Step]
    model: str = "main"


@dataclass(frozen=True, slots=True)
class ModelParts:
    """A configured model and the settings that go into its requests."""

    model: Model
    max_tokens: int
    structured: bool


@dataclass(frozen=True, slots=True)
class World:
    """What the loop acts with. `rules` and `timezone` are asked anew each time: config may change."""

    agents: Mapping[str, AgentParts]
    models: Mapping[str, ModelParts]
    rules: Callable[[], Rules]
    timezone: Callable[[str], str]
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    tool_timeout: timedelta
    result_clip: int
    contexts: Contexts
    redact: Callable[[str], str] = str
    watch: Callable[[Thread, Sequence[Event]], None] = lambda thread, events: None
    monotonic: Callable[[], float] = time.monotonic


class Loop:
    """Advances threads. `stopping` makes it end after what is under way."""

    def __init__(
        self, store: Store, world: World, *, stopping: Callable[[], bool] = lambda: False, cache: int = 256
    ) -> None:
        self._store = store
        self._world = world
        self._stopping = stopping
        self._cache = LaneCache(cache)
        self._fold_version = snapshot.fold_version()
        self._stored_texts: set[str] = set()
        self._broken: set[str] = set()
        store.listen(self._heard)

    async def advance(self, thread_id: str, *, once: bool = False) -> None:
        """Take the thread as far as it goes; with `once`, through exactly one transition."""
        try:
            await self._advance(thread_id, once=once)
        except Fenced:
            self._cache.forget(thread_id)
            log.info("another process has this thread; letting go of it", thread_id=thread_id)
        except StoreError:
            self._cache.forget(thread_id)
            raise
        except Exception as error:
            self._cache.forget(thread_id)
            log.exception("an error of our own; parking this thread", thread_id=thread_id)
            await self._park(thread_id, _reason(error))

    async def _advance(self, thread_id: str, *, once: bool) -> None:
        lane = await self._lane(thread_id)
        results: Sequence[Draft] = ()
        while True:
            self._take_in_arrived(lane)
            now = self._world.clock()
            thread = fold_drafts(lane.thread, results, now)
            plan = decide.decide(thread, now, self._world.rules(), tries=lane.tries)
            body, plan = await self._announce(lane, results, plan, now)
            appended = await self._append(lane, results, plan, now)
            if not appended.decided:
                results = ()
                continue
            if isinstance(plan.action, Wait):
                return await self._rest(lane)
            results = await self._perform(lane, plan.action, body)
            if once or self._stopping():
                await self._append(lane, results, None, self._world.clock())
                return None

    # ------------------------------------------------------------ the log

    async def _lane(self, thread_id: str) -> Lane:
        lane = self._cache.get(thread_id)
        if lane is None:
            lane = await self._load(thread_id)
            self._cache.put(thread_id, lane)
        return lane

    async def _load(self, thread_id: str) -> Lane:
        loaded = await self._store.load(thread_id)
        if loaded.broken:
            raise BrokenEvent(loaded.broken)
        thread = snapshot.parse(loaded.snapshot) if loaded.snapshot else Thread(thread_id)
        lane = Lane(thread, snapshot_seq=thread.seq)
        self._take_in(lane, loaded.events)
        lane.tries = loaded.tries  # what somebody asked for before this take-over made none of them good
        return lane

    async def _append(
        self, lane: Lane, results: Sequence[Draft], plan: Plan | None, now: datetime
    ) -> Appended:
        decisions = plan.drafts if plan else ()
        texts = self._new_texts(lane.thread.agent, decisions)
        settled = plan is not None and isinstance(plan.action, Wait)
        appended = await self._until_stored(
            lambda: self._store.append(
                lane.thread.id,
                head=lane.thread.head,
                seen=lane.thread.seq,
                results=results,
                decisions=decisions,
                texts=texts,
                settled=settled,
                now=now,
                trace_id=_trace(lane, plan),
            )
        )
        if appended.decided:
            self._stored_texts |= texts.keys()
        if results:
            lane.tries = 0
        expected = (
            plan.thread if plan and _is_as_planned(appended, now, len(results) + len(decisions)) else None
        )
        if (
            expected is None
        ):  # what was rendered of events that were planned here stands elsewhere, or nowhere
            lane.blocks = {key: text for key, text in lane.blocks.items() if key[0] <= lane.thread.seq}
        self._take_in(lane, appended.events, expected)
        self._world.watch(lane.thread, appended.events)
        return appended

    async def _until_stored(self, append: Callable[[], Awaitable[Appended]]) -> Appended:
        """A full disk must not cost a result: keep it and try again until there is room."""
        while True:
            try:
                return await append()
            except StoreFull:
                await self._world.sleep(FULL_DISK_PAUSE)

    def _new_texts(self, agent: str, decisions: Sequence[Draft]) -> dict[str, str]:
        if not any(isinstance(draft.data, ModelAsked) for draft in decisions):
            return {}
        texts = self._world.agents[agent].texts.by_hash()
        return {key: text for key, text in texts.items() if key not in self._stored_texts}

    def _take_in(self, lane: Lane, events: Sequence[Event], expected: Thread | None = None) -> None:
        """Fold what is now in the log; `expected` is that fold, if it has been made already."""
        lane.thread = expected or fold_all(lane.thread, events)
        lane.events.update((event.seq, event) for event in events)
        if any(event.type == "control.requested" for event in events):
            lane.tries = 0

    def _heard(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.data.part == "input":
                self._cache.arrived(event)

    def _take_in_arrived(self, lane: Lane) -> None:
        """Fold what came in meanwhile, which saves an append that only finds it; what is missed, that finds."""
        arrived, lane.arrived = lane.arrived, []
        for event in arrived:
            if event.seq == lane.thread.seq + 1:
                self._take_in(lane, (event,))

    async def _rest(self, lane: Lane) -> None:
        """Between turns: keep only what the next prompt shows, and a snapshot now and then."""
        thread = lane.thread
        if thread.turn is None and len(lane.events) > 2 * snapshot.SNAPSHOT_EVERY:
            seqs = context.needed(thread)
            shown = [event for seq, event in lane.events.items() if seq in seqs]
            keep = seqs | context.referred(shown) | {unread.seq for unread in thread.unread}
            lane.events = {seq: event for seq, event in lane.events.items() if seq in keep}
            lane.blocks = {key: block for key, block in lane.blocks.items() if key[0] in keep}
        if thread.turn is None and thread.seq - lane.snapshot_seq >= snapshot.SNAPSHOT_EVERY:
            lane.snapshot_seq = thread.seq
            with suppress(StoreFull):  # it saves time, nothing else
                body = snapshot.dump(thread)
                await self._store.save_snapshot(thread.id, thread.seq, self._fold_version, body)

    # ------------------------------------------------------------ the request

    async def _announce(
        self, lane: Lane, results: Sequence[Draft], plan: Plan, now: datetime
    ) -> tuple[dict[str, JsonValue], Plan]:
        """Render the request, so that its hash is written down before it is sent."""
        if not isinstance(plan.action, AskModel):
            return {}, plan
        if plan.action.resume is not None:
            return await self.request_at(lane.thread.id, plan.action.resume), plan
        coming = stamped(lane.thread, (*results, *plan.drafts), now)
        events = {**lane.events, **{event.seq: event for event in coming}}
        ask = self._ask(plan.thread, plan.action, now)
        texts = self._world.agents[plan.thread.agent].texts
        await self._fill(plan.thread, events)
        body = context.request(plan.thread, events, texts, ask, blocks=lane.blocks)
        announced = context.asked(plan.thread, body, texts, ask, degraded=plan.action.degraded)
        last = Draft(announced, run=plan.action.run)
        thread = fold_drafts(plan.thread, (last,), now)
        return body, Plan((*plan.drafts, last), plan.action, thread)

    def _ask(self, thread: Thread, action: AskModel, now: datetime) -> Ask:
        model = self._model(thread.agent, action)
        settings = AskSettings(
            render_version=context.RENDER_VERSION,
            max_tokens=model.max_tokens,
            structured=model.structured,
            timezone=self._world.timezone(thread.open_turn.person),
            block_clip=self._world.rules().block_clip,
        )
        return Ask(model.model.name, now, settings)

    def _model(self, agent: str, action: AskModel) -> ModelParts:
        return self._world.models["backup" if action.degraded else self._world.agents[agent].model]

    async def _fill(self, thread: Thread, events: dict[int, Event]) -> None:
        """Read the events that the prompt shows and that are not at hand."""
        for wanted in (context.needed, lambda t: context.referred(events[s] for s in context.needed(t))):
            missing = {seq for seq in wanted(thread) if seq not in events}
            if missing:
                events.update((e.seq, e) for e in await self._store.events_at(thread.id, missing))

    async def request_at(self, thread_id: str, seq: int) -> dict[str, JsonValue]:
        """The request that the model.asked at this seq announced, byte for byte, from the log alone."""
        return await request_at(self._store, thread_id, seq)

    # ------------------------------------------------------------ the world

    async def _perform(self, lane: Lane, action: Action, body: Mapping[str, JsonValue]) -> Sequence[Draft]:
        """The only place that touches the world."""
        match action:
            case AskModel():
                check = self._world.agents[lane.thread.agent].check
                answered = await self._model(lane.thread.agent, action).model.ask(body, check)
                return (Draft(self._looked_at(lane, answered), run=action.run),)
            case RunTool():
                return await self._call(lane, action)
            case Wait():
                return ()

    def _looked_at(self, lane: Lane, answered: ModelAnswered) -> ModelAnswered:
        """What cannot work goes back to the model before a person is asked about it."""
        action = answered.step.proposed_action if answered.step else None
        tool = self._tool(lane.thread.agent, action.tool) if action and action.tool else None
        if action is None or tool is None or tool.check is None:
            return answered
        turn = lane.thread.open_turn
        context = self._world.contexts.of_call(lane.thread, "", "", by=turn.by, person=turn.person)
        try:
            spelled_out = tool.check(read_args(tool.args, action.args), context)
        except (ToolError, InvalidStep) as error:
            why = Failure(kind="invalid", message=safe_line(str(error), most=300, clean=self._world.redact))
            return answered.model_copy(update={"step": None, "failure": why})
        return answered if spelled_out is None else _with_args(answered, spelled_out)

    def _tool(self, agent: str, name: str) -> Tool | None:
        return next((each for each in self._world.agents[agent].agent.tools if each.name == name), None)

    async def _call(self, lane: Lane, action: RunTool) -> Sequence[Draft]:
        turn = lane.thread.open_turn
        calling = turn.pending
        if not isinstance(calling, Calling):
            raise ValueError(f"thread {lane.thread.id}: {action.call_id} runs without an announcement")
        tool = self._tool(lane.thread.agent, calling.tool)
        if tool is None:
            return [_missing(calling, action)]
        if tool.background:
            text = words.task_started(words.named(tool.name, calling.args), "")
            started = in_background(tool, calling.args, self._context_of(lane, calling), text)
            return [replace(started, run=action.run)]
        drafts = await run_tool(
            tool,
            calling.args,
            self._context_of(lane, calling),
            timeout=tool.timeout or self._world.tool_timeout,
            clip=self._world.result_clip,
            clean=self._world.redact,
            monotonic=self._world.monotonic,
        )
        return [replace(draft, run=action.run) for draft in drafts]

    def _context_of(self, lane: Lane, calling: Calling) -> ToolContext:
        turn = lane.thread.open_turn
        now = self._world.clock()
        if calling.effect == "stored" and calling.seq in lane.events:
            # "In two hours" counts from when it was asked for, also after a crash.
            now = lane.events[calling.seq].time
        task = task_id(lane.thread.id, calling.call_id, calling.args_digest)
        return self._world.contexts.of_call(
            lane.thread, calling.call_id, task, by=turn.by, person=turn.person, now=now
        )

    # ------------------------------------------------------------ errors of our own

    async def _park(self, thread_id: str, reason: str) -> None:
        """Write down that this thread cannot go on; an input that arrives meanwhile only means trying again."""
        try:
            while not await self._parked(thread_id, reason):
                log.info("an input came in while parking; parking again", thread_id=thread_id)
        except Fenced:
            log.info("another process has this thread; letting go of it", thread_id=thread_id)

    async def _parked(self, thread_id: str, reason: str) -> bool:
        loaded = await self._store.load(thread_id)
        thread = self._as_far_as_it_folds(loaded)
        if thread.parked or (loaded.broken and thread_id in self._broken):
            return True
        drafts = give_up(thread, reason, self._world.rules())
        appended = await self._until_stored(
            lambda: self._store.append(
                thread_id, head=loaded.head, seen=loaded.last_seq, decisions=drafts, settled=True
            )
        )
        if appended.decided and loaded.broken:
            self._broken.add(thread_id)  # its thread.parked stands behind what nobody can read
        return appended.decided

    def _as_far_as_it_folds(self, loaded: Loaded) -> Thread:
        thread = Thread(loaded.thread_id)
        try:
            thread = snapshot.parse(loaded.snapshot) if loaded.snapshot else thread
            for event in loaded.events:
                thread = fold(thread, event)
        except Exception as error:  # noqa: BLE001 - part of `advance`: one broken thread must not end the bot
            log.warning(
                "the log of this thread cannot be folded",
                thread_id=loaded.thread_id,
                error=type(error).__name__,
            )
        return thread


def _with_args(answered: ModelAnswered, args: BaseModel) -> ModelAnswered:
    """The answer with the arguments of its call spelled out: from here on they are the call."""
    step = answered.step
    if step is None or step.proposed_action is None:
        return answered
    action = step.proposed_action.model_copy(update={"args": args.model_dump(mode="json")})
    return answered.model_copy(update={"step": step.model_copy(update={"proposed_action": action})})


def _trace(lane: Lane, plan: Plan | None) -> str:
    """The trace of the input that is being answered."""
    turn = lane.thread.turn or (plan.thread.turn if plan else None)
    unread = lane.thread.unread
    seq = turn.input if turn else unread[0].seq if unread else 0
    return lane.events[seq].trace_id if seq in lane.events else ""


def _is_as_planned(appended: Appended, now: datetime, count: int) -> bool:
    """Whether the log went on with exactly what was planned, at the time it was planned for."""
    events = appended.events
    return appended.decided and len(events) == count and all(event.time == now for event in events)


def _missing(calling: Calling, action: RunTool) -> Draft:
    """The result of a call whose tool was taken away between its announcement and now."""
    finished = ToolFinished(
        call_id=calling.call_id,
        tool=calling.tool,
        args_digest=calling.args_digest,
        status="failed",
        result="this tool is no longer offered",
        retryable=False,
    )
    return Draft(finished, run=action.run, correlation=calling.call_id)


def _reason(error: Exception) -> str:
    if isinstance(error, UnknownEvent | BrokenEvent | LookupError):
        return " ".join(str(error).split())[:300]
    return f"an error of our own ({type(error).__name__}); the log of the bot has the details"
