"""The simulated REST API, asked by Twilio's own SDK."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from simulators.twilio import ACCOUNT_SID, NUMBER, TwilioSimulator
from simulators.twilio.faults import Fault
from simulators.twilio.network import Picture
from tests.simulators.twilio_kit import ANN, BOB, CREDENTIALS, sdk, send

RECORDED = Path(__file__).parents[1] / "payloads" / "twilio" / "messages_resource_examples.json"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


async def raw(twilio: TwilioSimulator, path: str, **options: Any) -> tuple[int, Any]:
    url = f"{twilio.api_url}/2010-04-01/Accounts/{ACCOUNT_SID}/{path}"
    async with aiohttp.ClientSession(headers=CREDENTIALS) as session, session.get(url, **options) as response:
        return response.status, await response.json()


def recorded(name: str) -> dict[str, Any]:
    examples: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text())
    return next(example for title, example in examples.items() if title.endswith(name))


async def test_a_sent_message_is_queued_then_delivered_and_reaches_the_phone():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        sent = await send(client, "hello")
        await twilio.until(lambda: not twilio.state.messages_under_way())
        fetched = await client.messages(sent.sid).fetch_async()
        on_phone = twilio.messages(to="ann")

    assert (sent.status, sent.direction, sent.from_, sent.to) == ("queued", "outbound-api", NUMBER, ANN)
    assert (sent.num_segments, sent.num_media, sent.error_code) == ("1", "0", None)
    assert fetched.status == "delivered"
    assert fetched.date_sent is not None
    assert [message["text"] for message in on_phone] == ["hello"]


async def test_a_message_has_the_fields_of_a_recorded_one():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        await send(client)

        _, page = await raw(twilio, "Messages.json?PageSize=1")

    example = recorded("readFullPage1")
    assert page.keys() == example.keys()
    assert page["messages"][0].keys() == example["messages"][0].keys()


async def test_media_has_the_fields_of_a_recorded_one():
    async with TwilioSimulator() as twilio:
        message = twilio.say("ann", "look", pictures=[Picture("image/png", b"PNG")])

        _, listed = await raw(twilio, f"Messages/{message.sid}/Media.json")

    example = recorded("readFull")
    assert listed.keys() == example.keys()
    assert listed["media_list"][0].keys() == example["media_list"][0].keys()


@pytest.mark.parametrize(
    ("wrong", "code", "http"),
    [
        ({"to": "12"}, 21211, 400),
        ({"to": "ann"}, 21211, 400),
        ({"to": "+0123456789"}, 21211, 400),
        ({"to": ""}, 21604, 400),
        ({"from_": "+15550109999"}, 21606, 400),
        ({"from_": ""}, 21603, 400),
        ({"to": NUMBER}, 21266, 400),
        ({"body": ""}, 21602, 400),
        ({"body": "x" * 1_601}, 21617, 400),
        ({"status_callback": "not a url"}, 21609, 400),
    ],
)
async def test_a_wrong_request_is_refused_as_twilio_does(wrong: dict[str, str], code: int, http: int):
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        with pytest.raises(TwilioRestException) as refused:
            await send(client, **wrong)

        assert (refused.value.code, refused.value.status) == (code, http)
        assert twilio.messages() == []


async def test_a_body_of_1600_characters_is_accepted():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        assert (await send(client, "x" * 1_600)).num_segments == "11"


async def test_a_wrong_token_gets_twilios_401():
    async with TwilioSimulator() as twilio, sdk(twilio, token="wrong") as client:
        with pytest.raises(TwilioRestException) as refused:
            await send(client)
        with pytest.raises(TwilioException):
            await client.messages.list_async()

    assert (refused.value.status, refused.value.code) == (401, 20003)


@pytest.mark.parametrize("authorization", ["", "Basic !!!", "Bearer demo-token", "Basic bm9jb2xvbg=="])
async def test_anything_but_basic_auth_of_this_account_is_401(authorization: str):
    url_end = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        TwilioSimulator() as twilio,
        aiohttp.ClientSession(headers=headers) as session,
        session.get(twilio.api_url + url_end) as response,
    ):
        answer = await response.json()

    assert response.status == 401
    assert answer == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


async def test_another_account_is_401():
    async with TwilioSimulator() as twilio:
        other = f"{twilio.api_url}/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
        async with aiohttp.ClientSession(headers=CREDENTIALS) as session, session.get(other) as response:
            assert response.status == 401


async def test_what_does_not_exist_is_twilios_404():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        with pytest.raises(TwilioRestException) as refused:
            await client.messages("SM" + "0" * 32).fetch_async()
        status, answer = await raw(twilio, "Calls.json")

    assert (refused.value.status, refused.value.code) == (404, 20404)
    assert (status, answer["code"]) == (404, 20404)


async def test_the_list_has_what_people_texted_for_a_bot_that_polls():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.say("ann", "hello bot")
        await send(client, "hello ann")

        found = await client.messages.list_async(to=NUMBER)

    assert [(m.body, m.direction, m.status, m.from_) for m in found] == [
        ("hello bot", "inbound", "received", ANN)
    ]


async def test_the_list_is_newest_first_and_goes_over_pages():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        for number in range(7):
            twilio.say("ann", str(number))

        found = await client.messages.list_async(to=NUMBER, page_size=3)
        some = await client.messages.list_async(to=NUMBER, page_size=3, limit=4)

    assert [m.body for m in found] == list("6543210")
    assert [m.body for m in some] == list("6543")


async def test_a_message_that_arrives_while_pages_are_read_changes_none_of_them():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        for number in range(4):
            twilio.say("ann", str(number))
        first = await client.messages.page_async(page_size=2)
        twilio.say("bob", "late")

        second = await first.next_page_async()
        again = await second.previous_page_async()

    assert [m.body for m in first] == ["3", "2"]
    assert [m.body for m in second] == ["1", "0"]
    assert [m.body for m in again] == ["3", "2"]


async def test_the_list_is_filtered_by_sender_and_date():
    clock = Clock()
    async with TwilioSimulator(now=clock) as twilio, sdk(twilio) as client:
        twilio.say("ann", "old")
        clock.at = NOON + timedelta(days=1)
        twilio.say("bob", "new")
        clock.at = NOON + timedelta(days=1, seconds=10)
        twilio.say("ann", "newest")

        async def texts(**filters: Any) -> list[str]:
            return [m.body for m in await client.messages.list_async(**filters)]

        assert await texts(from_=BOB) == ["new"]
        assert await texts(date_sent_after=NOON + timedelta(days=1)) == ["newest", "new"]
        assert await texts(date_sent_after=NOON + timedelta(days=1, seconds=1)) == ["newest"]
        assert await texts(date_sent_before=NOON) == ["old"]
        assert await texts(date_sent_before="2026-05-04") == ["old"]
        assert await texts(date_sent="2026-05-05") == ["newest", "new"]
        assert await texts(date_sent_after=datetime(2026, 6, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize("query", ["DateSent=yesterday", "PageSize=many", "PageToken=PAnothing"])
async def test_a_filter_that_cannot_be_read_is_refused(query: str):
    async with TwilioSimulator() as twilio:
        status, answer = await raw(twilio, f"Messages.json?{query}")

    assert (status, answer["code"]) == (400, 20001)


async def test_media_of_a_text_is_read_with_the_accounts_credentials():
    async with TwilioSimulator() as twilio, sdk(twilio) as client, aiohttp.ClientSession() as session:
        message = twilio.say("ann", "", pictures=[Picture("image/png", b"PNG")])
        (media,) = await client.messages(message.sid).media.list_async()
        url = twilio.api_url + media.uri.removesuffix(".json")
        async with session.get(url) as without, session.get(url, headers=CREDENTIALS) as response:
            content = await response.read()

    assert message.sid.startswith("MM")
    assert without.status == 401
    assert (response.content_type, content) == ("image/png", b"PNG")


async def test_faults_come_once_and_are_what_the_sdk_makes_of_twilios():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("429", retry_after=7))
        twilio.faults.add(Fault("500"))
        twilio.faults.add(Fault("error", code=21614))

        codes = []
        for _ in range(3):
            with pytest.raises(TwilioRestException) as refused:
                await send(client)
            codes.append((refused.value.status, refused.value.code))
        accepted = await send(client)

    assert codes == [(429, 20429), (500, 20500), (400, 21614)]
    assert accepted.sid


async def test_a_reset_after_accepting_has_sent_the_message_all_the_same():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("reset_after_accept"))
        with pytest.raises(aiohttp.ClientError):
            await send(client, "once")

        found = await client.messages.list_async(to=ANN, date_sent_after=datetime(2020, 1, 1, tzinfo=UTC))

    assert [m.body for m in found] == ["once"]


async def test_a_reset_before_accepting_has_sent_nothing():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("reset_before_accept"))
        with pytest.raises(aiohttp.ClientError):
            await send(client)

        assert twilio.messages() == []


async def test_the_list_can_fail_without_touching_sends():
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("500", on="list"))

        await send(client)
        with pytest.raises(TwilioException):
            await client.messages.list_async()
        assert len(await client.messages.list_async()) == 1


@pytest.mark.parametrize("kind", ["undelivered", "failed"])
async def test_a_message_can_be_accepted_and_then_not_arrive(kind: Any):
    async with TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault(kind, code=30034))
        sent = await send(client)
        await twilio.until(lambda: not twilio.state.messages_under_way())

        fetched = await client.messages(sent.sid).fetch_async()

    assert (sent.status, sent.error_code) == ("queued", None)
    assert (fetched.status, fetched.error_code) == (kind, 30034)
    assert "Unregistered" in fetched.error_message
