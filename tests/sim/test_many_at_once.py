"""Many messages, many copies and many threads at once."""

import asyncio

import pytest

from bot import events as ev
from bot.testing import open_test_bot
from tests.sim.alive import GatedModel, alive, until

pytestmark = pytest.mark.prove


async def test_twenty_messages_at_once_to_one_thread_are_twenty_turns_in_order(ram):
    model = GatedModel()
    async with open_test_bot(ram, model=model) as bot, alive(bot):
        received = await asyncio.gather(*(bot.say(f"number {n}") for n in range(20)))
        await until(lambda: len(bot.texts) == 20)
        log = await bot.log(received[0].thread_id)

    assert {each.thread_id for each in received} == {log[0].thread_id}
    assert bot.texts == [f"to number {n}" for n in range(20)]
    said = [event.seq for event in log if isinstance(event.data, ev.MessageReceived)]
    read = [event.data.input for event in log if isinstance(event.data, ev.TurnStarted)]
    assert read == said
    assert len(model.bodies) == 20
    opened = 0
    for event in log:
        opened += isinstance(event.data, ev.TurnStarted) - isinstance(event.data, ev.TurnEnded)
        assert opened in (0, 1)


async def test_one_event_fifty_times_at_once_and_after_a_restart_is_one_event_and_one_reply(ram):
    async with open_test_bot(ram, model=GatedModel()) as bot, alive(bot):
        first = await asyncio.gather(*(bot.say("hello", place="p1") for _ in range(50)))
        await until(lambda: bot.texts)
    async with open_test_bot(ram, model=GatedModel(), channel=bot.channel) as again, alive(again):
        second = await asyncio.gather(*(again.say("hello", place="p1") for _ in range(50)))
        await again.say("and now?", place="p2")
        await until(lambda: len(again.texts) == 2)
        log = await again.log(first[0].thread_id)

    assert sum(not each.duplicate for each in first) == 1
    assert all(each.duplicate for each in second)
    assert {(each.thread_id, each.seq) for each in (*first, *second)} == {(log[0].thread_id, 2)}
    assert again.texts == ["to hello", "to and now?"]


@pytest.mark.parametrize("limit", [2, 64])
async def test_a_thread_whose_model_does_not_answer_holds_up_no_other(ram, limit):
    model = GatedModel("slow")
    async with open_test_bot(ram, model=model) as bot, alive(bot, limit=limit) as lanes:
        await bot.say("slow one", conversation="slow")
        await until(lambda: model.waiting)
        for n in range(30):
            await bot.say(f"number {n}", conversation=f"c{n}")
        await until(lambda: len(bot.texts) == 30)

        assert lanes.in_flight == 1
        assert "to slow one" not in bot.texts

        model.gate.set()
        await until(lambda: len(bot.texts) == 31)
