"""Follows the turns of all threads as they are written, for the log lines, the metrics and the traces."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.alarm import Alarm
from bot.events import Event, ModelAnswered, ModelAsked, ThreadOpened, ToolStarted, TurnEnded, TurnStarted
from bot.ports import Store

MOST_FOLLOWED = 4096
LOOK_BACK = 200  # events; a turn is shorter
IDLE = 3600.0


@dataclass(slots=True)
class Turn:
    """What a turn took so far."""

    started: datetime
    trace_id: str
    tools: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    degraded: bool = False


@dataclass(slots=True)
class Followed:
    """A thread as far as its events were seen; at `turn.ended` observers still see the turn that ended."""

    thread_id: str
    agent: str = ""
    channel: str = ""
    turn: Turn | None = None


Observer = Callable[[Event, Followed], None]


def follow(thread: Followed, event: Event) -> None:
    """Take in what an event says about its thread's turn."""
    match event.data:
        case ThreadOpened(agent=agent):
            thread.agent, thread.channel = agent, event.channel
        case TurnStarted():
            thread.turn = Turn(event.time, event.trace_id)
        case _ if thread.turn:
            count(thread.turn, event)
        case _:
            pass


def count(turn: Turn, event: Event) -> None:
    match event.data:
        case ModelAsked(degraded=degraded):
            turn.degraded |= degraded
        case ModelAnswered(usage=usage):
            turn.tokens_in += usage.input + usage.cache_read + usage.cache_creation
            turn.tokens_out += usage.output
        case ToolStarted():
            turn.tools += 1
        case _:
            pass


class Turns:
    """Hands every committed event to the observers, in order, with what is known of its thread.

    `heard` listens to the store. A thread opened before this process is looked up by `run`; its events wait.
    """

    def __init__(self, store: Store, observers: Sequence[Observer], *, most: int = MOST_FOLLOWED) -> None:
        self._store = store
        self._observers = tuple(observers)
        self._most = most
        self._threads: OrderedDict[str, Followed] = OrderedDict()
        self._unknown: dict[str, list[Event]] = {}
        self._alarm = Alarm()

    def heard(self, events: tuple[Event, ...]) -> None:
        for event in events:
            thread = self._threads.get(event.thread_id)
            if thread is None and isinstance(event.data, ThreadOpened):
                thread = self._keep(Followed(event.thread_id))
            if thread is not None:
                self._tell(thread, event)
            else:
                self._unknown.setdefault(event.thread_id, []).append(event)
                self._alarm.ring()

    async def run(self) -> None:
        """Look up threads that this process has not seen being opened, until cancelled."""
        while True:
            while thread_id := next(iter(self._unknown), None):
                thread = await self._look_up(thread_id, self._unknown[thread_id][0].seq)
                self._keep(thread)
                for event in self._unknown.pop(thread_id):
                    self._tell(thread, event)
            await self._alarm.sleep(IDLE)

    async def _look_up(self, thread_id: str, before: int) -> Followed:
        """The thread as it was before this seq: its agent, its channel, and the turn it was in."""
        row = await self._store.thread(thread_id)
        if row is None:
            return Followed(thread_id)
        thread = Followed(thread_id, row.agent, row.channel)
        settled = row.settled_seq if row.settled_seq < before else 0
        after = max(settled, before - 1 - LOOK_BACK)
        if after < before - 1:
            for event in await self._store.events(thread_id, after=after, limit=before - 1 - after):
                follow(thread, event)
        return thread

    def _keep(self, thread: Followed) -> Followed:
        self._threads[thread.thread_id] = thread
        while len(self._threads) > self._most:
            self._threads.popitem(last=False)
        return thread

    def _tell(self, thread: Followed, event: Event) -> None:
        follow(thread, event)
        for observe in self._observers:
            observe(event, thread)
        if isinstance(event.data, TurnEnded):
            thread.turn = None
            self._threads.move_to_end(thread.thread_id)
