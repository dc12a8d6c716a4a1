"""Chat in Slack: from what Slack sends to what people read, through the real SDKs and the real program."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.messages import MessagesSimulator
from simulators.slack import SlackSimulator
from simulators.slack.files import Upload
from tests.channels.mail_torture import png
from tests.channels.slack_http_kit import outage
from tests.walks.kit import RealBot, environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclass
class Walk:
    slack: SlackSimulator
    model: MessagesSimulator
    bot: RealBot

    async def replies(self, count: int, *, channel: str, thread: str | None = None) -> list[str]:
        """Wait for so many replies there, and give all."""
        await self.slack.until(lambda: len(self._replies(channel, thread)) >= count, timeout=20)
        return self._replies(channel, thread)

    async def events(self, type_: str, count: int) -> list[dict[str, Any]]:
        """Wait for so many events of a type, in all threads."""
        async with asyncio.timeout(20):
            while len(found := await self._events(type_)) < count:  # noqa: ASYNC110 - the API rings no bell
                await asyncio.sleep(0.05)
        return found

    async def _events(self, type_: str) -> list[dict[str, Any]]:
        threads = (await self.bot.get("/api/threads")).json()["threads"]
        pages = [await self.bot.get(f"/api/threads/{each['thread_id']}/events") for each in threads]
        return [event for page in pages for event in page.json()["events"] if event["type"] == type_]

    def _replies(self, channel: str, thread: str | None) -> list[str]:
        return [message["text"] for message in self.slack.messages(channel, thread)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    """The bot is running; the demo brain thinks."""
    folder: Path = tmp_path_factory.mktemp("walk")
    async with SlackSimulator() as slack, MessagesSimulator() as model:
        bot = RealBot(folder, environment(slack, model.base_url, folder))
        await bot.start()
        try:
            yield Walk(slack, model, bot)
            assert await bot.stop() == 0
        finally:
            await bot.kill()


async def test_a_mention_in_a_channel_is_answered_in_its_thread(walk: Walk):
    said = walk.slack.say("ann", "<@U0BOT> what time is it?", "general")

    texts = await walk.replies(1, channel="general", thread=said.ts)

    assert len(texts) == 1
    assert walk.slack.messages("general")[-1]["thread_ts"] == said.ts


async def test_a_reply_in_that_thread_needs_no_mention_and_talk_beside_it_is_none_of_its_business(walk: Walk):
    said = walk.slack.say("bob", "<@U0BOT> hello", "random")
    await walk.replies(1, channel="random", thread=said.ts)

    beside = walk.slack.say("bob", "lunch?", "random")
    walk.slack.say("bob", "what time is it?", "random", said.ts)
    texts = await walk.replies(2, channel="random", thread=said.ts)

    assert len(texts) == 2
    assert walk.slack.messages("random", beside.ts) == []


async def test_a_direct_message_is_answered(walk: Walk):
    walk.slack.say("ann", "what time is it in Tokyo?")

    texts = await walk.replies(1, channel="ann")

    assert "Tokyo" in texts[-1]


async def test_a_reminder_comes_back_into_the_conversation(walk: Walk):
    before = len(walk.slack.messages("bob"))

    walk.slack.say("bob", "remind me in 1 second to stretch")

    texts = await walk.replies(before + 2, channel="bob")
    assert "1 second" in texts[before]
    assert "stretch" in texts[before + 1]


async def test_a_picture_reaches_the_model_and_a_thumb_under_its_answer_is_feedback(walk: Walk):
    texts = [""]
    while (
        "a picture (image/png)" not in texts[-1] and len(texts) < 6
    ):  # a busy machine may be late for the file
        walk.slack.say("U0DORA", "what is in this picture?", files=[Upload("cat.png", png(7, 9))])
        texts = ["", *await walk.replies(len(texts), channel="U0DORA")]

    answer = walk.slack.messages("U0DORA")[-1]
    walk.slack.react("U0DORA", "U0DORA", answer["ts"], "+1")
    (feedback,) = await walk.events("feedback.received", 1)

    assert "a picture (image/png)" in texts[-1]
    assert (feedback["data"]["rating"], feedback["data"]["sender"]["address"]) == (5.0, "T0DEMO/U0DORA")
    assert feedback["data"]["about"] < feedback["seq"]


async def test_a_chat_with_the_assistant_is_named_and_answered(walk: Walk):
    chat = walk.slack.open_assistant("U0EMIL")
    walk.slack.say("U0EMIL", "what time is it in Rome?", chat.channel, chat.ts)

    texts = await walk.replies(1, channel="U0EMIL", thread=chat.ts)

    def shown() -> Any:
        return walk.slack.message(chat.channel, chat.ts).extra["assistant"]

    await walk.slack.until(lambda: shown()["prompts"] and shown()["title"], timeout=20)
    assert "Rome" in texts[-1]
    assert shown()["title"] == "what time is it in Rome?"


async def test_what_was_edited_is_what_the_model_reads_from_then_on(walk: Walk):
    before = len(walk.slack.messages("carol"))
    said = walk.slack.say("carol", "what time is it in Pariss?")
    await walk.replies(before + 1, channel="carol")

    walk.slack.edit(said.channel, said.ts, "what time is it in Paris?")
    walk.slack.say("carol", "thank you")
    await walk.replies(before + 2, channel="carol")

    blocks = [block["text"] for block in walk.model.requests[-1].json["messages"][0]["content"]]
    assert any(block.startswith("<edited") and "in Paris?" in block for block in blocks)


async def test_one_event_fifty_times_and_once_more_after_a_restart_is_one_reply(walk: Walk):
    said = walk.slack.say("ann", "<@U0BOT> hello", "general")
    await walk.replies(1, channel="general", thread=said.ts)
    assert said.event_id is not None

    assert await walk.slack.redeliver(said.event_id, 50) == 50
    assert await walk.bot.stop() == 0
    await walk.bot.start()
    assert await walk.slack.redeliver(said.event_id, 50) == 50
    walk.slack.say("ann", "<@U0BOT> what time is it?", "general", said.ts)
    texts = await walk.replies(2, channel="general", thread=said.ts)

    assert len(texts) == 2
    assert "Traceback" not in walk.bot.output()


async def test_what_was_said_in_an_outage_is_answered_once(walk: Walk):
    said = walk.slack.say("ann", "<@U0BOT> hello", "general")
    await walk.replies(1, channel="general", thread=said.ts)

    assert await walk.bot.stop() == 0
    async with outage(walk.slack):
        walk.slack.say("ann", "what time is it in Tokyo?", "general", said.ts)
        new = walk.slack.say("bob", "<@U0BOT> what time is it in Lima?", "general")
    await walk.bot.start()
    there = await walk.replies(2, channel="general", thread=said.ts)
    here = await walk.replies(1, channel="general", thread=new.ts)

    assert ["Tokyo" in text for text in there] == [False, True]
    assert ["Lima" in text for text in here] == [True]


async def test_it_says_when_slack_gave_its_last_signs(walk: Walk):
    ready = await walk.bot.get("/readyz")
    metrics = await walk.bot.get("/metrics")

    (slack,) = [check["detail"] for check in ready.json()["checks"] if check["name"] == "slack"]
    assert re.search(r"last sign of life \d+ s ago", slack)
    assert 'saywhen_channel_connected{channel="slack"} 1.0' in metrics.text
    assert 'saywhen_channel_sign_of_life_seconds{channel="slack"}' in metrics.text
