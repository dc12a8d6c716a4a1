"""Shows in the channel what runs and how far it is, for calls and tasks that take longer than a moment.

What is shown is best effort and nothing depends on it. A process that dies may leave it standing: the next one has it
taken away when it goes on with that thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot import words
from bot.events import Event, TaskFinished, TaskProgressed
from bot.ports import Channel
from bot.presence import quietly
from bot.sender import Account
from bot.thread import Calling, Thread

Show = Callable[[str, str], Awaitable[None]]

AFTER = 2.0
APART = 3.0
AGAIN = 60.0
"""Seconds: before anything is shown, between two changes, and until it is said again that it still runs."""
MOST_NAMED = 3


@dataclass
class Line:
    """What is under way in a thread; `shown` is what the channel was told last."""

    account: Account
    destination: str
    in_turn: bool = False
    call: str = ""
    tasks: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    shown: str = ""
    told_at: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def take(self, thread: Thread) -> None:
        """Read it off the thread."""
        pending = thread.turn.pending if thread.turn else None
        calling = pending if isinstance(pending, Calling) else None
        if calling is not None:
            self.names[calling.call_id] = words.named(calling.tool, calling.args)
        self.in_turn = thread.turn is not None
        self.call = self.names[calling.call_id] if calling is not None and not calling.background else ""
        self.tasks = {
            id_: self.names.get(task.call_id) or words.named(task.tool, {})
            for id_, task in thread.tasks.items()
            if task.kind == "background" and not task.void
        }

    def said(self) -> str:
        """What a person is told; "" for nothing."""
        if self.call:
            return words.running(self.call)
        if self.tasks:
            named = [
                f"{name}: {self.notes[id_]}" if self.notes.get(id_) else name
                for id_, name in self.tasks.items()
            ]
            return words.running("; ".join(named[-MOST_NAMED:]))
        return words.THINKING if self.in_turn and self.shown else ""


class Progress:
    """Tells channels that have `show_progress`; the others have nothing to show it in."""

    def __init__(
        self,
        channels: Mapping[Account, Channel],
        *,
        after: float = AFTER,
        apart: float = APART,
        again: float = AGAIN,
    ) -> None:
        self._channels = channels
        self._after, self._apart, self._again = after, apart, again
        self._lines: dict[str, Line] = {}
        self._left: set[str] = set()
        self._telling: set[asyncio.Task[None]] = set()

    def left(self, thread_ids: Iterable[str]) -> None:
        """In these threads an earlier process was busy, and may have left standing what it showed."""
        self._left |= set(thread_ids)

    def watch(self, thread: Thread) -> None:
        """The loop has written something, and this is the thread after it."""
        account = (thread.channel, thread.account)
        if self._show(account) is None or not thread.destination:
            return
        if thread.id in self._left:
            self._left.discard(thread.id)
            self._tell(account, thread.destination, "")
        line = self._lines.setdefault(thread.id, Line(account, thread.destination))
        line.take(thread)
        self._changed(thread.id, line)

    def heard(self, events: Sequence[Event]) -> None:
        """A store listener: how far a task is, and that it has ended, before the loop gets to it."""
        for event in events:
            line = self._lines.get(event.thread_id)
            match event.data:
                case TaskProgressed(task_id=task_id, note=note) if line is not None and task_id in line.tasks:
                    line.notes[task_id] = note
                    self._changed(event.thread_id, line)
                case TaskFinished(task_id=task_id) if line is not None and task_id in line.tasks:
                    del line.tasks[task_id]
                    self._changed(event.thread_id, line)
                case _:
                    pass

    def _changed(self, thread_id: str, line: Line) -> None:
        said, now = line.said(), asyncio.get_running_loop().time()
        if said and said == line.shown:
            return
        if line.timer is not None and said and not line.shown:
            return  # it is shown soon, as it is then
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        if said:
            wait = max(0.0, line.told_at + self._apart - now) if line.shown else self._after
            line.timer = asyncio.get_running_loop().call_later(wait, self._due, thread_id, line)
            return
        if line.shown:
            self._say(line, "")
        if not (line.in_turn or line.tasks):
            self._lines.pop(thread_id, None)

    def _due(self, thread_id: str, line: Line) -> None:
        line.timer = None
        if said := line.said():
            self._say(line, said)
            line.timer = asyncio.get_running_loop().call_later(self._again, self._due, thread_id, line)

    def _say(self, line: Line, said: str) -> None:
        line.shown, line.told_at = said, asyncio.get_running_loop().time()
        self._tell(line.account, line.destination, said)

    def _tell(self, account: Account, destination: str, said: str) -> None:
        show = self._show(account)
        if show is None:
            return
        task = asyncio.ensure_future(quietly(show(destination, said)))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _show(self, account: Account) -> Show | None:
        found: Show | None = getattr(self._channels.get(account), "show_progress", None)
        return found
