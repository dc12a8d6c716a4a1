"""The parts of a process in a random world: each lets things happen wherever they can."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from bot import events as ev
from bot.codes import Keys
from bot.events import ModelAnswered, Outgoing
from bot.loop import Loop, ModelParts, World
from bot.outbox import Outbox
from bot.ports import Appended, OutboxRow, Part, Received
from bot.store.sqlite import SqliteStore
from bot.testing import FakeChannel
from bot.tool_context import Contexts

if TYPE_CHECKING:
    from tests.sim.world import Play


class Crash(BaseException):
    """The process dies here."""


@dataclass(slots=True)
class Chances:
    """How often things happen, per point at which they can."""

    inputs: float = 0.12
    crash: float = 0.05
    other: float = 0.04
    fail: float = 0.08
    gated: float = 0.4  # how many of the agent's steps are calls that need a yes
    likes: str = ""  # a tool that it calls in many of the others

    @classmethod
    def of(cls, seed: int) -> Chances:
        """Some schedules have more requests, some more that goes on outside."""
        return (cls(), cls(gated=0.7), cls(gated=0.2, likes=("ask", "order", "work")[seed // 3 % 3]))[
            seed % 3
        ]


class Channel(FakeChannel):
    """Takes messages, and lets things happen before and after."""

    def __init__(self, play: Play, name: str = "fake", account: str = "A1") -> None:
        super().__init__(name, account)
        self.play = play

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        if outgoing.request is not None:
            self.play.counts["requests put"] += 1
        return super().render(outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        await self.play.point("before a send")
        sent = await super().send(part)
        self.play.sends[part.outbox_id, part.number] += 1
        await self.play.point("after a send")
        return sent

    async def find(self, part: Part) -> str | None:
        return await super().find(part) if self.play.finds else None


class OneByOne(Outbox):
    """Sends one message after the other, so that a seed plays the same schedule again."""

    async def _deliver(self, row: OutboxRow) -> None:
        async with self._one:
            await super()._deliver(row)

    @cached_property
    def _one(self) -> asyncio.Lock:
        return asyncio.Lock()


class Bytes:
    """Random bytes for ids, of a seed: one source for each thread of the process that asks."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._main = random.Random(f"trace ids of {seed}")
        self._writer = random.Random(f"ids of {seed}")

    def __call__(self, number: int) -> bytes:
        is_main = threading.current_thread() is threading.main_thread()
        return (self._main if is_main else self._writer).randbytes(number)


class Watched:
    """The store, with things happening before and after each append."""

    def __init__(self, store: SqliteStore, play: Play) -> None:
        self._store = store
        self._play = play

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, thread_id: str, **more) -> Appended:
        planned = self._play.today  # the configuration that the loop has just decided by
        await self._play.point("before append")
        appended = await self._store.append(thread_id, **more)
        for event in appended.events:
            if isinstance(event.data, ev.ToolStarted | ev.ApprovalRequested):
                self._play.planned.setdefault((thread_id, event.seq), planned)
        await self._play.point("after append")
        return appended


class Doorstep:
    """The store as the inbox sees it: now and then the end of a request comes between judgement and log."""

    def __init__(self, store: SqliteStore, play: Play) -> None:
        self._store = store
        self._play = play

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def receive(self, incoming: ev.Incoming) -> Received:
        data = incoming.data
        if isinstance(data, ev.ApprovalAnswered) and not data.refused and self._play.random.random() < 0.08:
            row = await self._store.request(data.approval_id)
            if row is not None:
                self._play.clock.now = max(self._play.clock.now, row.expires_at)
                self._play.counts["requests that expire at the door"] += 1
        return await self._store.receive(incoming)


class Thinking:
    """The scripted model, with things happening while it thinks."""

    name = "scripted"

    def __init__(self, play: Play) -> None:
        self._play = play

    async def ask(self, body: Mapping[str, object], check: Callable[[str], ev.Step]) -> ModelAnswered:
        answered = await self._play.model.ask(body, check)
        await self._play.point("while thinking")
        return answered


class Gates:
    """Where background calls wait until they are let go on."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}

    @property
    def waiting(self) -> list[str]:
        return list(self._open)

    async def wait(self, task_id: str) -> None:
        self._open[task_id] = gate = asyncio.Event()
        try:
            await gate.wait()
        finally:
            self._open.pop(task_id, None)

    def release(self, task_id: str) -> None:
        self._open[task_id].set()


def make_world(play: Play, keys: Keys, watch: Callable[..., None]) -> World:
    """The world of a process; `watch` carries out what goes on in the background."""
    return World(
        agents={"assistant": play.parts},
        models={"main": ModelParts(Thinking(play), max_tokens=100, structured=True)},
        rules=play.rules,
        timezone=lambda person: "UTC",
        clock=play.clock,
        sleep=no_sleep,
        tool_timeout=timedelta(seconds=30),
        result_clip=1000,
        contexts=Contexts(play.rules, lambda person: "UTC", play.clock, keys),
        watch=watch,
        monotonic=lambda: 0.0,
    )


async def no_sleep(seconds: float) -> None:
    """Time does not pass by itself here."""


def loop_of(play: Play, store: SqliteStore, world: World) -> Loop:
    return play.loop_class(Watched(store, play), world)  # type: ignore[arg-type]  # forwards the rest
