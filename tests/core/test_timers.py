import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from bot.events import (
    Draft,
    Incoming,
    MessageReceived,
    Sender,
    TaskFinished,
    TaskStarted,
    TimerFired,
    TimerSet,
)
from bot.ports import DueTimer
from bot.store.sqlite import SqliteStore
from bot.timers import Timers, firing
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


# ---------------------------------------------------------------- what a timer is for


def due(timer_id, purpose):
    return DueTimer("t1", timer_id, START, purpose, "", "r1")


@pytest.mark.parametrize(
    ("timer_id", "purpose", "about"),
    [("x:a1b2", "expiry", "a1b2"), ("x2:a1b2", "expiry", "a1b2"), ("l1:a1b2", "level", "a1b2"),
     ("t5", "remind", ""), ("c7.t1", "remind", ""), ("t9", "retry", "")],
)  # fmt: skip
def test_a_timer_of_a_request_says_which_one_it_is_about(timer_id, purpose, about):
    fired = firing(due(timer_id, purpose))

    assert isinstance(fired.data, TimerFired)
    assert (fired.data.about, fired.data.timer_id) == (about, timer_id)
    assert (fired.dedupe, fired.correlation) == (f"timer:t1:{timer_id}", timer_id)


def test_the_end_of_a_wait_for_an_outside_system_is_the_end_of_its_task():
    fired = firing(due("k:a1b2", "task"))

    assert fired.data == TaskFinished(
        task_id="a1b2", outcome="expired", result="its end was not reported in time"
    )
    assert (fired.dedupe, fired.correlation) == ("task:a1b2", "a1b2")
    assert (fired.thread_id, fired.run) == ("t1", "r1")


@pytest.mark.parametrize("reported", [False, True])
async def test_a_task_that_nobody_reports_in_time_expires_once(tmp_path, reported):
    store: Any = await SqliteStore.open(tmp_path / "test.db", clock=lambda: START)
    data = MessageReceived(place="p", blocks=(), sender=Sender(channel="api", address="a", proof="local"))
    opened = await store.receive(Incoming(data, channel="api", conversation="c"))
    task = TaskStarted(task_id="a1b2", call_id="c2", tool="ask", args_digest="", kind="outside")
    timer = TimerSet(timer_id="k:a1b2", due_at=at(2), purpose="task", about="a1b2")
    drafts = [Draft(task, run="r2"), Draft(timer, run="r2")]
    await store.append(opened.thread_id, head=0, seen=2, results=drafts, settled=True)
    timers = Timers(store, store.receive, clock=lambda: at(2))
    if reported:
        done = TaskFinished(task_id="a1b2", outcome="ok", result="done")
        await store.receive(Incoming(done, channel="api", thread_id=opened.thread_id, dedupe="task:a1b2"))

    fired = [await timers.fire_due(), await timers.fire_due()]

    events = await store.events(opened.thread_id)
    next_timer = await store.next_timer()
    await store.close()
    ends = [event.data.outcome for event in events if event.type == "task.finished"]
    assert (fired, ends) == (([0, 0], ["ok"]) if reported else ([1, 0], ["expired"]))
    assert next_timer is None
