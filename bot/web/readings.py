"""Threads folded for display, and logs page by page; a row that cannot be read is shown raw."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import JsonValue

from bot import snapshot
from bot.errors import BrokenEvent, UnknownEvent
from bot.events import Event
from bot.fold import fold_all
from bot.ports import ThreadRow
from bot.thread import Status, Thread
from bot.web.problems import no_such_thread
from bot.web.site import Row, Site

PAGE = 256
KEPT = 512  # folded threads


@dataclass(frozen=True, slots=True)
class Raw:
    """A row that this program cannot read."""

    seq: int
    row: Row

    def to_json(self) -> dict[str, JsonValue]:
        return dict(self.row)


class Readings:
    """What the API and the pages know of threads, always read from the log."""

    def __init__(self, site: Site, *, kept: int = KEPT) -> None:
        self._site = site
        self._kept = kept
        self._threads: OrderedDict[str, Thread] = OrderedDict()

    async def row(self, thread_id: str) -> ThreadRow:
        """The thread's row, or a 404."""
        row = await self._site.store.thread(thread_id)
        if row is None:
            raise no_such_thread(thread_id)
        return row

    async def thread(self, row: ThreadRow) -> Thread:
        """The thread folded up to this row or further; raises BrokenEvent if its log cannot be read."""
        thread = self._threads.get(row.thread_id)
        if thread is None or row.last_seq - thread.seq > PAGE:
            thread = await self._load(row.thread_id)
        elif thread.seq < row.last_seq:
            thread = _folded(thread, await self._site.store.events(row.thread_id, after=thread.seq))
        if thread.seq < row.last_seq:
            raise BrokenEvent
        self._keep(thread)
        return thread

    async def status(self, row: ThreadRow) -> Status:
        """The status word of a thread; one whose log cannot be read is parked."""
        try:
            return (await self.thread(row)).status
        except (BrokenEvent, UnknownEvent):
            return "parked"

    async def open_approvals(self, row: ThreadRow) -> int:
        """How many requests for a yes are open in a thread; none are known of one that cannot be read."""
        try:
            approvals = (await self.thread(row)).approvals.values()
        except (BrokenEvent, UnknownEvent):
            return 0
        return sum(not approval.decided and not approval.void for approval in approvals)

    async def page(self, thread_id: str, *, after: int, limit: int = PAGE) -> list[Event | Raw]:
        """The next rows of a log, at most this many; an empty page is the end."""
        events = await self._site.store.events(thread_id, after=after, limit=limit)
        if len(events) == limit:
            return list(events)
        last = events[-1].seq if events else after
        following = await self._site.raw_events(thread_id, after=last, limit=1)
        # A row that can be read has just come in: the next page has it.
        broken = [Raw(_seq(row), row) for row in following if row.get("broken")]
        if following and not events and not broken:
            return await self.page(thread_id, after=after, limit=limit)
        return [*events, *broken]

    async def pages(
        self, thread_id: str, *, after: int = 0, limit: int | None = None
    ) -> AsyncIterator[list[Event | Raw]]:
        """All rows after this seq, or the first `limit` of them."""
        left = limit
        while left is None or left > 0:
            page = await self.page(thread_id, after=after, limit=PAGE if left is None else min(PAGE, left))
            if not page:
                return
            yield page
            after = page[-1].seq
            left = None if left is None else left - len(page)

    async def _load(self, thread_id: str) -> Thread:
        loaded = await self._site.store.load(thread_id)
        thread = snapshot.parse(loaded.snapshot) if loaded.snapshot else Thread(thread_id)
        return _folded(thread, loaded.events)

    def _keep(self, thread: Thread) -> None:
        before = self._threads.get(thread.id)
        if before is None or before.seq <= thread.seq:
            self._threads[thread.id] = thread
        self._threads.move_to_end(thread.id)
        while len(self._threads) > self._kept:
            self._threads.popitem(last=False)


def _folded(thread: Thread, events: tuple[Event, ...]) -> Thread:
    try:
        return fold_all(thread, events)
    except (ValueError, LookupError) as error:
        raise BrokenEvent(f"thread {thread.id} cannot be folded: {error}") from error


def _seq(row: Row) -> int:
    seq = row["seq"]
    if not isinstance(seq, int):
        raise BrokenEvent("a row without a seq")
    return seq
