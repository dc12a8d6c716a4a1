import asyncio
from dataclasses import dataclass

from tests.core.parts_kit import FakeChannel, FakeStore, make, message, run, running


@dataclass
class Bursting(FakeChannel):
    sends_at_once: int = 3


def test_a_channel_that_allows_a_burst_gets_a_few_messages_at_once_and_then_one_at_a_time():
    async def scenario():
        store, channel = FakeStore(), Bursting(seconds_between_sends=1.0)
        async with running(make(store, channel)):
            store.say(message("C1", "a|b|c|d|e"))
            await asyncio.sleep(60)

        assert [(sent.text, sent.at) for sent in channel.sent] == [
            ("a", 0), ("b", 0), ("c", 0), ("d", 1), ("e", 2),
        ]  # fmt: skip

    run(scenario())


def test_a_destination_that_was_left_alone_may_be_written_to_in_a_burst_again():
    async def scenario():
        store, channel = FakeStore(), Bursting(seconds_between_sends=1.0)
        async with running(make(store, channel)):
            store.say(message("C1", "a|b|c"))
            await asyncio.sleep(10)
            store.say(message("C1", "d|e|f|g"))
            await asyncio.sleep(60)

        assert [(sent.text, sent.at) for sent in channel.sent[3:]] == [
            ("d", 10),
            ("e", 10),
            ("f", 10),
            ("g", 11),
        ]

    run(scenario())
