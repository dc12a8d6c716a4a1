"""A conversation with a background call in it, in a real store, and what carries such calls out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot import ids
from bot.canonical import call_digest
from bot.events import (
    ControlRequested,
    Draft,
    Event,
    Incoming,
    MessageReceived,
    Sender,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from bot.fold import fold_all
from bot.secrets import Redactor
from bot.store.sqlite import SqliteStore
from bot.tasks import Tasks
from bot.thread import Thread
from bot.tools import Tool, ToolContext

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "s3cr3t-value-of-the-key"
PLACES = count(1)


class Args(BaseModel):
    text: str


def background(run: Any, *, effect: Any = "read", name: str = "work", **given: Any) -> Tool:
    return Tool(name, "works for a while", Args, run, effect, background=True, **given)


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """What a condition says once it says anything; the time only ends a test that has failed."""
    end = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.01)
    return found


@dataclass
class Kit:
    """One process: a store, and the tasks of this process."""

    store: SqliteStore
    tasks: Tasks
    tools: dict[str, Tool]

    async def say(self) -> Event:
        """Somebody writes, in a conversation of their own."""
        place = f"c{next(PLACES)}"
        data = MessageReceived(
            place=place, blocks=(), sender=Sender(channel="fake", address="a", proof="local"), person="ann"
        )
        got = await self.store.receive(Incoming(data, channel="fake", conversation=place, dedupe=place))
        return (await self.store.events_at(got.thread_id, [got.seq]))[0]

    async def announce(
        self, tool: Tool, args: Mapping[str, Any] | None = None, *, stop: bool = False
    ) -> tuple[Thread, tuple[Event, ...]]:
        """What the loop writes up to task.started; with `stop` somebody stopped the thread before that."""
        given = dict(args or {"text": "x"})
        said = await self.say()
        thread_id, run, call_id = said.thread_id, ids.run_id(said.seq), ids.call_id(said.seq)
        digest = call_digest(tool.name, given)
        started = ToolStarted(
            call_id=call_id, tool=tool.name, args=given, args_digest=digest, effect=tool.effect,
            key=ids.idempotency_key(thread_id, call_id),
        )  # fmt: skip
        drafts = [
            Draft(TurnStarted(input=said.seq, version=said.seq), run=run),
            Draft(started, run, correlation=call_id),
        ]
        wrote = await self.store.append(thread_id, head=0, seen=said.seq, decisions=drafts)
        head = wrote.events[-1].seq
        if stop:
            await self.stop(thread_id)
        task_id = ids.task_id(thread_id, call_id, digest)
        task = TaskStarted(
            task_id=task_id, call_id=call_id, tool=tool.name, args_digest=digest, kind="background"
        )
        appended = await self.store.append(
            thread_id,
            head=head,
            seen=head,
            results=[Draft(task, run=run, correlation=task_id)],
            decisions=[Draft(TurnEnded(outcome="waiting", reply="working on it"), run=run)],
            settled=True,
        )
        return await self.thread(thread_id), appended.events

    async def begin(self, tool: Tool, args: Mapping[str, Any] | None = None) -> str:
        """Begin a task and return its id."""
        thread, events = await self.announce(tool, args)
        self.tasks.watch(thread, events)
        return task_of(events)

    async def stop(self, thread_id: str) -> None:
        data = ControlRequested(action="stop", by="ann")
        await self.store.receive(Incoming(data, channel="fake", thread_id=thread_id))

    async def thread(self, thread_id: str) -> Thread:
        return fold_all(Thread(thread_id), await self.store.events(thread_id))

    async def thread_of(self, task_id: str) -> str:
        row = await self.store.task(task_id)
        assert row is not None
        return row.thread_id

    async def log(self, task_id: str, kind: type[Any]) -> list[Any]:
        events = await self.store.events(await self.thread_of(task_id))
        return [event.data for event in events if isinstance(event.data, kind)]

    async def ended(self, task_id: str) -> TaskFinished:
        """Wait for the end."""

        async def end() -> list[Any]:
            return await self.log(task_id, TaskFinished)

        (found,) = await eventually(end)
        assert isinstance(found, TaskFinished)
        return found

    async def notes(self, task_id: str) -> list[str]:
        return [data.note for data in await self.log(task_id, TaskProgressed) if data.note]


def task_of(events: tuple[Event, ...]) -> str:
    return next(event.data.task_id for event in events if isinstance(event.data, TaskStarted))


def context(thread: Thread, task_id: str) -> ToolContext:
    task = thread.tasks[task_id]
    return ToolContext(
        key="", now=NOW, timezone="UTC", person=task.person, thread_id=thread.id, requester=task.person, call_id=""
    )  # fmt: skip


@asynccontextmanager
async def process(folder: Path, *tools: Tool, receive: Any = None, **given: Any) -> AsyncIterator[Kit]:
    """A process of the bot: what it has not done when it ends, it leaves behind."""
    store = await SqliteStore.open(folder / "test.db", clock=lambda: datetime.now(UTC))
    offered = {tool.name: tool for tool in tools}
    tasks = Tasks(
        store,
        receive(store) if receive else store.receive,
        tool=lambda agent, name: offered.get(name),
        context=context,
        clip=4000,
        clean=Redactor([SECRET]),
        **{"store_again": 0.01, **given},
    )
    store.listen(tasks.heard)
    try:
        yield Kit(store, tasks, offered)
    finally:
        await tasks.stop(0)
        await store.close()
