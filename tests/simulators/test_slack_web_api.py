"""The Web API of the simulated Slack through the unmodified slack_sdk, and raw where the SDK hides it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackConfig, SlackSimulator


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


@pytest.fixture
def client(slack: SlackSimulator) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, retry_handlers=[])


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        await call
    assert error.value.response.status_code == 200
    return str(error.value.response["error"])


async def raw(slack: SlackSimulator, method: str, token: str = "xoxb-demo", **request: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(slack.api_url + method, **request) as response,
    ):
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        return answer


async def test_auth_test_names_the_bot_and_its_scopes(client: AsyncWebClient):
    answer = await client.auth_test()

    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0DEMO", "U0BOT", "B0BOT")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_tokens_are_checked_and_each_kind_opens_its_own_methods(slack: SlackSimulator):
    assert (await raw(slack, "auth.test", ""))["error"] == "not_authed"
    assert (await raw(slack, "auth.test", "xoxb-other"))["error"] == "invalid_auth"
    assert (await raw(slack, "chat.postMessage", "xapp-demo"))["error"] == "not_allowed_token_type"
    assert (await raw(slack, "apps.connections.open", "xoxb-demo"))["error"] == "not_allowed_token_type"
    assert (await raw(slack, "apps.connections.open", "", data={"token": "xapp-demo"}))[
        "error"
    ] == "not_authed"
    assert (await raw(slack, "apps.connections.open", "xapp-demo"))["url"].startswith("ws://127.0.0.1")
    assert (await raw(slack, "no.such.method"))["error"] == "unknown_method"


async def test_a_missing_scope_is_named():
    config = SlackConfig(scopes=frozenset({"users:read"}))
    async with SlackSimulator(config=config) as slack:
        answer = await raw(slack, "chat.postMessage", json={"channel": "U0ANN", "text": "hi"})

    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "chat:write",
        "users:read",
    )


@pytest.mark.parametrize("form", ["params", "data", "json"])
async def test_arguments_come_in_all_three_forms(slack: SlackSimulator, form: str):
    arguments: dict[str, Any] = {form: {"channel": "U0ANN", "text": "hi"}}

    answer = await raw(slack, "chat.postMessage", **arguments)

    assert answer["ok"]
    assert slack.messages()[0]["text"] == "hi"


async def test_a_post_keeps_thread_metadata_and_flags(slack: SlackSimulator, client: AsyncWebClient):
    said = slack.say("ann", "hello", "general")
    metadata = {"event_type": "saywhen", "event_payload": {"outgoing": "o1"}}

    answer = await client.chat_postMessage(
        channel=said.channel, thread_ts=said.ts, text="hi", metadata=metadata, unfurl_links=False, mrkdwn=True
    )

    (sent,) = slack.messages("general", said.ts)
    assert (sent["to"], sent["text"], sent["ts"]) == ("general", "hi", answer["ts"])
    assert (sent["metadata"], sent["unfurl_links"], sent["unfurl_media"]) == (metadata, False, None)
    assert answer["message"]["parent_user_id"] == "U0ANN"


async def test_every_ts_is_new_and_has_six_decimals_even_when_the_clock_stands_still():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    async with SlackSimulator(now=lambda: moment) as slack:
        stamps = [slack.say("ann", str(number)).ts for number in range(50)]

    assert len(set(stamps)) == 50
    assert stamps == sorted(stamps)
    assert {len(ts.split(".")[1]) for ts in stamps} == {6}


async def test_slack_escapes_what_an_app_left_bare_and_links_addresses(
    slack: SlackSimulator, client: AsyncWebClient
):
    await client.chat_postMessage(
        channel="U0ANN", text="a & b &lt; <@U0BOB> see https://example.com/?a=1&b=2."
    )

    text = slack.messages()[0]["text"]
    assert text == "a &amp; b &lt; <@U0BOB> see <https://example.com/?a=1&amp;b=2>."


async def test_too_long_a_text_is_cut_when_posted_and_refused_when_updated(
    slack: SlackSimulator, client: AsyncWebClient
):
    posted = await client.chat_postMessage(channel="U0ANN", text="x" * 40_001)

    assert posted["warning"] == "message_truncated"
    assert len(slack.messages()[0]["text"]) == 40_000
    update = client.chat_update(channel=posted["channel"], ts=posted["ts"], text="é" * 2_001)
    assert await refusal(update) == "msg_too_long"
    markdown = client.chat_postMessage(channel="U0ANN", markdown_text="x" * 12_001)
    assert await refusal(markdown) == "msg_too_long"


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(**fields: Any) -> dict[str, Any]:
    element = {"type": "button", "text": {"type": "plain_text", "text": "OK"}, "action_id": "a", **fields}
    return {"type": "actions", "elements": [element]}


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([section("x" * 3_001)], "invalid_blocks"),
        ([section("x")] * 51, "invalid_blocks"),
        ([section("x" * 3_000)] * 5, "msg_blocks_too_long"),
        ([{"type": "nonsense"}], "invalid_blocks"),
        ([button(text={"type": "plain_text", "text": "x" * 76})], "invalid_blocks"),
        ([button(value="x" * 2_001)], "invalid_blocks"),
        ([{"type": "actions", "elements": button()["elements"] * 26}], "invalid_blocks"),
        (["not a block"], "invalid_blocks_format"),
    ],
)
async def test_blocks_over_a_limit_are_refused(client: AsyncWebClient, blocks: Any, error: str):
    assert await refusal(client.chat_postMessage(channel="U0ANN", text="t", blocks=blocks)) == error


async def test_blocks_at_the_limit_pass(slack: SlackSimulator, client: AsyncWebClient):
    blocks = [section("x" * 3_000)] * 4 + [button(value="y" * 2_000)]

    await client.chat_postMessage(channel="U0ANN", text="t", blocks=blocks)

    assert all(block["block_id"] for block in slack.messages()[0]["blocks"])


async def test_posting_where_the_bot_is_not_names_the_reason(slack: SlackSimulator, client: AsyncWebClient):
    assert await refusal(client.chat_postMessage(channel="C0NOWHERE", text="hi")) == "channel_not_found"
    assert await refusal(client.chat_postMessage(channel="C0LOUNGE", text="hi")) == "not_in_channel"
    assert (await raw(slack, "chat.postMessage", json={"channel": "C0GENERAL"}))["error"] == "no_text"
    thread = client.chat_postMessage(channel="C0GENERAL", text="hi", thread_ts="1.000001")
    assert await refusal(thread) == "thread_not_found"


async def test_an_update_and_a_deletion_touch_only_the_bots_own_messages(
    slack: SlackSimulator, client: AsyncWebClient
):
    said = slack.say("ann", "mine")
    posted = await client.chat_postMessage(channel=said.channel, text="first")

    await client.chat_update(channel=said.channel, ts=posted["ts"], text="second")
    await client.chat_delete(channel=said.channel, ts=posted["ts"])

    (sent,) = slack.messages()
    assert (sent["text"], sent["deleted"], sent["edited"]["user"]) == ("second", True, "B0BOT")
    assert await refusal(client.chat_delete(channel=said.channel, ts=said.ts)) == "cant_delete_message"
    assert (
        await refusal(client.chat_update(channel=said.channel, ts=said.ts, text="x")) == "cant_update_message"
    )
    assert await refusal(client.chat_delete(channel=said.channel, ts=posted["ts"])) == "message_not_found"


async def test_history_shows_roots_newest_first_and_pages_through_all(
    slack: SlackSimulator, client: AsyncWebClient
):
    roots = [slack.say("ann", f"root {number}", "general") for number in range(5)]
    slack.say("bob", "a reply", "general", roots[0].ts)

    first = await client.conversations_history(channel="C0GENERAL", limit=3)
    slack.say("ann", "meanwhile", "general")
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel="C0GENERAL", limit=3, cursor=cursor)

    texts = [message["text"] for message in [*first["messages"], *second["messages"]]]
    assert texts == ["root 4", "root 3", "root 2", "root 1", "root 0"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert (second["messages"][-1]["reply_count"], second["messages"][-1]["reply_users"]) == (1, ["U0BOB"])


async def test_replies_start_with_the_root_and_show_metadata_when_asked(
    slack: SlackSimulator, client: AsyncWebClient
):
    root = slack.say("ann", "root", "general")
    metadata = {"event_type": "saywhen", "event_payload": {"outgoing": "o1"}}
    reply = await client.chat_postMessage(
        channel="C0GENERAL", thread_ts=root.ts, text="reply", metadata=metadata
    )
    slack.say("ann", "after", "general", root.ts)

    plain = await client.conversations_replies(channel="C0GENERAL", ts=root.ts)
    full = await client.conversations_replies(channel="C0GENERAL", ts=root.ts, include_all_metadata=True)
    later = await client.conversations_replies(channel="C0GENERAL", ts=root.ts, oldest=reply["ts"])

    assert [message["text"] for message in plain["messages"]] == ["root", "reply", "after"]
    assert "metadata" not in plain["messages"][1]
    assert full["messages"][1]["metadata"] == metadata
    assert [message["text"] for message in later["messages"]] == ["root", "after"]
    nowhere = client.conversations_replies(channel="C0GENERAL", ts="1.000001")
    assert await refusal(nowhere) == "thread_not_found"


async def test_oldest_and_latest_are_exclusive_unless_asked(slack: SlackSimulator, client: AsyncWebClient):
    one, two, three = (slack.say("ann", text) for text in ("one", "two", "three"))
    between: dict[str, Any] = {"channel": "D0ANN", "oldest": one.ts, "latest": three.ts}

    exclusive = await client.conversations_history(**between)
    inclusive = await client.conversations_history(**between, inclusive=True)

    assert [message["ts"] for message in exclusive["messages"]] == [two.ts]
    assert [message["ts"] for message in inclusive["messages"]] == [three.ts, two.ts, one.ts]


async def test_users_have_time_zones_and_the_bot_is_one(client: AsyncWebClient):
    ann = (await client.users_info(user="U0ANN"))["user"]
    everybody = (await client.users_list())["members"]

    assert (ann["name"], ann["tz"], ann["is_bot"]) == ("ann", "Europe/Berlin", False)
    assert ann["tz_offset"] in (3600, 7200)
    assert {user["id"]: user["is_bot"] for user in everybody}["U0BOT"] is True
    assert await refusal(client.users_info(user="U0NOBODY")) == "user_not_found"


async def test_conversations_can_be_opened_described_and_listed(client: AsyncWebClient):
    dm = (await client.conversations_open(users="U0BOB", return_im=True))["channel"]
    general = (await client.conversations_info(channel="C0GENERAL"))["channel"]
    members = (await client.conversations_members(channel="C0GENERAL"))["members"]
    listed = (await client.conversations_list())["channels"]

    assert (dm["id"], dm["user"], dm["is_im"]) == ("D0BOB", "U0BOB", True)
    assert (general["name"], general["is_member"], general["is_private"]) == ("general", True, False)
    assert {"U0ANN", "U0BOB", "U0CAROL", "U0BOT"} <= set(members)
    assert [channel["name"] for channel in listed] == ["general", "lounge", "random"]
    assert (await client.conversations_join(channel="C0LOUNGE"))["channel"]["is_member"]


async def test_a_reaction_can_be_added_once_and_removed(slack: SlackSimulator, client: AsyncWebClient):
    said = slack.say("ann", "look")
    place = {"channel": said.channel, "timestamp": said.ts, "name": "eyes"}

    await client.reactions_add(**place)

    assert await refusal(client.reactions_add(**place)) == "already_reacted"
    assert slack.conversation("ann")[0]["reactions"] == [{"name": "eyes", "users": ["U0BOT"], "count": 1}]
    await client.reactions_remove(**place)
    assert await refusal(client.reactions_remove(**place)) == "no_reaction"


async def test_a_status_lasts_until_the_bot_answers_in_that_thread(
    slack: SlackSimulator, client: AsyncWebClient
):
    said = slack.say("ann", "think")
    await client.assistant_threads_setStatus(
        channel_id=said.channel, thread_ts=said.ts, status="is thinking..."
    )
    shown = dict(slack.workspace.statuses)

    await client.chat_postMessage(channel=said.channel, thread_ts=said.ts, text="done")

    assert shown == {(said.channel, said.ts): "is thinking..."}
    assert slack.workspace.statuses == {}


async def test_an_ephemeral_message_is_seen_by_one_and_in_no_history(
    slack: SlackSimulator, client: AsyncWebClient
):
    await client.chat_postEphemeral(channel="C0GENERAL", user="U0ANN", text="psst")

    history = await client.conversations_history(channel="C0GENERAL")
    assert history["messages"] == []
    assert slack.messages()[0]["ephemeral_to"] == "U0ANN"
    assert slack.events == []


async def test_a_stream_grows_in_place(slack: SlackSimulator, client: AsyncWebClient):
    said = slack.say("ann", "tell me")
    started = await raw(slack, "chat.startStream", json={"channel": said.channel, "thread_ts": said.ts})
    place = {"channel": said.channel, "ts": started["ts"]}

    await raw(slack, "chat.appendStream", json={**place, "markdown_text": "once upon "})
    await raw(slack, "chat.stopStream", json={**place, "markdown_text": "a time"})

    assert slack.messages()[0]["text"] == "once upon a time"
    late = await raw(slack, "chat.appendStream", json={**place, "markdown_text": "!"})
    assert late["error"] == "message_not_in_streaming_state"


# Faults


async def test_a_429_carries_retry_after_and_happens_as_often_as_asked(
    slack: SlackSimulator, client: AsyncWebClient
):
    slack.faults.add("chat.postMessage", "429", times=2, retry_after=7)

    for _ in range(2):
        with pytest.raises(SlackApiError) as error:
            await client.chat_postMessage(channel="U0ANN", text="hi")
        assert error.value.response.status_code == 429
        assert error.value.response.headers["Retry-After"] == "7"

    assert (await client.chat_postMessage(channel="U0ANN", text="hi"))["ok"]
    assert len(slack.messages()) == 1


async def test_a_reset_before_or_after_accepting_differs_in_what_was_posted(
    slack: SlackSimulator, client: AsyncWebClient
):
    slack.faults.add("chat.*", "reset_before_accept")
    slack.faults.add("chat.*", "reset_after_accept")

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="U0ANN", text="lost")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="U0ANN", text="posted")

    assert [message["text"] for message in slack.messages()] == ["posted"]


async def test_a_call_can_hang_fail_or_be_refused_on_request(slack: SlackSimulator):
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, timeout=1, retry_handlers=[])
    slack.faults.add("auth.test", "not_ok:account_inactive")
    slack.faults.add("auth.test", "500")
    slack.faults.add("auth.test", "hang")

    assert await refusal(client.auth_test()) == "account_inactive"
    with pytest.raises(SlackApiError):
        await client.auth_test()
    with pytest.raises(asyncio.TimeoutError):
        await client.auth_test()
    with pytest.raises(ValueError, match="unknown kind of fault"):
        slack.faults.add("auth.test", "explode")
