"""/sim/discord: scripts make people act, see what came of it, and are told what they got wrong."""

import asyncio
import base64
from typing import Any

import aiohttp
import pytest

from simulators.discord import DiscordSimulator
from tests.simulators.discord_kit import BOB, GENERAL, UNLIMITED, connected, hand, line


async def test_a_conversation_by_script():
    async with DiscordSimulator() as simulator, connected(simulator) as bot, hand(simulator) as script:
        said = await script.control("say", {"from": "ann", "text": "hello"})
        await simulator.until(lambda: bot.heard)
        await bot.heard[0].reply("hi ann")
        listed = await script.control("messages?to=ann")
        sent = await script.control("messages?from=ann&channel=dm")

    assert said.body["ok"] is True
    (answer,), (question,) = listed.body["messages"], sent.body["messages"]
    assert (answer["text"], answer["from"], answer["channel_name"]) == ("hi ann", "saywhen", "dm:ann")
    assert answer["reference"] == question["id"] == said.body["id"]
    assert answer["channel"] == said.body["channel"]
    assert answer["allowed_mentions"] == {"parse": []}
    assert answer["mentions"] == []


async def test_what_people_do_has_a_call_each():
    async with DiscordSimulator() as simulator, hand(simulator) as script:
        file = {"name": "a.txt", "content_base64": base64.b64encode(b"text").decode()}
        said = await script.control(
            "say",
            {"from": "bob", "text": "see https://example.org", "channel": "general", "files": [file]},
        )
        message = said.body["id"]
        await script.control("unfurl", {"message": message})
        await script.control("edit", {"message": message, "text": "look"})
        await script.control("react", {"from": "ann", "message": message, "emoji": "👍"})
        reply = await script.control(
            "say",
            {"from": "ann", "text": "nice", "channel": "general", "reply_to": message, "mention": False},
        )
        thread = await script.control("thread", {"from": "bob", "message": message, "name": "topic"})
        inside = await script.control("say", {"from": "bob", "text": "inside", "channel": "topic"})
        (shown, answer, _, last) = (await script.control("messages")).body["messages"]
        gone = await script.control("delete", {"message": reply.body["id"]})
        left = await script.control("messages?channel=general")

    assert said.body["text"].startswith("<@")
    assert (shown["text"], shown["attachments"][0]["content_type"]) == ("look", "text/plain; charset=utf-8")
    assert (shown["embeds"][0]["url"], shown["reactions"]) == (
        "https://example.org",
        {"👍": [200000000000000101]},
    )
    assert (answer["text"], answer["reference"]) == ("nice", message)
    assert shown["thread"] == thread.body["channel"] == inside.body["channel"] == last["channel"]
    assert gone.body["ok"] is True
    assert [each["id"] for each in left.body["messages"]] == [message]


async def test_strangers_and_other_bots_can_write():
    async with DiscordSimulator() as simulator, line(simulator) as gateway, hand(simulator) as script:
        await gateway.identify()
        await script.control("say", {"from": "200000000000000999", "text": "who am I?"})
        await script.control(
            "say", {"from": "200000000000000998", "text": "beep", "channel": "general", "bot": True}
        )
        stranger = (await gateway.until(event="MESSAGE_CREATE"))["d"]["author"]
        robot = (await gateway.until(event="MESSAGE_CREATE"))["d"]["author"]

    assert (stranger["id"], stranger.get("bot", False)) == ("200000000000000999", False)
    assert (robot["id"], robot["bot"]) == ("200000000000000998", True)


async def test_buttons_commands_and_forms_by_script():
    async with (
        DiscordSimulator(config=UNLIMITED) as simulator,
        line(simulator) as gateway,
        hand(simulator) as script,
    ):
        await gateway.identify()
        row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
        sent = await script.send(GENERAL, "?", components=[row])
        press = asyncio.create_task(
            script.control("press", {"from": "ann", "message": sent.body["id"], "button": "Go"})
        )
        told = (await gateway.until(event="INTERACTION_CREATE"))["d"]
        text = {"type": 4, "custom_id": "why", "label": "Why", "style": 1}
        modal = {"title": "T", "custom_id": "t", "components": [{"type": 1, "components": [text]}]}
        path = f"/interactions/{told['id']}/{told['token']}/callback"
        await script.call("POST", path, {"type": 9, "data": modal})
        pressed = await press
        forms = await script.control("forms")
        await script.control("close", {"from": "ann"})
        closed = await script.control("submit", {"from": "ann", "fields": {"Why": "x"}})
        unknown = await script.control("slash", {"from": "ann", "command": "/ask"})

    assert (pressed.body["ok"], pressed.body["response"], pressed.body["error"]) == (True, 9, None)
    assert forms.body["forms"] == [{"from": "ann", "form": modal}]
    assert (closed.status, closed.body["error"]) == (400, "no form is open for ann")
    assert unknown.body["error"] == "the app has no command /ask here; it has none at all"


async def test_a_press_that_nobody_answers_has_failed():
    async with DiscordSimulator(time_scale=0.02) as simulator, hand(simulator) as script:
        row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
        sent = await script.send(GENERAL, "?", components=[row])
        pressed = await script.control("press", {"from": "ann", "message": sent.body["id"], "button": "go"})

    assert pressed.status == 200
    assert (pressed.body["ok"], pressed.body["error"]) == (False, "the app did not respond in time")


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("say", {"from": "ann"}, 400, "a message has a text or files"),
        ("say", {"from": "dora", "text": "x"}, 400, "nobody on Discord is called 'dora'"),
        ("say", {"from": "400000000000000001", "text": "x"}, 400, "is the bot itself"),
        ("say", {"from": "ann", "text": "x", "channel": "lounge"}, 400, "no channel, thread or DM 'lounge'"),
        ("say", {"from": "ann", "text": "x", "channel": "bob"}, 400, "ann is not in the DM of bob"),
        ("say", {"from": "ann", "text": "x" * 2_001}, 400, "at most 2000 characters, not 2001"),
        ("say", {"from": "ann", "text": "x", "reply_to": "1"}, 400, "no message '1'"),
        ("say", {"from": "ann", "txt": "x"}, 422, "this call takes other fields"),
        ("say", {"from": "ann", "files": [{"name": "a", "content_base64": "!"}]}, 400, "is not base64"),
        ("edit", {"message": "1", "text": "x"}, 400, "no message '1'"),
        ("unfurl", {"message": "1"}, 400, "no message '1'"),
        ("faults", {"kind": "error"}, 400, "error needs a code"),
        ("faults", {"kind": "flood"}, 422, "this call takes other fields"),
        ("gateway", {"action": "explode"}, 422, "this call takes other fields"),
        ("permissions", {"denied": ["fly"]}, 422, "this call takes other fields"),
    ],
)
async def test_a_call_that_makes_no_sense_says_why(path: str, body: Any, status: int, error: str):
    async with DiscordSimulator() as simulator, hand(simulator) as script:
        answer = await script.control(path, body)

    assert answer.status == status
    assert answer.body["ok"] is False
    assert error in answer.body["error"]


async def test_people_cannot_change_what_the_bot_wrote():
    async with DiscordSimulator() as simulator, hand(simulator) as script:
        sent = await script.send(GENERAL, "mine")
        answer = await script.control("edit", {"message": sent.body["id"], "text": "x"})

    assert "is the bot's" in answer.body["error"]


async def test_faults_switches_and_what_was_counted():
    async with DiscordSimulator() as simulator, line(simulator) as gateway, hand(simulator) as script:
        await gateway.identify()
        added = await script.control("faults", {"kind": "500", "on": "typing"})
        failed = await script.call("POST", f"/channels/{GENERAL}/typing")
        typed = await script.call("POST", f"/channels/{GENERAL}/typing")
        await script.control("gateway", {"action": "intents", "granted": []})
        await script.send(GENERAL, f"<@{BOB}>")
        pings, requests = await script.control("pings"), await script.control("requests")
        stats, messages = await script.control("stats"), await script.control("messages")
        deaf = await script.control("gateway", {"action": "deaf"})
        await script.control("gateway", {"action": "reset_token"})
        reset = await script.send(GENERAL, "x")
        await script.control("gateway", {"action": "drop"})

    assert [fault["kind"] for fault in added.body["faults"]] == ["500"]
    assert (failed.status, typed.status) == (500, 204)
    assert [ping["pinged"] for ping in pings.body["pings"]] == [[f"user {BOB}"]]
    assert [each["operation"] for each in requests.body["requests"]] == ["typing", "typing", "send"]
    assert (stats.body["identifies"], stats.body["connections"], stats.body["typing_posts"]) == (1, 1, 1)
    assert messages.body["typing"] == [GENERAL]
    assert deaf.body == {"ok": True, "connections": 1}
    assert reset.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_only_this_machine_and_its_own_page_may_use_it(headers: dict[str, str], status: int):
    async with DiscordSimulator() as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.base_url}/sim/discord/say"
        body = b'{"from": "ann", "text": "x"}'
        given = {"Content-Type": "application/json", **headers}
        async with session.post(url, data=body, headers=given) as response:
            answer = response.status

        assert answer == status
        assert simulator.messages() == []
