"""A thread that brings the bot down, and one that it cannot read: parked, somebody told, the others run on."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from bot import events as ev
from bot.events import ModelAnswered, Outgoing, Step
from bot.fold import fold_all
from bot.testing import FakeChannel, open_test_bot, reply
from bot.thread import Thread
from tests.sim.alive import last_words

OPERATOR = Outgoing(text="", kind="notice", channel="fake", account="A1", destination="operator")

pytestmark = pytest.mark.prove


class Death(BaseException):
    """The process is gone."""


class DeadlyModel:
    name = "deadly"

    def __init__(self) -> None:
        self.deaths = 0

    async def ask(self, body: Mapping[str, Any], check: Callable[[str], Step]) -> ModelAnswered:
        if "poison" in last_words(body):
            self.deaths += 1
            raise Death
        return reply(f"to {last_words(body)}")


def opened(folder, **more):
    return open_test_bot(folder, rules=lambda rules: replace(rules, operator=OPERATOR), **more)


async def test_a_thread_that_kills_the_bot_is_parked_after_three_take_overs_and_the_others_run_on(ram):
    model, channel = DeadlyModel(), FakeChannel()
    async with opened(ram, model=model, channel=channel) as bot:
        poison = await bot.say("poison", conversation="bad")
        with suppress(Death):
            await bot.settle()
    for life in range(1, 5):
        async with opened(ram, model=model, channel=channel) as bot:
            await bot.inbox.receive(_message(f"good {life}"))
            bot.woken.clear()  # it dies before it gets to it
        async with opened(ram, model=model, channel=channel) as bot:
            with suppress(Death):
                await bot.recover()
            log = await bot.log(poison.thread_id)

    assert model.deaths == 3
    assert [text for text in bot.texts if text.startswith("to good")] == [f"to good {n}" for n in range(1, 5)]
    assert isinstance(log[-1].data, ev.DeliveryReported)
    parked = next(event.data for event in log if isinstance(event.data, ev.ThreadParked))
    assert parked.tries == 3
    assert [part.destination for part in channel.sent if "good" not in part.destination] == [
        "bad",
        "operator",
    ]
    assert fold_all(Thread(poison.thread_id), log).status == "parked"


async def test_a_parked_thread_goes_on_once_it_is_resumed(ram):
    model, channel = DeadlyModel(), FakeChannel()
    async with opened(ram, model=model, channel=channel) as bot:
        poison = await bot.say("poison", conversation="bad")
        with suppress(Death):
            await bot.settle()
    for _ in range(3):
        async with opened(ram, model=model, channel=channel) as bot:
            with suppress(Death):
                await bot.recover()
    async with opened(ram, script=[reply("cured")], channel=channel) as bot:
        await bot.recover()

        await bot.control(poison.thread_id, "resume")
        await bot.settle()

        assert bot.texts[-1] == "cured"


@pytest.mark.parametrize(
    ("type_", "v", "data"),
    [("approval.invented", 1, "{}"), ("feedback.received", 99, "{}"), ("feedback.received", 1, "no JSON")],
)
async def test_an_event_nobody_can_read_parks_its_thread_and_no_other(ram, type_, v, data):
    async with opened(ram, script=[reply("one")]) as bot:
        strange = await bot.say("hello", conversation="strange")
        await bot.settle()
    with closing(sqlite3.connect(ram / "test.db")) as connection, connection:
        connection.execute(
            "INSERT INTO events SELECT NULL, thread_id, seq + 1, id || 'x', ?, ?, time, actor_kind, actor, channel,"
            " run, correlation, NULL, trace_id, ? FROM events WHERE thread_id = ? ORDER BY seq DESC LIMIT 1",
            (type_, v, data, strange.thread_id),
        )
        connection.execute(
            "UPDATE threads SET last_seq = last_seq + 1 WHERE thread_id = ?", (strange.thread_id,)
        )
    async with opened(ram, script=[reply("two")]) as bot:
        await bot.recover()
        await bot.say("and now?", conversation="strange")
        await bot.say("hello", conversation="other")
        await bot.settle()
        rows = await bot.store.raw_events(strange.thread_id)

        assert "two" in bot.texts
        assert any("parked" in part.text for part in bot.channel.sent if part.destination == "operator")
        assert any(
            "wrong on our side" in part.text for part in bot.channel.sent if part.destination == "strange"
        )
        assert [row["type"] for row in rows].count("thread.parked") == 1


def _message(text: str) -> ev.Incoming:
    sender = ev.Sender(channel="fake", address="U2", proof="provider")
    data = ev.MessageReceived(place=text, blocks=(ev.Block(source="person", text=text),), sender=sender)
    return ev.Incoming(
        data, channel="fake", account="A1", conversation="good", destination="good", dedupe=f"fake:{text}"
    )
