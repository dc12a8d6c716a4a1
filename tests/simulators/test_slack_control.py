"""The control API: how a script makes simulated people act, and who may call it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.slack import SlackSimulator


class Control:
    def __init__(self, slack: SlackSimulator) -> None:
        self.slack = slack

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        request = options or {"json": body}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.slack.base_url}/sim/slack/{path}", **request) as response,
        ):
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.slack.base_url}/sim/slack/{path}", **options) as response,
        ):
            return response.status, json.loads(await response.text() or "null")


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    async with SlackSimulator() as slack:
        yield Control(slack)


async def post_as_bot(control: Control, **body: Any) -> str:
    headers = {"Authorization": "Bearer xoxb-demo"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(control.slack.api_url + "chat.postMessage", json=body) as response,
    ):
        answer = await response.json()
        assert answer["ok"], answer
        return str(answer["ts"])


async def test_say_without_a_channel_is_a_direct_message(control: Control):
    status, answer = await control.post("say", {"from": "ann", "text": "hello"})

    assert status == 200
    assert answer["ok"]
    assert answer["channel"] == "D0ANN"
    assert answer["event_id"] == control.slack.events[0]["event_id"]
    assert control.slack.events[0]["event"]["ts"] == answer["ts"]


@pytest.mark.parametrize("channel", ["general", "#general", "C0GENERAL"])
async def test_say_takes_a_channel_by_name_or_id(control: Control, channel: str):
    _, answer = await control.post("say", {"from": "bob", "text": "hi", "channel": channel})

    assert answer["channel"] == "C0GENERAL"


async def test_say_takes_a_stranger_by_user_id(control: Control):
    _, answer = await control.post("say", {"from": "U0STRANGER", "text": "let me in"})

    assert answer["channel"] == "D0STRANGER"
    assert control.slack.events[0]["event"]["user"] == "U0STRANGER"


async def test_say_in_a_thread_is_a_reply(control: Control):
    _, root = await control.post("say", {"from": "ann", "text": "root", "channel": "general"})
    await control.post("say", {"from": "bob", "text": "reply", "channel": "general", "thread": root["ts"]})

    event = control.slack.events[-1]["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (root["ts"], "U0ANN")


@pytest.mark.parametrize(
    ("body", "status", "mentions"),
    [
        ({"from": "nobody", "text": "x"}, 400, ["nobody", "ann", "carol"]),
        ({"from": "ann", "text": "x", "channel": "nowhere"}, 400, ["nowhere", "general"]),
        ({"from": "ann", "text": "x", "thread": "1.000001"}, 400, ["1.000001"]),
        ({"from": "U0BOT", "text": "x"}, 400, ["bot itself"]),
        ({"text": "x"}, 422, ["from", "channel"]),
        ({"from": "ann", "text": ""}, 422, ["text"]),
        ({"from": "ann", "text": "x", "chanel": "general"}, 422, ["chanel", "channel"]),
        ("ann", 422, ["from"]),
    ],
)
async def test_a_call_that_cannot_work_says_what_was_found_and_what_is_allowed(
    control: Control, body: Any, status: int, mentions: list[str]
):
    found, answer = await control.post("say", body)

    assert found == status
    assert answer["ok"] is False
    assert all(word in json.dumps(answer) for word in mentions)
    assert control.slack.events == []


async def test_a_thread_of_another_channel_is_named(control: Control):
    _, root = await control.post("say", {"from": "ann", "text": "root", "channel": "general"})

    status, answer = await control.post("say", {"from": "ann", "text": "reply", "thread": root["ts"]})

    assert status == 400
    assert "it is in general" in answer["error"]


async def test_messages_lists_what_the_bot_sent_oldest_first(control: Control):
    _, said = await control.post("say", {"from": "ann", "text": "hello"})
    await post_as_bot(control, channel=said["channel"], text="one", thread_ts=said["ts"])
    await post_as_bot(control, channel="C0GENERAL", text="two", unfurl_links=False)

    _, everything = await control.get("messages")
    _, in_general = await control.get("messages?channel=general")
    _, in_thread = await control.get("messages", params={"channel": "ann", "thread": said["ts"]})

    assert [(message["to"], message["text"]) for message in everything] == [
        ("ann", "one"),
        ("general", "two"),
    ]
    assert [message["text"] for message in in_general] == ["two"]
    assert [message["text"] for message in in_thread] == ["one"]
    assert in_general[0]["unfurl_links"] is False


async def test_conversation_shows_everybodys_messages(control: Control):
    await control.post("say", {"from": "ann", "text": "hello", "channel": "general"})
    await post_as_bot(control, channel="C0GENERAL", text="hi")

    _, found = await control.get("conversation?channel=general")
    missing, _ = await control.get("conversation")

    assert [(message["from"], message["text"]) for message in found] == [("ann", "hello"), ("saywhen", "hi")]
    assert missing == 400


async def test_people_edit_and_delete_their_messages(control: Control):
    _, said = await control.post("say", {"from": "ann", "text": "helo"})
    place = {"channel": said["channel"], "ts": said["ts"]}

    _, edited = await control.post("edit", {**place, "text": "hello"})
    _, same = await control.post("edit", {**place, "text": "hello"})
    _, deleted = await control.post("delete", place)
    status, _ = await control.post("delete", place)

    subtypes = [payload["event"].get("subtype") for payload in control.slack.events]
    assert subtypes == [None, "message_changed", "message_deleted"]
    assert (edited["ok"], same["event_id"], deleted["ok"], status) == (True, None, True, 400)


async def test_faults_and_the_sockets_are_driven_over_http(control: Control):
    unknown, refused = await control.post("faults", {"method": "chat.*", "kind": "explode"})
    _, added = await control.post("faults", {"method": "chat.*", "kind": "429", "times": 3, "retry_after": 9})
    _, cleared = await control.post("faults/clear", {})
    _, withheld = await control.post("socket", {"action": "withhold_pongs"})
    wrong, _ = await control.post("socket", {"action": "explode"})

    assert (unknown, wrong) == (400, 422)
    assert "reset_after_accept" in refused["allowed"]
    assert added["faults"] == [{"method": "chat.*", "kind": "429", "times": 3, "retry_after": 9}]
    assert (cleared["faults"], withheld["ok"]) == ([], True)
    assert not control.slack.sockets.answers_pings


async def test_stats_count_what_happened(control: Control):
    await control.post("say", {"from": "ann", "text": "hello"})
    await post_as_bot(control, channel="U0ANN", text="hi")

    _, stats = await control.get("stats")

    assert stats["posts"] == {"chat.postMessage": 1}
    assert (stats["events"], stats["pending"], stats["connections"], stats["acks"]) == (2, 2, 0, 0)


async def test_an_unknown_event_cannot_be_redelivered(control: Control):
    status, answer = await control.post("redeliver", {"event_id": "Ev0NONE"})

    assert (status, answer["error"]) == (400, "no event 'Ev0NONE'")


async def test_only_json_from_this_machine_and_this_origin_is_taken(control: Control):
    body = json.dumps({"from": "ann", "text": "hello"})
    host = control.slack.base_url.removeprefix("http://")
    json_type = {"Content-Type": "application/json"}

    form, _ = await control.post("say", data=body, headers={"Content-Type": "text/plain"})
    foreign, _ = await control.post("say", data=body, headers={**json_type, "Origin": "https://evil.example"})
    rebound, _ = await control.post("say", data=body, headers={**json_type, "Host": "evil.example"})
    reading, _ = await control.get("messages", headers={"Host": "evil.example"})
    own, _ = await control.post("say", data=body, headers={**json_type, "Origin": f"http://{host}"})

    assert (form, foreign, rebound, reading, own) == (415, 403, 403, 403, 200)
    assert len(control.slack.events) == 1
