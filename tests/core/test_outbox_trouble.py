import asyncio
from typing import Any

import pytest

from bot.errors import SendFailed
from bot.outbox import Outbox
from tests.core.parts_kit import (
    FakeChannel,
    FakeStore,
    at,
    clock,
    make,
    message,
    reports,
    retry,
    run,
    running,
)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (1, 1),
        (7, 7),
        (3600, 3600),
        (86_400, 3600),
        (None, 1),
        (-5, 1),
        (float("nan"), 1),
        (float("inf"), 1),
        (0.2, 1),
    ],
)
def test_the_wait_a_provider_asks_for_is_kept_up_to_an_hour(asked, waits):
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(asked)]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(2 * 3600)

        assert reports(store, "failed")[0].not_before == at(waits)
        assert waits <= channel.sent[0].at <= waits + 0.01

    run(scenario())


def test_the_wait_a_provider_asks_for_survives_a_restart():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(100)]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(1)
        async with running(make(store, channel)):
            await asyncio.sleep(200)

        assert [round(sent.at) for sent in channel.sent] == [100]

    run(scenario())


def test_a_message_refused_for_good_is_dead_at_once_and_an_operator_is_told_once():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [SendFailed("channel_not_found", kind="final")]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            store.say(message("C1", "the next"))
            await asyncio.sleep(3600)

        assert store.dead == [row]
        assert channel.texts("C1") == ["the next"]
        [notice] = channel.texts("D-operator")
        assert all(word in notice for word in ("t1", "slack C1", "channel_not_found", "1 attempt"))
        assert reports(store, "dead")[0].outgoing[0].link == "http://x/1"

    run(scenario())


def test_a_notice_that_dies_gets_no_notice():
    async def scenario():
        store = FakeStore()
        gone = SendFailed("gone", kind="final")
        channel = FakeChannel(script={"C1": [gone], "D-operator": [gone, gone]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(3600)

        assert len(store.dead) == 2
        assert reports(store, "dead")[1].outgoing == ()

    run(scenario())


def test_a_part_that_never_gets_through_ends_in_a_notice_that_the_message_is_incomplete():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [0, 0, *(retry() for _ in range(400))]})
        async with running(make(store, channel)):
            store.say(message("C1", "1|2|3|4|5"))
            await asyncio.sleep(2 * 86_400)

        assert channel.texts("C1") == ["1", "2"]
        [notice] = channel.texts("D-operator")
        assert "of 5 parts the first 2 arrived" in notice
        assert 86_400 <= (reports(store, "dead")[0].attempt) * 900 <= 1.2 * 86_400

    run(scenario())


def test_a_message_that_waited_while_the_bot_was_down_for_days_is_still_tried():
    async def scenario():
        store = FakeStore()
        store.say(message("C1"))
        for _ in range(5 * 24):
            await asyncio.sleep(3600)
        channel = FakeChannel(script={"C1": [retry(), retry()]})
        async with running(make(store, channel)):
            await asyncio.sleep(60)

        assert channel.texts("C1") == ["hello"]

    run(scenario())


def test_a_message_for_an_account_that_is_off_waits_and_is_sent_when_it_is_on_again():
    async def scenario():
        store: Any = FakeStore()
        channels: dict[Any, Any] = {}
        outbox = Outbox(store, channels, clock=clock, jitter=lambda: 0.0)
        channel, other = FakeChannel(), FakeChannel(name="sms", account="T1")
        channels["sms", "T1"] = other
        async with running(outbox):
            store.say(message("C1"), message("+1555", channel="sms"))
            await asyncio.sleep(10)
            waiting = outbox.state().without_channel
            channels["slack", "T1"] = channel
            await asyncio.sleep(600)

        assert waiting == {("slack", "T1")}
        assert outbox.state().without_channel == frozenset()
        assert [sent.at for sent in other.sent] == [0]
        assert [round(sent.at) for sent in channel.sent] == [300]

    run(scenario())


def test_an_error_of_ours_in_a_channel_ends_in_a_dead_letter_and_not_in_a_dead_outbox():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [ZeroDivisionError("oops") for _ in range(9)]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            store.say(message("C2"))
            await asyncio.sleep(3600)

        assert store.dead == [row]
        assert len(reports(store, "unknown")) == 4
        assert channel.texts("C2") == ["hello"]
        assert "error of our own" in channel.texts("D-operator")[0]

    run(scenario())


def test_an_empty_message_is_a_dead_letter():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            [row] = store.say(message("C1", ""))
            await asyncio.sleep(60)

        assert store.dead == [row]

    run(scenario())


def test_secrets_in_what_a_provider_says_do_not_reach_the_log():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [SendFailed("bad token s3cret-value", kind="final")]})
        async with running(
            make(store, channel, redact=lambda text: text.replace("s3cret-value", "[redacted]"))
        ):
            store.say(message("C1"))
            await asyncio.sleep(60)

        assert reports(store, "dead")[0].error == "bad token [redacted]"
        assert "s3cret" not in repr(store.log)

    run(scenario())
