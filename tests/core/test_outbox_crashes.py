import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.events import Draft, Incoming, MessageReceived, Sender, TurnEnded, TurnStarted
from bot.outbox import Outbox
from bot.store.sqlite import SqliteStore
from tests.core.parts_kit import FakeChannel, message

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here."""


class Crash:
    """Dies at the `nth` passing of a point."""

    def __init__(self, point, nth):
        self.point, self.left = point, nth

    def __call__(self, name):
        self.left -= name == self.point
        if name == self.point and self.left == 0:
            raise Killed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test.db"


async def open_store(path):
    return await SqliteStore.open(path, clock=lambda: NOW)


async def say(store, *outgoing):
    data = MessageReceived(place="p", blocks=(), sender=Sender(channel="api", address="a", proof="local"))
    received = await store.receive(Incoming(data, channel="api", conversation="c"))
    drafts = [Draft(TurnStarted(input=2, version=2)), Draft(TurnEnded(outcome="replied", outgoing=outgoing))]
    await store.append(received.thread_id, head=0, seen=received.seq, decisions=drafts, settled=True)
    return received.thread_id


async def life(path, channel, crash, *outgoing):
    """A process that says something, sends, and may die; then everything of it is gone but the file."""
    store = await open_store(path)
    outbox = Outbox(
        store, {("slack", "T1"): channel}, clock=lambda: NOW + timedelta(minutes=5), crashpoint=crash
    )
    try:
        if outgoing:
            await say(store, *outgoing)
        while await outbox.deliver_due():
            pass
    except BaseExceptionGroup:
        return "killed"
    finally:
        await store.close()
    return "idle"


@pytest.mark.parametrize("point", ["send.before", "send.after"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_after_a_crash_at_any_part_the_rest_is_sent_and_nothing_twice(path, point, nth):
    channel = FakeChannel()

    first = await life(path, channel, Crash(point, nth), message("C1", "a|b|c"), message("C1", "d"))
    second = await life(path, channel, lambda name: None)

    assert (first, second) == ("killed", "idle")
    assert channel.texts("C1") == ["a", "b", "c", "d"]


async def test_without_a_way_to_look_a_crash_repeats_one_part_at_most(path):
    class Blind(FakeChannel):
        async def find(self, part):
            return None

    channel = Blind()

    await life(path, channel, Crash("send.after", 2), message("C1", "a|b|c"))
    await life(path, channel, lambda name: None)

    assert channel.texts("C1") == ["a", "b", "b", "c"]


async def test_a_part_reported_in_an_earlier_life_is_not_even_looked_for(path):
    channel = FakeChannel()

    await life(path, channel, Crash("send.before", 2), message("C1", "a|b|c"))
    await life(path, channel, lambda name: None)

    assert [number for _, number in channel.looked_for] == [2]


async def test_a_clock_that_went_back_does_not_make_a_message_double(path):
    channel = FakeChannel()
    await life(path, channel, Crash("send.after", 1), message("C1", "a"))

    store = await open_store(path)
    earlier = Outbox(store, {("slack", "T1"): channel}, clock=lambda: NOW - timedelta(days=1))
    await earlier.deliver_due()
    await store.close()

    assert channel.texts("C1") == ["a"]


async def test_the_outbox_runs_on_the_real_store_until_it_is_cancelled(path):
    channel, store, reported = FakeChannel(), await open_store(path), asyncio.Event()
    store.listen(lambda events: reported.set() if events[-1].data.type == "delivery.reported" else None)
    outbox = Outbox(store, {("slack", "T1"): channel}, clock=lambda: NOW + timedelta(minutes=5))
    task = asyncio.create_task(outbox.run())

    thread_id = await say(store, message("C1", "a"))
    async with asyncio.timeout(10):
        await reported.wait()
    task.cancel()
    await asyncio.wait([task])

    events = await store.events(thread_id)
    await store.close()
    assert channel.texts("C1") == ["a"]
    assert channel.looked_for == []
    assert [event.data.status for event in events if event.type == "delivery.reported"] == ["sent"]
