import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from bot.events import Draft, Incoming, MessageReceived, Sender, TimerSet
from bot.store.sqlite import SqliteStore
from bot.timers import Timers
from tests.core.parts_kit import START, FakeStore, at, clock, run


@asynccontextmanager
async def running(timers):
    task = asyncio.create_task(timers.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def set_timer(store, seconds, timer_id="t5", thread_id="t1"):
    due_at = at(seconds)
    data = TimerSet(timer_id=timer_id, due_at=due_at, purpose="remind", text="stretch")
    store.write(thread_id, data, run="r1")


def firings(store, thread_id="t1"):
    events = [event for event in store.log[thread_id] if event.data.type == "timer.fired"]
    return [(event.data.timer_id, (event.time - START).total_seconds()) for event in events]


def test_a_timer_fires_when_it_is_due():
    async def scenario():
        store: Any = FakeStore()
        set_timer(store, 100)
        async with running(Timers(store, store.receive, clock=clock)):
            await asyncio.sleep(200)

        assert firings(store) == [("t5", 100)]
        fired = store.log["t1"][-1]
        assert (fired.dedupe, fired.run, fired.data.text) == ("timer:t1:t5", "r1", "stretch")
        assert fired.data.due_at == at(100)

    run(scenario())


def test_a_timer_set_while_sleeping_fires_on_time():
    async def scenario():
        store: Any = FakeStore()
        set_timer(store, 10)
        async with running(Timers(store, store.receive, clock=clock)):
            await asyncio.sleep(1)
            set_timer(store, 3, "t6")
            await asyncio.sleep(60)

        assert firings(store) == [("t6", 3), ("t5", 10)]

    run(scenario())


def test_timers_that_came_due_while_the_bot_was_down_fire_at_the_start():
    async def scenario():
        store: Any = FakeStore()
        for number in range(600):
            set_timer(store, number / 100, f"t{number}")
        await asyncio.sleep(50)
        async with running(Timers(store, store.receive, clock=clock)):
            await asyncio.sleep(1)

        assert len(firings(store)) == 600
        assert store.timers == {}

    run(scenario())


def test_after_a_sleep_of_the_machine_a_timer_is_at_most_fifteen_seconds_late():
    async def scenario():
        ahead = timedelta()
        store: Any = FakeStore(clock=lambda: clock() + ahead)
        set_timer(store, 3600)
        async with running(Timers(store, store.receive, clock=lambda: clock() + ahead)):
            await asyncio.sleep(100)
            ahead = timedelta(hours=2)  # asleep: UTC went on, the loop's time did not
            await asyncio.sleep(15)

        assert len(firings(store)) == 1

    run(scenario())


def test_a_timer_whose_row_stays_does_not_make_the_bot_spin():
    async def scenario():
        store: Any = FakeStore()
        set_timer(store, 0)
        stuck = dict(store.timers)
        asked = []

        async def receive(incoming):
            asked.append(incoming)
            received = await store.receive(incoming)
            store.timers.update(stuck)
            return received

        async with running(Timers(store, receive, clock=clock)):
            await asyncio.sleep(100)

        assert len(firings(store)) == 1
        assert len(asked) <= 101

    run(scenario())


async def test_a_timer_of_the_real_store_fires_once(tmp_path):
    store: Any = await SqliteStore.open(tmp_path / "test.db", clock=lambda: START)
    data = MessageReceived(place="p", blocks=(), sender=Sender(channel="api", address="a", proof="local"))
    opened = await store.receive(Incoming(data, channel="api", conversation="c"))
    timer = TimerSet(timer_id="t3", due_at=at(2), purpose="remind", text="stretch")
    await store.append(opened.thread_id, head=0, seen=2, results=[Draft(timer, run="r2")], settled=True)
    timers = Timers(store, store.receive, clock=lambda: at(2))

    fired = [await timers.fire_due(), await timers.fire_due()]

    events = await store.events(opened.thread_id)
    await store.close()
    assert fired == [1, 0]
    assert [(event.type, event.run) for event in events[-1:]] == [("timer.fired", "r2")]
