"""Carries out background calls outside their turns: once task.started is on disk, until task.finished is.

What a process leaves behind, the next one takes up.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from bot import snapshot, words
from bot.background import NEVER_BEGAN, End, Function, Notes, to_begin, to_take_up
from bot.errors import StoreClosed, StoreError, StoreFailed
from bot.events import (
    ControlRequested,
    Event,
    Incoming,
    Outgoing,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
    ToolStarted,
)
from bot.fold import fold_all
from bot.ids import task_dedupe
from bot.ports import Receive, Received, Store
from bot.thread import Thread
from bot.tool_runner import Call
from bot.tools import DAY, Tool, ToolContext

AT_ONCE = 16
STORE_AGAIN = 1.0  # seconds until a result is offered again to a store that had no room for it
LET_GO = 2.0  # seconds for functions that the end of the process cuts off
LONGEST_ERROR = 1000
STOPS_KEPT = 1000

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Entry:
    """A task of this process. Without a `thread` an earlier one left it behind.

    What its function does is `lasting` if the next process can take it up; `ended` once that is to be reported.
    """

    id: str
    thread_id: str
    call_id: str
    seq: int
    thread: Thread | None = None
    run: str = ""
    stopped: bool = False
    function: Function | None = None
    lasting: bool = False
    ended: bool = False


class Tasks:
    """Starts what `watch` and `recover` find, at most `at_once` at a time, and reports each end to `receive`.

    `tool` finds the tool of an agent by its name, `context` says what a task of a thread may know. Each task is
    on its own, not in a group: the failure of one must not cancel another.
    """

    def __init__(
        self,
        store: Store,
        receive: Receive,
        *,
        tool: Callable[[str, str], Tool | None],
        context: Callable[[Thread, str], ToolContext],
        clip: int,
        clean: Callable[[str], str],
        at_once: int = AT_ONCE,
        timeout: timedelta = DAY,
        store_again: float = STORE_AGAIN,
    ) -> None:
        self._store, self._receive = store, receive
        self._tool, self._context = tool, context
        self._clip, self._clean = clip, clean
        self._at_once = at_once
        self._timeout = timeout
        self._store_again = store_again
        self._entries: dict[str, _Entry] = {}
        self._waiting: deque[_Entry] = deque()
        self._at_work: dict[asyncio.Task[None], _Entry] = {}
        self._stops: OrderedDict[str, int] = OrderedDict()
        self._ending = False

    @property
    def running(self) -> int:
        return len(self._at_work)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # ------------------------------------------------------------ what others tell

    def watch(self, thread: Thread, events: Sequence[Event]) -> None:
        """The loop has written these events, and this is the thread after them."""
        for event in events:
            if isinstance(event.data, TaskStarted) and event.data.kind == "background":
                self._begin(thread, event, event.data)

    def heard(self, events: Sequence[Event]) -> None:
        """A store listener: what was committed in this process, whoever wrote it."""
        for event in events:
            if isinstance(event.data, ControlRequested) and event.data.action == "stop":
                self._heard_stop(event)

    async def recover(self) -> int:
        """Take up what earlier processes left, before the loop begins; says how many tasks that are."""
        rows = [row for row in await self._store.open_tasks() if row.kind == "background"]
        for row in rows:
            self._add(_Entry(row.task_id, row.thread_id, row.call_id, row.seq, stopped=row.stopped))
        return len(rows)

    async def stop(self, grace: float) -> bool:
        """Begin nothing more; what does not end in the grace (seconds) is cut off and left to the next start.

        What can be taken up where it stands is left at once; False if anything else was cut off.
        """
        self._ending = True
        at_once = {task for task, entry in self._at_work.items() if entry.lasting and not entry.ended}
        if at_once:
            await _cut_off(at_once)
        if not self._at_work:
            return True
        _, left = await asyncio.wait(set(self._at_work), timeout=grace)
        if left:
            await _cut_off(left)
        return not left

    # ------------------------------------------------------------ beginning and stopping

    def _begin(self, thread: Thread, event: Event, data: TaskStarted) -> None:
        task = thread.tasks.get(data.task_id)
        if task is None:
            return
        # A stop may be committed, but not folded yet, when the loop comes here.
        stopped = task.void or self._stops.get(thread.id, 0) > event.seq
        entry = _Entry(data.task_id, thread.id, data.call_id, event.seq, thread, event.run, stopped)
        if stopped:
            self._spawn(entry, self._report(entry, End("cancelled", NEVER_BEGAN)))
        else:
            self._add(entry)

    def _add(self, entry: _Entry) -> None:
        if entry.id not in self._entries:
            self._entries[entry.id] = entry
            self._waiting.append(entry)
            self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._at_work) < self._at_once and not self._ending:
            entry = self._waiting.popleft()
            self._spawn(entry, self._carry_out(entry))

    def _spawn(self, entry: _Entry, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"task {entry.id}")
        self._at_work[task] = entry
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        entry = self._at_work.pop(task)
        self._entries.pop(entry.id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an error of our own in a task", task=entry.id, exc_info=error)
            if not isinstance(error, StoreError) and not entry.ended:
                said = f"an error of our own ({type(error).__name__}); the log of the bot has the details"
                self._spawn(entry, self._report(entry, End("unknown", said)))
        self._start_waiting()

    def _heard_stop(self, event: Event) -> None:
        self._stops[event.thread_id] = event.seq
        if len(self._stops) > STOPS_KEPT:
            self._stops.popitem(last=False)
        for entry in list(self._entries.values()):
            if entry.thread_id == event.thread_id and entry.seq < event.seq:
                self._stop(entry)

    def _stop(self, entry: _Entry) -> None:
        entry.stopped = True
        if entry.function is not None:
            entry.function.stop()
        elif entry in self._waiting:  # nothing is going to run, so it need not wait until others have
            self._waiting.remove(entry)
            self._spawn(entry, self._carry_out(entry))

    # ------------------------------------------------------------ one task

    async def _carry_out(self, entry: _Entry) -> None:
        thread = entry.thread or await self._load(entry.thread_id)
        call = await self._call(entry)
        task = thread.tasks.get(entry.id)
        if task is None:
            log.error("the log knows no such open task", task=entry.id, thread=entry.thread_id)
            return
        entry.run, entry.stopped = task.run, entry.stopped or task.void
        tool = self._tool(thread.agent, call.tool)
        if entry.thread is not None:
            found = to_begin(tool, call, stopped=entry.stopped)
        else:
            found = to_take_up(tool, call, attempt=task.attempt, stopped=entry.stopped)
        if isinstance(found, Tool):
            attempt = task.attempt if entry.thread else task.attempt + 1
            ctx = replace(self._context(thread, entry.id), key=call.key, call_id=entry.call_id)
            found = await self._run(entry, found, call, replace(ctx, task_id=entry.id, attempt=attempt))
        await self._report(entry, found)

    async def _load(self, thread_id: str) -> Thread:
        loaded = await self._store.load(thread_id)
        thread = snapshot.parse(loaded.snapshot) if loaded.snapshot else Thread(thread_id)
        return fold_all(thread, loaded.events)

    async def _call(self, entry: _Entry) -> ToolStarted:
        event = await self._store.call(entry.thread_id, entry.call_id)
        if event is None or not isinstance(event.data, ToolStarted):
            raise LookupError(f"thread {entry.thread_id}: no tool.started of the call {entry.call_id}")
        return event.data

    async def _run(self, entry: _Entry, tool: Tool, call: ToolStarted, ctx: ToolContext) -> End:
        progress = TaskProgressed(task_id=entry.id, attempt=ctx.attempt)
        again = entry.thread is None
        if again:
            await self._write(entry, progress)
        entry.lasting = tool.recover is not None
        takes_up = again and entry.lasting
        function = entry.function = Function(tool.run, takes_up=takes_up, stopped=entry.stopped)
        notes = Notes(
            lambda note: self._receive(_incoming(entry, progress.model_copy(update={"note": note}))),
            self._clean,
        )
        tool, ctx = replace(tool, run=function), replace(ctx, progress=notes.note)
        seconds = (tool.timeout or self._timeout).total_seconds()
        call_of_it = Call(tool, call.args, ctx, seconds, self._clip, self._clean, LONGEST_ERROR)
        sending = asyncio.ensure_future(notes.send())
        try:
            return function.end(tool, await call_of_it.outcome())
        finally:
            sending.cancel()

    # ------------------------------------------------------------ writing down

    async def _report(self, entry: _Entry, end: End) -> None:
        entry.ended = True
        finished = TaskFinished(
            task_id=entry.id, outcome=end.outcome, result=end.result, outgoing=_told(entry, end)
        )
        received = await self._write(entry, finished, dedupe=task_dedupe(entry.id))
        if received.duplicate:
            log.warning("the end of this task was reported before", task=entry.id)

    async def _write(
        self, entry: _Entry, data: TaskFinished | TaskProgressed, *, dedupe: str | None = None
    ) -> Received:
        """Write it down, however long the store refuses: a full disk must not cost a result."""
        while True:
            try:
                return await self._receive(_incoming(entry, data, dedupe))
            except (StoreFailed, StoreClosed):
                raise
            except StoreError:  # full, or held by another program: nothing was written
                await asyncio.sleep(self._store_again)


async def _cut_off(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=LET_GO)


def _told(entry: _Entry, end: End) -> tuple[Outgoing, ...]:
    """How a call ended that was stopped: its end starts no turn that could say so."""
    thread = entry.thread
    if not entry.stopped or thread is None or not thread.destination:
        return ()
    text = words.task_stopped(end.outcome, end.result)
    return (
        Outgoing(text=text, channel=thread.channel, account=thread.account, destination=thread.destination),
    )


def _incoming(entry: _Entry, data: TaskFinished | TaskProgressed, dedupe: str | None = None) -> Incoming:
    return Incoming(
        data, channel="", dedupe=dedupe, thread_id=entry.thread_id, run=entry.run, correlation=entry.id
    )
