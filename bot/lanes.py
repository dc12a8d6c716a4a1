"""One lane per thread: a thread's work is serial, threads run side by side, and nobody waits behind another."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.events import Event
from bot.thread import Thread

BEGUN_POLL = 0.01  # seconds


@dataclass(slots=True)
class Lane:
    """What a process holds of a thread it works on: the folded thread and the events its prompt shows.

    `arrived` are inputs that were committed and are not folded yet; `blocks` are what was rendered before.
    """

    thread: Thread
    events: dict[int, Event] = field(default_factory=dict)
    arrived: list[Event] = field(default_factory=list)
    blocks: dict[tuple[int, int], str] = field(default_factory=dict)
    tries: int = 0
    snapshot_seq: int = 0


class LaneCache:
    """The lanes used last; forgetting one costs a read, nothing else."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._lanes: OrderedDict[str, Lane] = OrderedDict()

    def get(self, thread_id: str) -> Lane | None:
        lane = self._lanes.get(thread_id)
        if lane is not None:
            self._lanes.move_to_end(thread_id)
        return lane

    def arrived(self, event: Event) -> None:
        """An input was committed; its thread may be at hand."""
        lane = self._lanes.get(event.thread_id)
        if lane is not None:
            lane.arrived.append(event)

    def put(self, thread_id: str, lane: Lane) -> None:
        self._lanes[thread_id] = lane
        while len(self._lanes) > self._limit:
            self._lanes.popitem(last=False)

    def forget(self, thread_id: str) -> None:
        self._lanes.pop(thread_id, None)


class Lanes:
    """Calls `advance` for every thread that was woken, at most `limit` at a time, each thread once at a time."""

    def __init__(self, advance: Callable[[str], Awaitable[None]], *, limit: int = 64) -> None:
        self._advance = advance
        self._limit = limit
        self._ready: deque[str] = deque()
        self._known: dict[str, bool] = {}  # thread id -> wake again after this run
        self._changed = asyncio.Condition()
        self._signal = asyncio.Event()
        self._running = 0
        self._stopping = False

    @property
    def in_flight(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return len(self._ready)

    @property
    def stopping(self) -> bool:
        return self._stopping

    def wake(self, thread_id: str) -> None:
        """There may be something to do in this thread."""
        if thread_id in self._known:
            self._known[thread_id] = True
            return
        self._known[thread_id] = False
        self._ready.append(thread_id)
        self._signal.set()

    async def run(self) -> None:
        """Work until `stop`; cancelling cuts short what is under way, which the log shows as interrupted."""
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                await self._signal.wait()
                self._signal.clear()
                while self._ready and self._running < self._limit and not self._stopping:
                    self._running += 1
                    group.create_task(self._work(self._ready.popleft()))

    async def stop(self, grace: float) -> bool:
        """Start nothing more and wait for what is under way; False if some of it outlasted the grace (seconds)."""
        self._stopping = True
        self._signal.set()
        try:
            async with asyncio.timeout(grace):
                async with self._changed:
                    await self._changed.wait_for(lambda: self._running == 0)
        except TimeoutError:
            return False
        return True

    async def begun(self) -> None:
        """Wait until everything that was woken has begun."""
        while self._ready:  # noqa: ASYNC110 - at the start only; on the hot path nobody should have to tell
            await asyncio.sleep(BEGUN_POLL)

    async def finished(self, thread_id: str) -> None:
        """Wait until there is nothing more to do in this thread."""
        async with self._changed:
            await self._changed.wait_for(lambda: thread_id not in self._known)

    async def _work(self, thread_id: str) -> None:
        self._known[thread_id] = False
        try:
            await self._advance(thread_id)
        finally:
            self._running -= 1
            if self._known.get(thread_id):
                self._ready.append(thread_id)
            else:
                self._known.pop(thread_id, None)
            self._signal.set()
            async with self._changed:
                self._changed.notify_all()
