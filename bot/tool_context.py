"""What a call may know: made the same way for a call in its turn and for one in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.codes import Keys
from bot.directory import PeopleDirectory
from bot.ids import idempotency_key
from bot.rules import Rules
from bot.thread import Thread
from bot.tools import ToolContext


@dataclass(frozen=True, slots=True)
class Contexts:
    """Makes contexts. `url` is where outside systems reach us, "" if they cannot."""

    rules: Callable[[], Rules]
    timezone: Callable[[str], str]
    clock: Callable[[], datetime]
    keys: Keys
    url: str = ""

    def of_call(
        self, thread: Thread, call_id: str, task: str, *, by: str, person: str, now: datetime | None = None
    ) -> ToolContext:
        """For a call that `by` (the person, if known) has caused; `task` is its id if it goes on outside."""
        moment = now or self.clock()
        return ToolContext(
            key=idempotency_key(thread.id, call_id),
            now=moment,
            timezone=self.timezone(person),
            person=person or None,
            thread_id=thread.id,
            requester=person or by,
            call_id=call_id,
            directory=PeopleDirectory(self.rules(), thread, person, moment),
            waiting=frozenset(each.seq for each in thread.approvals.values() if not each.void),
            task_id=task,
            task_token=self.keys.token(task),
            task_url=f"{self.url}/api/tasks/{task}" if self.url else "",
        )

    def of_task(self, thread: Thread, id_: str) -> ToolContext:
        """For a task of this thread."""
        task = thread.tasks[id_]
        return self.of_call(thread, task.call_id, id_, by=task.by, person=task.person)
