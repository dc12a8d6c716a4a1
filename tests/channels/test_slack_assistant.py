"""The app as an assistant: chats with suggestions, a title and a status; and a workspace that has none of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.events import Incoming, MessageReceived, Outgoing
from channels.slack.assistant import LONGEST_TITLE, PROMPTS, opened, title_of
from channels.slack.events import Identity, parse
from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.config import Json
from simulators.slack.simulator import Said
from tests.channels.slack_http_kit import SocketBot, http_bot, message, socket_bot

ME = Identity("T0DEMO", "U0BOT", bot="B0BOT", name="saywhen")
TIMEOUT = 30.0
METHODS = ("assistant.threads.setSuggestedPrompts", "assistant.threads.setTitle")


@pytest.fixture(params=["socket", "http"])
async def bot(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SocketBot]:
    async with SlackSimulator() as slack:
        opened_bot = socket_bot if request.param == "socket" else http_bot
        async with opened_bot(tmp_path, slack) as made:
            yield made


def chat(bot: SocketBot, said: Said) -> Json:
    """What Slack shows of a chat with the assistant."""
    found: Json = bot.slack.message(said.channel, said.ts).extra["assistant"]
    return found


async def until_suggested(bot: SocketBot, said: Said) -> None:
    await bot.slack.until(lambda: chat(bot, said)["prompts"], timeout=TIMEOUT)


async def test_a_new_chat_gets_suggestions(bot):
    said = bot.slack.open_assistant("ann", context="general")

    await until_suggested(bot, said)

    prompts = [(each["title"], each["message"]) for each in chat(bot, said)["prompts"]]
    assert prompts == list(PROMPTS.items())


async def test_a_chat_is_named_after_its_first_question_only(bot):
    said = bot.slack.open_assistant("ann")
    bot.slack.say("ann", "What time is it\nin Tokyo?", said.channel, said.ts)
    await bot.slack.until(lambda: chat(bot, said)["title"], timeout=TIMEOUT)
    bot.slack.say("ann", "And in Rome?", said.channel, said.ts)
    await bot.until_heard("And in Rome?")
    other = bot.slack.open_assistant("ann")
    bot.slack.say("ann", "Something else", other.channel, other.ts)
    await bot.slack.until(lambda: chat(bot, other)["title"], timeout=TIMEOUT)

    assert chat(bot, said)["title"] == "What time is it in Tokyo?"
    assert chat(bot, other)["title"] == "Something else"


async def test_each_chat_is_a_conversation_of_its_own(bot):
    first, second = bot.slack.open_assistant("ann"), bot.slack.open_assistant("ann")
    for said, text in ((first, "one"), (second, "two"), (first, "three")):
        bot.slack.say("ann", text, said.channel, said.ts)
        await bot.until_heard(text)
    bot.slack.say("ann", "at the top")
    await bot.until_heard("at the top")

    threads = {event.data.blocks[0].text: event.thread_id for event in await bot.stored()}

    assert threads["one"] == threads["three"]
    assert len(set(threads.values())) == 3


async def test_a_chat_shows_that_the_bot_is_at_work_until_it_answers(bot):
    said = bot.slack.open_assistant("ann")
    to = f"T0DEMO/{said.channel}/{said.ts}"

    await bot.channel.show_status(to, "is thinking ...")
    shown = dict(bot.slack.workspace.statuses)
    (part,) = bot.channel.render("th:3:0", Outgoing(text="Done.", destination=to))
    await bot.channel.send(part)

    assert shown == {(said.channel, said.ts): "is thinking ..."}
    assert bot.slack.workspace.statuses == {}


async def test_a_look_at_another_channel_changes_nothing(bot):
    said = bot.slack.open_assistant("ann")
    await until_suggested(bot, said)
    bot.slack.look_at("ann", said.channel, said.ts, "general")
    await bot.slack.until(lambda: not bot.slack.state.pending_deliveries(), timeout=TIMEOUT)

    assert bot.slack.stats.posts["assistant.threads.setSuggestedPrompts"] == 1
    assert await bot.events() == []


async def test_an_ordinary_thread_in_a_direct_message_gets_no_title(bot):
    root = bot.slack.say("ann", "hello")
    bot.slack.say("ann", "in a thread", root.channel, root.ts)
    await bot.until_heard("in a thread")
    said = bot.slack.open_assistant("ann")
    bot.slack.say("ann", "in a chat", said.channel, said.ts)
    await bot.slack.until(lambda: chat(bot, said)["title"], timeout=TIMEOUT)

    assert bot.slack.stats.posts["assistant.threads.setTitle"] == 1


async def test_a_workspace_without_the_feature_is_asked_once_and_works(tmp_path, caplog):
    caplog.set_level("INFO", "channels.slack.assistant")
    config = SlackConfig()
    config = replace(config, scopes=config.scopes - {"assistant:write"})
    async with SlackSimulator(config=config) as slack, socket_bot(tmp_path, slack) as bot:
        for text in ("one", "two"):
            said = slack.open_assistant("ann")
            await slack.until(lambda: f"without {METHODS[0]}" in caplog.text, timeout=TIMEOUT)
            slack.say("ann", text, said.channel, said.ts)
            await bot.until_heard(text)
            await slack.until(lambda: f"without {METHODS[1]}" in caplog.text, timeout=TIMEOUT)

        posts = {name: slack.stats.posts[name] for name in METHODS}

    assert posts == dict.fromkeys(METHODS, 1)


# ---------------------------------------------------------------- pure


@pytest.mark.parametrize(
    "thread",
    [
        None,
        "x",
        {},
        {"channel_id": "D1"},
        {"channel_id": "D1", "thread_ts": "x"},
        {"channel_id": 1, "thread_ts": "1.2"},
    ],
)
def test_half_an_event_opens_no_chat(thread: object):
    assert opened({"event": {"type": "assistant_thread_started", "assistant_thread": thread}}) is None


def asked(text: str, **more: Any) -> Incoming:
    (arrival,) = parse(message(text, thread_ts="1.2", **more), me=ME)
    assert isinstance(arrival.incoming.data, MessageReceived)
    return arrival.incoming


def test_a_title_is_one_short_line():
    assert title_of(asked("What\n  is this?")) == "What is this?"
    assert len(title_of(asked("long " * 50))) == LONGEST_TITLE


def test_a_chat_that_begins_with_a_picture_is_named_after_it():
    files = [{"id": "F1", "name": "cat.png", "mimetype": "image/png", "size": 3}]

    assert title_of(asked("", files=files)) == "cat.png"
