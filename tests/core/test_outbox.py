import asyncio

from bot.delivery import OutboxPolicy
from bot.errors import ChannelRefused, SendFailed
from tests.core.parts_kit import (
    FakeChannel,
    FakeStore,
    make,
    message,
    reports,
    retry,
    run,
    running,
)


def test_a_message_is_sent_once_and_each_of_its_parts_is_reported():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            [row] = store.say(message("C1", "one|two"))
            await asyncio.sleep(60)

        assert channel.texts("C1") == ["one", "two"]
        assert [(r.part_number, r.parts, r.status, r.provider_id) for r in reports(store)] == [
            (1, 2, "sent", f"{row}/1"),
            (2, 2, "sent", f"{row}/2"),
        ]
        assert f"delivery:{row}:2:sent" in store.dedupe
        assert store.rows == {}

    run(scenario())


def test_a_new_message_is_sent_at_once_and_without_being_looked_for():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            await asyncio.sleep(7)
            store.say(message("C1"))
            await asyncio.sleep(60)

        assert [sent.at for sent in channel.sent] == [7]
        assert channel.looked_for == []

    run(scenario())


def test_messages_to_one_destination_keep_their_order_whatever_fails():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(), 3, "lost", retry(), SendFailed("no", kind="unknown")]})
        async with running(make(store, channel)):
            for number in range(4):
                store.say(message("C1", f"{number}a|{number}b"))
            await asyncio.sleep(600)

        texts = channel.texts("C1")
        assert list(dict.fromkeys(texts)) == ["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"]
        assert texts == sorted(texts)

    run(scenario())


def test_a_slow_destination_does_not_hold_up_the_others():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [25]})
        async with running(make(store, channel)):
            store.say(message("C1"), message("C1", "after"), message("C2"), message("C3"))
            await asyncio.sleep(60)

        assert {(sent.destination, sent.at) for sent in channel.sent if sent.at < 1} == {("C2", 0), ("C3", 0)}
        assert channel.texts("C1") == ["hello", "after"]

    run(scenario())


def test_a_channel_that_hangs_takes_no_place_of_another_channel():
    async def scenario():
        store = FakeStore()
        hanging = FakeChannel(script={f"C{n}": [1000] for n in range(50)})
        other = FakeChannel(name="sms", account="T1")
        async with running(make(store, hanging, other, policy=OutboxPolicy(at_once=2))):
            store.say(*(message(f"C{n}") for n in range(50)))
            await asyncio.sleep(1)
            store.say(message("+1555", channel="sms"))
            await asyncio.sleep(1)

        assert [sent.at for sent in other.sent] == [1]

    run(scenario())


def test_a_send_that_hangs_is_cut_off_and_looked_for_before_it_is_sent_again():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [1000]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            await asyncio.sleep(120)

        assert [r.status for r in reports(store)] == ["unknown", "sent"]
        assert channel.looked_for == [(row, 1)]
        assert [sent.at for sent in channel.sent] == [31]

    run(scenario())


def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": ["lost"]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            await asyncio.sleep(120)

        assert channel.texts("C1") == ["hello"]
        assert reports(store)[-1].provider_id == f"{row}/1"

    run(scenario())


def test_as_long_as_it_cannot_be_looked_for_a_doubtful_part_stays_unsent():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(
            script={"C1": ["lost"]}, finding=[retry(), TimeoutError(), ChannelRefused("no scope")]
        )
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(120)

        assert channel.texts("C1") == ["hello"]
        assert [r.status for r in reports(store)] == ["unknown"] * 4 + ["sent"]

    run(scenario())


def test_a_channel_that_asks_for_it_gets_a_pause_between_messages_to_one_destination():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(seconds_between_sends=1.0)
        async with running(make(store, channel)):
            store.say(message("C1", "a|b"), message("C1", "c"), message("C2"))
            await asyncio.sleep(60)

        assert [(sent.text, sent.at) for sent in channel.sent if sent.destination == "C1"] == [
            ("a", 0), ("b", 1), ("c", 2),
        ]  # fmt: skip
        assert [sent.at for sent in channel.sent if sent.destination == "C2"] == [0]

    run(scenario())
