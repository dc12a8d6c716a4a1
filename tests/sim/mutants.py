"""Stores that are broken on purpose, to see that the schedules find out."""

from bot.ports import Appended
from bot.store.sqlite import SqliteStore


class AnnouncesAnyway(SqliteStore):
    """Writes its decisions although an input has arrived."""

    async def append(self, thread_id: str, *, head: int, seen: int, **more) -> Appended:
        row = await self.thread(thread_id)
        appended = await super().append(thread_id, head=head, seen=row.last_seq, **more)
        missed = await self.events(thread_id, after=seen)
        return Appended(missed, appended.decided)


class SkipsNewcomers(SqliteStore):
    """Reads on after the last seq instead of after the event it consumed, so what came in between is never folded."""

    async def append(self, thread_id: str, *, head: int, seen: int, **more) -> Appended:
        row = await self.thread(thread_id)
        return await super().append(thread_id, head=head, seen=max(seen, row.last_seq), **more)


class ThrowsResultsAway(SqliteStore):
    """Fences results on the last seq: whatever came in meanwhile costs the call that was under way."""

    async def append(self, thread_id: str, *, head: int, seen: int, **more) -> Appended:
        missed = await self.events(thread_id, after=seen)
        if missed:
            return Appended(missed, decided=False)
        return await super().append(thread_id, head=head, seen=seen, **more)
