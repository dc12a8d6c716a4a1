"""Chats with the app as an assistant: opened by people, named and furnished with suggestions by the app."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackSimulator
from simulators.slack.pane import PaneView
from simulators.slack.workspace import Refused

PROMPTS = [{"title": "Help <me>", "message": "What can you do?"}]


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


def client_of(slack: SlackSimulator) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)


async def test_a_chat_is_opened_beside_a_channel(slack: SlackSimulator):
    body = {"from": "ann", "context": "general"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/sim/slack/assistant", json=body) as response,
    ):
        answer = await response.json()
        look = {**body, "context": "random", "channel": answer["channel"], "thread": answer["ts"]}
        async with session.post(f"{slack.base_url}/sim/slack/assistant/look_at", json=look) as moved:
            assert moved.status == 200

    opened, changed = (payload["event"] for payload in slack.events)
    assert opened["type"] == "assistant_thread_started"
    assert opened["assistant_thread"] == {
        "user_id": "U0ANN",
        "context": {"channel_id": "C0GENERAL", "team_id": "T0DEMO", "enterprise_id": None},
        "channel_id": "D0ANN",
        "thread_ts": answer["ts"],
    }
    assert changed["type"] == "assistant_thread_context_changed"
    assert changed["assistant_thread"]["context"]["channel_id"] == "C0RANDOM"


async def test_what_is_asked_there_says_so(slack: SlackSimulator):
    chat = slack.open_assistant("ann")
    slack.say("ann", "hello", chat.channel, chat.ts)
    slack.say("ann", "elsewhere")

    inside, outside = (payload["event"] for payload in slack.events[1:])

    assert (inside["thread_ts"], bool(inside["assistant_thread"]["action_token"])) == (chat.ts, True)
    assert "assistant_thread" not in outside


async def test_the_page_shows_title_and_suggestions(slack: SlackSimulator):
    client, chat = client_of(slack), slack.open_assistant("ann")
    where = {"channel_id": chat.channel, "thread_ts": chat.ts}
    await client.assistant_threads_setSuggestedPrompts(**where, prompts=PROMPTS)
    await client.assistant_threads_setTitle(**where, title="A <b>title</b>")

    html = str(PaneView(slack, "ann", "").render()["messages"])

    assert "A &lt;b&gt;title&lt;/b&gt;" in html
    assert 'data-message="What can you do?">Help &lt;me&gt;</button>' in html


@pytest.mark.parametrize(("channel", "error"), [("D0ANN", "invalid_thread_ts"), ("D9", "channel_not_found")])
async def test_elsewhere_there_is_neither(slack: SlackSimulator, channel: str, error: str):
    root, client = slack.say("ann", "hello"), client_of(slack)

    with pytest.raises(SlackApiError, match=error):
        await client.assistant_threads_setTitle(channel_id=channel, thread_ts=root.ts, title="x")
    with pytest.raises(SlackApiError, match=error):
        await client.assistant_threads_setSuggestedPrompts(
            channel_id=channel, thread_ts=root.ts, prompts=PROMPTS
        )
    with pytest.raises(Refused):
        slack.look_at("ann", root.channel, root.ts, "general")


@pytest.mark.parametrize("prompts", [[], PROMPTS * 5, [{"title": "x"}], ["x"], {"title": "x"}])
async def test_suggestions_are_one_to_four_with_title_and_message(slack: SlackSimulator, prompts: object):
    chat = slack.open_assistant("ann")

    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client_of(slack).assistant_threads_setSuggestedPrompts(
            channel_id=chat.channel,
            thread_ts=chat.ts,
            prompts=prompts,  # type: ignore[arg-type]  # what is wrong
        )
