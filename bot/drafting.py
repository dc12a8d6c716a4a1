"""Events that are decided and not stored yet: what they will be, and the thread as it will be."""

from collections.abc import Sequence
from datetime import datetime

from bot.events import Draft, Event
from bot.fold import fold_all
from bot.thread import Thread


def fold_drafts(thread: Thread, drafts: Sequence[Draft], now: datetime) -> Thread:
    """The thread as it will be once these drafts are stored next."""
    return fold_all(thread, stamped(thread, drafts, now))


def stamped(thread: Thread, drafts: Sequence[Draft], now: datetime) -> list[Event]:
    """The drafts as the events they become if they are stored next, without ids."""
    return [
        Event(
            thread.id, thread.seq + number, "", now, draft.data, run=draft.run, correlation=draft.correlation
        )
        for number, draft in enumerate(drafts, start=1)
    ]
