"""One life of the bot in a random world, put together as the real one is."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from bot import events as ev
from bot.answering import Answering
from bot.asking import elsewhere, with_code
from bot.codes import Keys
from bot.events import Incoming
from bot.fold import fold_all
from bot.inbox import Inbox
from bot.ports import Received
from bot.snapshot import fold_version
from bot.store.sqlite import SqliteStore
from bot.tasks import Tasks
from bot.thread import Thread
from bot.timers import Timers
from tests.sim.acts import Acts
from tests.sim.index_checks import check_thread
from tests.sim.parts import Chances, Doorstep, Gates, OneByOne, loop_of, make_world
from tests.sim.violation import Violation, must

if TYPE_CHECKING:
    from tests.sim.world import Play


class Process:
    """One life of the bot: a store, a loop, an outbox, what runs in the background."""

    def __init__(self, play: Play, store: SqliteStore, keys: Keys) -> None:
        self.play, self.store, self.keys = play, store, keys
        self.woken: dict[str, None] = {}
        self.gates = Gates()
        self.checked: dict[str, int] = {}
        self.acts = Acts(self)
        world = make_world(play, keys, lambda thread, events: self.tasks.watch(thread, events))
        self.loop = loop_of(play, store, world)
        answering = Answering(
            store,
            keys,
            rules=play.rules,
            calls=lambda _: {t.name: t.args for t in play.tools},
            clock=play.clock,
        )
        reroute = partial(_elsewhere, play)
        self.inbox = Inbox(
            Doorstep(store, play),  # type: ignore[arg-type]  # forwards the rest
            play.addresses,
            lambda thread_id: self.woken.update({thread_id: None}),
            answering=answering,
            elsewhere=reroute,
            clock=play.clock,
        )
        self.outbox = OneByOne(
            store, play.channels, clock=play.clock, elsewhere=reroute, spoken=partial(with_code, keys)
        )
        self.timers = Timers(store, self.inbox.receive, clock=play.clock)
        self.tasks = Tasks(
            store,
            self.inbox.receive,
            tool=lambda agent, name: play.tool(name),
            context=world.contexts.of_task,
            clip=1000,
            clean=str,
        )
        store.listen(self.tasks.heard)

    @classmethod
    async def start(cls, play: Play) -> Process:
        store = await play.store_class.open(
            play.path,
            clock=play.clock,
            random=play.bytes,
            fold_version=fold_version(),
            default_agent="assistant",
        )
        return cls(play, store, Keys(await store.secret()))

    async def die(self) -> None:
        await self.tasks.stop(0)
        await self.store.close()

    async def input(self, incoming: Incoming) -> Received:
        received = await self.inbox.receive(incoming)
        if not received.thread_id:  # nothing of ours
            return received
        self.play.accepted.append((received.thread_id, received.seq, incoming.dedupe))
        self.play.counts["inputs"] += 1
        if self.play.random.random() < 0.3:
            again = await self.inbox.receive(incoming)
            same = again.duplicate and (again.thread_id, again.seq) == (received.thread_id, received.seq)
            must(same, self.play.run, "a duplicate became a second event")
        return received

    async def recover(self) -> None:
        await self.tasks.recover()
        while taken := await self.store.take_over():
            self.woken.update(dict.fromkeys(taken))
            await self.settle()

    async def settle(self) -> None:
        for _ in range(500):
            while self.woken:
                thread_id = self.play.random.choice(list(self.woken))
                self.woken.pop(thread_id)
                await self.loop.advance(thread_id)
            self.play.clock.advance(1)
            fired = await self.timers.fire_due()
            await self.play.point("before outbox")
            sent = await self.outbox.deliver_due()
            await self.quiet()
            if not (fired or sent or self.woken):
                return await self.check_lanes()
        raise Violation(f"{self.play.run}: it never comes to rest")

    async def quiet(self) -> None:
        """Until every background call has ended or waits at its gate."""
        for _ in range(2):  # whoever was just told to stop hears of it
            await asyncio.sleep(0)
        while self.tasks.running > len(self.gates.waiting):  # noqa: ASYNC110 - they end by themselves, and nobody tells
            await asyncio.sleep(0.0005)

    async def second_process(self) -> None:
        """Another process takes a thread over, acts on it once, and is gone, with what it began."""
        rows = await self.store.threads()
        if not rows:
            return
        self.play.counts["second process"] += 1
        world = make_world(self.play, self.keys, lambda thread, events: None)
        other = loop_of(self.play, self.store, world)
        await other.advance(self.play.random.choice(rows).thread_id, once=True)
        for row in rows:
            self.woken[row.thread_id] = None

    async def wind_up(self) -> None:
        """Everything that waits is let go on, until nothing is left."""
        self.play.chances = Chances(0, 0, 0, 0)
        for _ in range(30):
            for row in await self.store.threads():
                await self._resume(row.thread_id)
                if row.settled_seq < row.last_seq:  # whoever was fenced let go of it; a sweep finds it
                    self.woken[row.thread_id] = None
            await self.tasks.recover()  # what a second process began and left behind
            for task_id in self.gates.waiting:
                self.gates.release(task_id)
            await self.settle()
            self.play.clock.advance(600)

    async def _resume(self, thread_id: str) -> None:
        """Whoever holds the thread lets go of it."""
        log = await self.store.events(thread_id)
        if fold_all(Thread(thread_id), log).status in ("paused", "with_person", "parked"):
            resume = ev.ControlRequested(action="resume", by="end")
            await self.inbox.receive(Incoming(resume, channel="fake", thread_id=thread_id))

    # ------------------------------------------------------------ checking

    async def check_lanes(self) -> None:
        """What a process remembers of a thread is the fold of its log, and so is what the indexes say."""
        for row in await self.store.threads():
            if self.checked.get(row.thread_id) != row.last_seq:
                self.checked[row.thread_id] = row.last_seq
                lane = self.loop._cache._lanes.get(row.thread_id)
                thread = lane.thread if lane else None
                await self.store._readers.run(
                    check_thread, self.play.run, row.thread_id, thread, self.play.counts
                )


def _elsewhere(play: Play, message: ev.Outgoing) -> ev.Outgoing | None:
    return elsewhere(message, play.rules(), play.clock())
