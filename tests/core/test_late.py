"""What reaches us long after it was written: marked, dated as it was written, and in the end not acted on (W08)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.events import Block, Incoming, MessageReceived, Sender
from bot.inbox import ChannelRule
from bot.ports import Received
from bot.testing import ANN, Bot, open_test_bot, reply


async def late_by(bot: Bot, late: timedelta, *, key: str = "k1", channel: str = "fake") -> Received:
    data = MessageReceived(
        place=f"c1:{key}",
        blocks=(Block(source="person", text="tomorrow at nine"),),
        sender=Sender(channel=channel, address="U1", proof="provider"),
    )
    incoming = Incoming(
        data, channel=channel, account="A1", conversation="c1", destination="c1", dedupe=key,
        sent_at=bot.clock() - late,
    )  # fmt: skip
    return await bot.inbox.receive(incoming)


@asynccontextmanager
async def punctual(tmp_path: Path) -> AsyncIterator[Bot]:
    async with open_test_bot(tmp_path, script=lambda request: reply("I heard you."), people=(ANN,)) as bot:
        bot.inbox._answer_within = timedelta(days=7)
        bot.inbox._rules = {"mail": ChannelRule(dated=False)}
        yield bot


@pytest.mark.parametrize(
    ("late", "marked"),
    [
        (timedelta(minutes=-9), ""),
        (timedelta(minutes=4), ""),
        (timedelta(minutes=6), "6 minutes late"),
        (timedelta(hours=47), "47 hours late"),
        (timedelta(days=3), "3 days late"),
        (timedelta(days=7), "7 days late"),
    ],
    ids=str,
)
async def test_what_comes_late_is_answered_as_of_its_own_time(tmp_path: Path, late: timedelta, marked: str):
    async with punctual(tmp_path) as bot:
        await late_by(bot, late)
        await bot.settle()

        (request,) = bot.model.requests
        text = json.dumps(request)
        written = bot.clock() - (late if marked else timedelta(0))
        assert f'at=\\"{written:%Y-%m-%dT%H:%M}' in text
        assert (f'came=\\"{marked}\\"' in text) is bool(marked)
        assert bot.texts == ["I heard you."]


async def test_what_comes_too_late_is_not_acted_on_and_its_sender_hears_so_once(tmp_path: Path):
    async with punctual(tmp_path) as bot:
        for _ in range(3):
            await late_by(bot, timedelta(days=7, seconds=1))
        await bot.settle()

        assert bot.model.requests == []
        (said,) = bot.texts
        assert said.startswith("What you wrote on 2026-11-16 at 08:59 UTC reached me only now.")


async def test_a_sender_s_own_clock_is_not_believed_too_far(tmp_path: Path):
    async with punctual(tmp_path) as bot:
        await late_by(bot, timedelta(days=8), channel="mail")
        await bot.settle()

        (request,) = bot.model.requests
        assert "late" not in json.dumps(request["messages"])


async def test_without_a_limit_everything_is_answered(tmp_path: Path):
    async with punctual(tmp_path) as bot:
        bot.inbox._answer_within = None
        await late_by(bot, timedelta(days=400))
        await bot.settle()

        assert bot.texts == ["I heard you."]
