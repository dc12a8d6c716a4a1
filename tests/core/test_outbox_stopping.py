import asyncio
from typing import Any

import pytest

from bot.errors import StoreFailed
from bot.supervise import supervise
from tests.core.parts_kit import (
    FakeChannel,
    FakeStore,
    make,
    message,
    reports,
    run,
    running,
)


def test_while_the_disk_is_full_nothing_is_sent_again_and_nothing_new_is_sent():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [5]})
        outbox = make(store, channel)
        async with running(outbox):
            store.say(message("C1"))
            await asyncio.sleep(1)
            store.full = True
            await asyncio.sleep(10)
            store.say(message("C2"))
            await asyncio.sleep(600)
            stuck = outbox.state()
            store.full = False
            await asyncio.sleep(60)

        assert stuck.unreported == 1
        assert channel.texts("C1") == ["hello"]
        assert [r.status for r in reports(store)] == ["sent", "sent"]
        assert [sent.at > 600 for sent in channel.sent] == [False, True]

    run(scenario())


def test_a_store_that_fails_ends_the_outbox():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()

        async def broken(incoming):
            raise StoreFailed

        store.receive = broken  # type: ignore[method-assign]
        store.say(message("C1"))
        with pytest.raises(ExceptionGroup) as raised:
            await make(store, channel).run()

        assert isinstance(raised.value.exceptions[0], StoreFailed)

    run(scenario())


def test_an_outbox_that_failed_goes_on_where_it_was_when_it_is_started_again():
    async def scenario():
        store: Any = FakeStore()
        channel = FakeChannel(script={"C1": [20]})
        read, asked = store.outbox_due, []

        async def outbox_due(now, *, limit, held=None):
            asked.append(now)
            if len(asked) == 2:
                raise OSError("no more files")
            return await read(now, limit=limit)

        store.outbox_due = outbox_due
        outbox = make(store, channel)
        task = asyncio.create_task(supervise("outbox", outbox.run, jitter=lambda: 0.0))
        await asyncio.sleep(1)
        first, *_ = store.say(message("C1"), message("C1", "second"), message("C2"))
        await asyncio.sleep(120)
        task.cancel()

        assert len(asked) > 2
        assert channel.texts("C1") == ["hello", "second"]
        assert channel.texts("C2") == ["hello"]
        assert channel.looked_for == [(first, 1)]

    run(scenario())


def test_draining_finishes_the_part_under_way_and_starts_no_other():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [3]})
        outbox = make(store, channel)
        async with running(outbox):
            [row, _] = store.say(message("C1", "a|b"), message("C2"))
            await asyncio.sleep(1)
            store.say(message("C3"))
            drained = await outbox.drain(10)

        assert drained
        assert channel.texts("C1") == ["a"]
        assert store.rows[row].parts_sent == 1

    run(scenario())


def test_draining_gives_up_after_its_grace():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [20]})
        outbox = make(store, channel)
        async with running(outbox):
            store.say(message("C1"))
            await asyncio.sleep(1)

            assert not await outbox.drain(5)

    run(scenario())
