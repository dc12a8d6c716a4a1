"""The control API for phones: how a script texts, looks and asks for failures, and who may."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulators.twilio import NUMBER, TwilioSimulator
from tests.simulators.twilio_kit import ANN, BOB, app, get, post, sdk, send


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator() as found:
        yield found


async def test_say_is_a_text_from_a_person_by_name(twilio: TwilioSimulator):
    status, answer = await post(twilio, "say", {"from": "ann", "text": "hello"})

    assert (status, answer["ok"], answer["from"], answer["to"]) == (200, True, ANN, NUMBER)
    _, found = await get(twilio, "messages")
    (message,) = found["messages"]
    assert message.pop("time").endswith("+00:00")
    assert message == {
        "sid": answer["sid"],
        "from": ANN,
        "to": NUMBER,
        "text": "hello",
        "direction": "inbound",
        "status": "received",
        "segments": 1,
        "error_code": None,
        "media": [],
    }


async def test_say_takes_any_number_and_media(twilio: TwilioSimulator):
    picture = {"content_type": "image/png", "base64": base64.b64encode(b"PNG").decode()}

    _, answer = await post(twilio, "say", {"from": "+4915112345678", "to": NUMBER, "media": [picture]})

    assert answer["sid"].startswith("MM")
    assert twilio.messages()[0]["media"] == ["image/png"]


async def test_messages_are_oldest_first_and_found_by_name_or_number(twilio: TwilioSimulator):
    async with sdk(twilio) as client:
        await post(twilio, "say", {"from": "ann", "text": "one"})
        await send(client, "two")
        await send(client, "three", to=BOB)

    async def texts(query: str) -> list[str]:
        _, found = await get(twilio, f"messages{query}")
        return [message["text"] for message in found["messages"]]

    assert await texts("") == ["one", "two", "three"]
    assert await texts("?to=ann") == ["two"]
    assert await texts("?to=+15550100002") == ["three"]
    assert await texts("?to=%2B15550100002") == ["three"]
    assert await texts("?from=ann") == ["one"]
    assert await texts("?to=bob&from=%2B15550100000") == ["three"]
    assert await texts("?to=ann&from=bob") == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"from": "zoe", "text": "x"}, 400, "nobody with a phone is called 'zoe'"),
        ({"from": "ann", "text": ""}, 400, "a message has a text or media"),
        ({"from": "ann", "text": "x" * 1_601}, 400, "at most 1600 characters, not 1601"),
        ({"from": "ann", "text": "x", "to": "+15550109999"}, 400, "only +15550100000 can be texted"),
        ({"from": NUMBER, "text": "x"}, 400, "the app's own number"),
        ({"text": "x"}, 422, "this call takes other fields"),
        ({"from": "ann", "text": "x", "thread": "1"}, 422, "this call takes other fields"),
        ({"from": "ann", "media": [{"content_type": "image/png", "base64": "%"}]}, 400, "not base64"),
    ],
)
async def test_a_wrong_say_is_told_what_is_allowed(
    twilio: TwilioSimulator, body: dict[str, Any], status: int, says: str
):
    found, answer = await post(twilio, "say", body)

    assert (found, answer["ok"]) == (status, False)
    assert says in answer["error"]
    assert answer["allowed"] or answer["found"]


async def test_an_unknown_name_is_answered_with_the_people_there_are(twilio: TwilioSimulator):
    _, answer = await get(twilio, "messages?to=zoe")

    assert answer["allowed"]["from"][:3] == ["ann", "bob", "carol"]


async def test_a_webhook_is_set_shown_and_taken_away(twilio: TwilioSimulator):
    async with app() as bot:
        status, answer = await post(twilio, "webhook", {"url": bot.url, "status_url": f"{bot.url}/status"})
        await post(twilio, "say", {"from": "ann", "text": "posted"})
        await twilio.until(lambda: bot.calls)
        await post(twilio, "webhook", {"url": ""})
        await post(twilio, "say", {"from": "ann", "text": "kept"})
        _, posts = await get(twilio, "posts")
        _, shown = await get(twilio, "webhook")

    assert (status, answer) == (200, {"ok": True, "url": bot.url, "status_url": f"{bot.url}/status"})
    assert [each["form"]["Body"] for each in posts["posts"]] == ["posted"]
    assert (posts["posts"][0]["url"], posts["posts"][0]["kind"]) == (bot.url, "message")
    assert (shown["url"], shown["status_url"]) == ("", f"{bot.url}/status")


@pytest.mark.parametrize("url", ["ftp://h/x", "bot.example/sms", "http://", "http://[", "http://h:99999/"])
async def test_a_webhook_is_a_web_address(twilio: TwilioSimulator, url: str):
    status, answer = await post(twilio, "webhook", {"url": url})

    assert (status, answer["found"]) == (400, url)


async def test_a_redelivery_says_how_many_copies_were_taken(twilio: TwilioSimulator):
    async with app() as bot:
        await post(twilio, "webhook", {"url": bot.url})
        _, said = await post(twilio, "say", {"from": "ann", "text": "again"})
        await twilio.until(lambda: bot.calls)

        _, answer = await post(twilio, "redeliver", {"sid": said["sid"], "times": 2})

    assert (answer["ok"], answer["taken"], len(bot.calls)) == (True, 2, 3)


async def test_redelivering_what_was_never_posted_is_refused(twilio: TwilioSimulator):
    _, said = await post(twilio, "say", {"from": "ann", "text": "kept"})

    status, answer = await post(twilio, "redeliver", {"sid": said["sid"]})

    assert status == 400
    assert "was posted to a webhook" in answer["error"]


async def test_faults_are_asked_for_shown_and_cleared(twilio: TwilioSimulator):
    _, added = await post(twilio, "faults", {"kind": "undelivered", "code": 30034, "times": 2})
    await post(twilio, "faults", {"kind": "statuses", "statuses": ["sent", "sent"]})
    _, shown = await get(twilio, "faults")
    _, cleared = await post(twilio, "faults/clear", {})

    fault = {"kind": "undelivered", "on": "send", "times": 2, "code": 30034, "retry_after": 1, "statuses": []}
    assert added == {"ok": True, "faults": [fault]}
    assert [each["kind"] for each in shown["faults"]] == ["undelivered", "statuses"]
    assert cleared == {"ok": True, "faults": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "explode"}, 422),
        ({"kind": "error"}, 400),
        ({"kind": "error", "code": 7}, 422),
        ({"kind": "statuses"}, 400),
        ({"kind": "statuses", "statuses": ["eaten"]}, 422),
        ({"kind": "failed", "on": "list"}, 400),
        ({"kind": "429", "times": 0}, 422),
    ],
)
async def test_a_fault_that_cannot_happen_is_refused(
    twilio: TwilioSimulator, body: dict[str, Any], status: int
):
    found, answer = await post(twilio, "faults", body)

    assert (found, answer["ok"]) == (status, False)
    assert answer["found"]


async def test_other_hosts_other_origins_and_other_content_types_are_refused(twilio: TwilioSimulator):
    say = {"from": "ann", "text": "x"}

    foreign_host, _ = await post(twilio, "say", None, json=say, headers={"Host": "evil.example"})
    foreign_origin, _ = await post(twilio, "say", None, json=say, headers={"Origin": "https://evil.example"})
    form, _ = await post(twilio, "say", None, data=say)
    looking, _ = await get(twilio, "messages", headers={"Host": "evil.example"})

    assert (foreign_host, foreign_origin, form, looking) == (403, 403, 415, 403)
    assert twilio.messages() == []
