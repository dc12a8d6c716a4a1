"""What a review found around the loop: the ceiling of tokens, and messages for a channel that is connecting."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.budget import Budget, BudgetedModel, DailyTokens
from bot.events import Failure, ModelAnswered, Step, Usage
from bot.outbox import Outbox
from bot.testing import START, open_test_bot, reply
from tests.core.parts_kit import FakeChannel, FakeStore, clock, message, run

DAY = date(2026, 11, 23)


class Cheap:
    """A model that uses far less than a call reserves."""

    name = "cheap"

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        await self.go.wait()
        return ModelAnswered(usage=Usage(input=10), failure=Failure(kind="invalid", message="x"))


async def test_a_ceiling_that_is_only_reserved_makes_calls_wait_and_not_the_whole_day():
    cheap = Cheap()
    budget = Budget(DailyTokens(50_000, DAY), clock=lambda: datetime(2026, 11, 23, 9, tzinfo=UTC))
    model = BudgetedModel(cheap, budget)
    body = {"max_tokens": 4096, "messages": []}

    def no_check(text: str) -> Step:
        raise AssertionError(text)

    asking = [asyncio.ensure_future(model.ask(body, no_check)) for _ in range(64)]
    await asyncio.sleep(0)
    cheap.go.set()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*asking)

    assert {answer.failure.kind for answer in answers if answer.failure} == {"invalid"}
    assert budget.tokens.used == 640


async def test_the_demo_brain_counts_nothing_also_after_a_restart(tmp_path):
    demo = reply("hi").model_copy(update={"request_id": "req_sim00000000000000001"})
    async with open_test_bot(tmp_path, script=[demo, reply("hi")]) as bot:
        await bot.say("one")
        await bot.settle()
        free = await bot.store.tokens_since(START - timedelta(days=1))
        await bot.say("two")
        await bot.settle()

        assert free == 0
        assert await bot.store.tokens_since(START - timedelta(days=1)) == 15


def test_a_message_that_waits_for_a_restart_is_sent_as_soon_as_its_channel_is_connected():
    async def scenario():
        store: Any = FakeStore()
        channel = FakeChannel()
        channels: dict[Any, Any] = {("slack", ""): channel}
        outbox = Outbox(store, channels, clock=clock, jitter=lambda: 0.0)
        store.say(message("C1"))
        working = asyncio.ensure_future(outbox.run())
        await asyncio.sleep(3)
        channels.clear()
        channels["slack", "T1"] = channel
        await asyncio.sleep(10)
        working.cancel()

        assert [round(sent.at) for sent in channel.sent] == [3]

    run(scenario())


def test_a_message_for_a_channel_that_does_not_connect_does_not_keep_the_bot_from_stopping():
    async def scenario():
        store: Any = FakeStore()
        outbox = Outbox(store, {("slack", ""): FakeChannel()}, clock=clock, jitter=lambda: 0.0)
        store.say(message("C1"))
        working = asyncio.ensure_future(outbox.run())
        await asyncio.sleep(3)
        drained = await outbox.drain(2)
        working.cancel()

        assert drained

    run(scenario())
