"""Makes an input of every timer that is due, also of those that came due while the bot was down."""

import asyncio
from datetime import UTC, datetime

from bot import ids
from bot.alarm import Alarm
from bot.events import Event, Incoming, TaskFinished, TimerFired, TimerSet
from bot.ports import Clock, DueTimer, Receive, Store

LONGEST_SLEEP = 15.0  # seconds; a laptop that slept catches up, since UTC is compared and not slept through
SHORTEST_SLEEP = 1.0  # when a timer stays due although it was fired: something is wrong, do not spin
PAGE = 256
FAR = datetime.max.replace(tzinfo=UTC)


class Timers:
    """Sleeps until the next timer is due, fires it through the inbox, and so on.

    A timer can fire twice (the process dies before its row is gone); the dedupe key makes one event of it.
    """

    def __init__(self, store: Store, receive: Receive, *, clock: Clock) -> None:
        self._store = store
        self._receive = receive
        self._clock = clock
        self._alarm = Alarm()
        self._next = FAR

    async def run(self) -> None:
        """Fire what is due, until cancelled."""
        stop_listening = self._store.listen(self._heard)
        try:
            while True:
                await self.fire_due()
                await self._alarm.sleep(await self._until_next())
        finally:
            stop_listening()

    async def fire_due(self) -> int:
        """Fire everything that is due now and return how many timers that were."""
        fired = 0
        while due := await self._store.due_timers(self._clock(), PAGE):
            received = await asyncio.gather(*(self._receive(firing(timer)) for timer in due))
            new = sum(not each.duplicate for each in received)
            fired += new
            if not new or len(due) < PAGE:
                break
        return fired

    def nudge(self) -> None:
        """Look again now: a timer was set that may be due before the others."""
        self._alarm.ring()

    def _heard(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event.data, TimerSet) and event.data.due_at < self._next:
                self._next = event.data.due_at
                self.nudge()

    async def _until_next(self) -> float:
        self._next = FAR  # a timer set while we ask rings
        self._next = min(self._next, await self._store.next_timer() or FAR)
        seconds = (self._next - self._clock()).total_seconds()
        return min(seconds, LONGEST_SLEEP) if seconds > 0 else SHORTEST_SLEEP


def firing(timer: DueTimer) -> Incoming:
    """The input that a due timer becomes; the end of a wait for an outside system is the end of its task."""
    if timer.purpose == "task":
        return _expired(timer)
    fired = TimerFired(
        timer_id=timer.timer_id,
        purpose=timer.purpose,
        due_at=timer.due_at,
        text=timer.text,
        about=_about(timer) if timer.purpose in ("expiry", "level") else "",
    )
    dedupe = ids.timer_dedupe(timer.thread_id, timer.timer_id)
    return _incoming(fired, timer, dedupe=dedupe, correlation=timer.timer_id)


def _expired(timer: DueTimer) -> Incoming:
    task_id = _about(timer)
    finished = TaskFinished(task_id=task_id, outcome="expired", result="its end was not reported in time")
    return _incoming(finished, timer, dedupe=ids.task_dedupe(task_id), correlation=task_id)


def _incoming(data: TimerFired | TaskFinished, timer: DueTimer, *, dedupe: str, correlation: str) -> Incoming:
    return Incoming(
        data,
        channel="",
        dedupe=dedupe,
        thread_id=timer.thread_id,
        run=timer.run,
        correlation=correlation,
    )


def _about(timer: DueTimer) -> str:
    """What a timer is for: "x:" and the like stand before the id of a request, "k:" before that of a task."""
    return timer.timer_id.partition(":")[2]
