"""The shapes the simulator sends, against payloads that Slack's own repositories have recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackSimulator

RECORDED = Path(__file__).parents[1] / "payloads" / "slack"
# Sent by Slack today, newer than the recordings.
NEWER_WRAPPER = {"context_team_id", "context_enterprise_id"}
NEWER_EVENT = {"app_id", "parent_user_id"}
# Of an organisation, or of old apps.
NOT_OURS = {"enterprise_id", "authed_users", "authed_teams"}


def recorded(path: str) -> Any:
    return json.loads((RECORDED / path).read_text())


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


def shape(value: Any) -> Any:
    """Keys and types; a text is a text."""
    match value:
        case dict():
            return {key: shape(item) for key, item in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case None:
            return None
        case _:
            return type(value).__name__


async def test_a_persons_message_has_the_recorded_keys_and_types(slack: SlackSimulator):
    slack.say("ann", "Hi there! Thanks for sharing the info!", "general")

    (ours,) = slack.events

    theirs = recorded("bolt-python/message_bot.json")["user_message_event_payload"][0]
    assert shape(ours["event"]) == shape(theirs["event"])
    assert ours.keys() - NEWER_WRAPPER == theirs.keys() - NOT_OURS
    assert ours["authorizations"][0].keys() == theirs["authorizations"][0].keys()


async def test_a_bots_message_has_the_recorded_keys(slack: SlackSimulator):
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)
    await client.chat_postMessage(channel="C0GENERAL", text="Hi there! Thanks for sharing the info!")

    event = slack.events[-1]["event"]

    theirs = recorded("bolt-python/message_bot.json")["bot_message_event_payload"][0]["event"]
    assert event.keys() - NEWER_EVENT - {"blocks"} == theirs.keys()
    assert shape(event["bot_profile"]) == shape(theirs["bot_profile"])


async def test_a_mention_has_the_recorded_keys_and_no_channel_type(slack: SlackSimulator):
    slack.say("ann", "<@U0BOT>", "general")

    event = next(e["event"] for e in slack.events if e["event"]["type"] == "app_mention")

    envelopes = recorded("python-slack-sdk/socket_mode_envelopes.json")["socket_mode_envelopes"]
    theirs = envelopes[1]["payload"]["event"]
    assert shape(event) == shape(theirs)


async def test_an_edit_has_the_recorded_keys(slack: SlackSimulator):
    said = slack.say("ann", "original message", "general")
    slack.edit("general", said.ts, "updated message")

    event = slack.events[-1]["event"]

    theirs = recorded("bolt-python/message_changed.json")["event_payload"][0]["event"]
    assert event.keys() == theirs.keys()
    assert theirs["message"].keys() <= event["message"].keys()
    assert shape(event["message"]["edited"]) == shape(theirs["message"]["edited"])
    assert theirs["previous_message"].keys() <= event["previous_message"].keys()
    assert (event["message"]["text"], event["previous_message"]["text"]) == (
        "updated message",
        "original message",
    )
    assert event["message"]["ts"] == said.ts != event["ts"]


async def test_a_deletion_has_the_recorded_keys(slack: SlackSimulator):
    said = slack.say("ann", "Delete this message", "general")
    slack.delete("general", said.ts)

    event = slack.events[-1]["event"]

    theirs = recorded("bolt-python/message_deleted.json")["event_payload"][0]["event"]
    assert event.keys() == theirs.keys()
    assert theirs["previous_message"].keys() <= event["previous_message"].keys()
    assert event["deleted_ts"] == said.ts


async def test_a_root_with_replies_leaves_a_tombstone(slack: SlackSimulator):
    root = slack.say("ann", "root", "general")
    slack.say("bob", "reply", "general", root.ts)

    slack.delete("general", root.ts)

    event = slack.events[-1]["event"]
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert event["previous_message"]["text"] == "root"


async def test_a_link_preview_changes_a_message_that_nobody_edited(slack: SlackSimulator):
    said = slack.say("ann", "see https://example.com", "general")

    slack.unfurl("general", said.ts)

    message = slack.events[-1]["event"]["message"]
    assert "edited" not in message
    assert message["text"] == "see <https://example.com>"
    assert message["attachments"]


async def test_a_broadcast_reply_carries_its_root_as_recorded(slack: SlackSimulator):
    root = slack.say("ann", "root", "general")
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)
    await client.chat_postMessage(channel="C0GENERAL", thread_ts=root.ts, text="all", reply_broadcast=True)

    event = slack.events[-1]["event"]

    theirs = recorded("bolt-python/message_thread_broadcast.json")["event_payload"][0]["event"]
    assert event["subtype"] == theirs["subtype"]
    assert theirs.keys() - {"client_msg_id"} <= event.keys()
    assert event["root"]["ts"] == root.ts


async def test_a_reaction_has_the_recorded_keys(slack: SlackSimulator):
    said = slack.say("ann", "look", "general")
    slack.react("bob", "general", said.ts, "heart_eyes")

    event = slack.events[-1]["event"]

    assert shape(event) == shape(recorded("bolt-python/events.json")["reaction_added_body"][0]["event"])


@pytest.mark.parametrize("kind", ["message", "app_mention"])
async def test_no_event_has_a_key_that_slack_was_never_seen_to_send(slack: SlackSimulator, kind: str):
    root = slack.say("ann", "@saywhen hello", "general")
    slack.say("bob", "@saywhen me too", "general", root.ts)

    name = {"message": "MessagePayload", "app_mention": "AppMentionPayload"}[kind]
    theirs = recorded(f"java-slack-sdk/events.{name}.json")
    for payload in (p for p in slack.events if p["event"]["type"] == kind):
        assert payload["event"].keys() <= theirs["event"].keys() | NEWER_EVENT
        assert payload.keys() <= theirs.keys() | NEWER_WRAPPER


async def test_socket_frames_have_the_recorded_keys(slack: SlackSimulator):
    theirs = recorded("python-slack-sdk/socket_mode_envelopes.json")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(slack.sockets.open_url(slack.base_url)) as ws,
    ):
        hello = await ws.receive_json()
        slack.say("ann", "hi")
        envelope = await ws.receive_json()
        await slack.sockets.disconnect("refresh_requested")
        goodbye = await ws.receive_json()

    assert shape(hello) == shape(theirs["socket_mode_hello_message"][0])
    assert envelope.keys() == theirs["socket_mode_envelopes"][1].keys()
    assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
    assert goodbye.keys() <= theirs["socket_mode_disconnect_message"][0].keys()


async def test_answers_of_the_web_api_have_only_keys_that_slack_was_seen_to_send(slack: SlackSimulator):
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)
    user = (await client.users_info(user="U0ANN"))["user"]
    identity = (await client.auth_test()).data

    theirs = recorded("java-slack-sdk/api.users.info.json")["user"]
    assert user.keys() <= theirs.keys()
    assert user["profile"].keys() <= theirs["profile"].keys()
    assert isinstance(identity, dict)
    assert identity.keys() <= recorded("java-slack-sdk/api.auth.test.json").keys()


async def test_a_button_press_and_a_command_have_the_recorded_keys(slack: SlackSimulator):
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)
    text = {"type": "plain_text", "text": "Button", "emoji": True}
    element = {"type": "button", "action_id": "a", "text": text, "value": "click_me_123"}
    posted = await client.chat_postMessage(
        channel="U0ANN", text="t", blocks=[{"type": "actions", "block_id": "b", "elements": [element]}]
    )
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(slack.sockets.open_url(slack.base_url)) as ws,
    ):
        await ws.receive_json()
        press = await _while_pressing(slack, ws, posted["ts"])

    theirs = recorded("bolt-python/block_actions.json")["body"][0]
    assert theirs.keys() <= press.keys()
    assert press["actions"][0].keys() == theirs["actions"][0].keys()
    assert press["user"].keys() == theirs["user"].keys()


async def _while_pressing(
    slack: SlackSimulator, ws: aiohttp.ClientWebSocketResponse, ts: str
) -> dict[str, Any]:
    pressing = asyncio.ensure_future(
        slack.interactions.click(slack.person("ann"), slack.message("ann", ts), "a", value="click_me_123")
    )
    while True:
        frame = await ws.receive_json()
        await ws.send_json({"envelope_id": frame["envelope_id"]})
        if frame["type"] == "interactive":
            break
    assert (await pressing).failure is None
    payload: dict[str, Any] = frame["payload"]
    return payload
