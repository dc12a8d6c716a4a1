"""The bot is told to end while a turn is under way."""

import asyncio

import pytest

from bot import events as ev
from bot.testing import open_test_bot
from tests.sim.alive import GatedModel, alive, until

pytestmark = pytest.mark.prove


def kinds(log) -> list[str]:
    return [event.type for event in log if not isinstance(event.data, ev.DeliveryReported)]


async def test_a_stop_waits_for_what_is_under_way_keeps_its_result_and_starts_nothing_more(ram):
    model = GatedModel("slow")
    async with open_test_bot(ram, model=model) as bot, alive(bot) as lanes:
        received = await bot.say("slow")
        await bot.say("next")
        await until(lambda: model.waiting)
        stopping = asyncio.ensure_future(lanes.stop(grace=20))
        await asyncio.sleep(0.02)
        model.gate.set()

        assert await stopping is True

        log = await bot.log(received.thread_id)
        assert kinds(log)[-1] == "model.answered"
        assert len(model.bodies) == 1
    other = GatedModel()
    async with open_test_bot(ram, model=other) as bot:
        await bot.recover()

        log = await bot.log(received.thread_id)
        assert bot.texts == ["to slow", "to next"]
        assert len(other.bodies) == 1
        assert "turn.resumed" not in kinds(log)


async def test_what_outlasts_the_grace_is_cut_off_and_taken_up_again(ram):
    model = GatedModel("slow")
    async with open_test_bot(ram, model=model) as bot, alive(bot) as lanes:
        received = await bot.say("slow")
        await until(lambda: model.waiting)

        assert await lanes.stop(grace=0.05) is False

    async with open_test_bot(ram, model=GatedModel()) as bot:
        await bot.recover()

        log = await bot.log(received.thread_id)
        assert bot.texts == ["to slow"]
        assert kinds(log)[-3:] == ["turn.resumed", "model.answered", "turn.ended"]
