"""Twilio's calls: only its own are believed, each counts once, and what is not stored is not acknowledged."""

import asyncio
import logging

import pytest

from bot.errors import Overloaded, StoreFull
from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from tests.channels.sms_kit import (
    ANN,
    PUBLIC,
    Inbox,
    call,
    channel_to,
    post,
    text_form,
)

URL = f"{PUBLIC}/webhooks/twilio/sms"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


# ---------------------------------------------------------------- what is taken


async def test_a_text_is_stored_and_answered_with_nothing(inbox: Inbox):
    request = call(text_form("  OK 7K3PWX & <b> +1  "))

    answer = await post(channel_to(), inbox, request)

    assert inbox.texts == ["  OK 7K3PWX & <b> +1  "]
    assert inbox.got[0].raw == request.body
    assert (answer.status, answer.body, answer.content_type) == (200, "<Response/>", "text/xml")


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "a=b&c=d",
        "%41",
        "ünïcödé 👋",
        "a\nb\r\nc",
        "\x00",
        "x" * 1600,
        "From" + ANN,
        "MessageSid",
        "bot",
    ],
)
async def test_any_text_of_twilios_is_taken_untrimmed(inbox: Inbox, body: str):
    answer = await post(channel_to(), inbox, call(text_form(body)))

    assert (answer.status, inbox.texts) == (200, [body])


async def test_fields_that_nobody_knows_are_signed_and_ignored(inbox: Inbox):
    form = [*text_form(), ("Zebra", ""), ("Zebra", "1"), ("Zebra", "1"), ("ChannelMetadata", '{"a": 1}')]

    assert (await post(channel_to(), inbox, call(form))).status == 200
    assert inbox.texts == ["hi"]


async def test_attachments_name_their_place_at_twilio(inbox: Inbox):
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/MM{'1' * 32}/Media/ME{'2' * 32}"
    media = {"NumMedia": "2", "MediaUrl0": f"https://api.twilio.com{path}", "MediaContentType0": "image/png",
             "MediaUrl1": "http://169.254.169.254/secret", "MediaContentType1": "text/html"}  # fmt: skip

    await post(channel_to(), inbox, call(text_form("", **media)))

    blocks = inbox.got[0].data.blocks
    assert [(b.kind, b.name, b.ref) for b in blocks] == [
        ("image", "image/png", path),
        ("file", "text/html", ""),
    ]


async def test_a_stop_is_obeyed_and_is_no_message(inbox: Inbox):
    await post(channel_to(), inbox, call(text_form("Stop", OptOutType="STOP")))

    assert inbox.stops == [f"sms:{ANN}"]
    assert inbox.contacts == [(ANN, False)]
    assert inbox.texts == []


# ---------------------------------------------------------------- acknowledged only once stored


@pytest.mark.parametrize("error", [StoreFull(), Overloaded()])
async def test_what_is_not_stored_comes_again(inbox: Inbox, error: Exception):
    channel = channel_to()
    inbox.errors.append(error)

    answers = [(await post(channel, inbox, call(text_form()))).status for _ in range(2)]

    assert answers == [503, 200]
    assert inbox.texts == ["hi"]


async def test_a_stop_that_was_half_stored_is_finished_by_the_retry(inbox: Inbox):
    channel, seen = channel_to(), []

    async def second_fails(incoming: object) -> object:
        seen.append(incoming)
        if len(seen) == 2:
            raise StoreFull
        return await inbox.receive(incoming)  # type: ignore[arg-type]

    for _ in range(2):
        await channel.webhooks["twilio/sms"](call(text_form("STOP")), second_fails)  # type: ignore[arg-type]

    assert (inbox.stops, inbox.contacts) == ([f"sms:{ANN}"], [(ANN, False)])


async def test_nothing_is_acknowledged_while_the_store_is_busy(inbox: Inbox):
    gate, order = asyncio.Event(), []

    async def slow(incoming: object) -> object:
        await gate.wait()
        order.append("stored")
        return await inbox.receive(incoming)  # type: ignore[arg-type]

    async def twilio() -> None:
        await channel_to().webhooks["twilio/sms"](call(text_form()), slow)  # type: ignore[arg-type]
        order.append("answered")

    async with asyncio.TaskGroup() as group:
        group.create_task(twilio())
        gate.set()

    assert order == ["stored", "answered"]


# ---------------------------------------------------------------- the same again (W01, W03)


async def test_copies_count_once_also_at_the_same_time(inbox: Inbox):
    channel = channel_to()

    answers = await asyncio.gather(*(post(channel, inbox, call(text_form())) for _ in range(50)))

    assert {answer.status for answer in answers} == {200}
    assert len(inbox.got) == 1


async def test_a_replay_years_later_has_no_effect(inbox: Inbox):
    request = call(text_form("OK 7K3PWX"))
    for channel in (channel_to(), channel_to()):  # another process
        assert (await post(channel, inbox, request)).status == 200

    assert len(inbox.got) == 1


# ---------------------------------------------------------------- addresses (W09)


@pytest.mark.parametrize(
    "signed_url",
    [
        URL.replace("https", "http"),
        URL + "/",
        URL.replace("/webhooks", "/bot/webhooks"),
        URL.replace("bot.", "evil."),
        URL.replace("example.org", "example.org:8000"),
        "http://127.0.0.1:8000/webhooks/twilio/sms",
        URL + "#rc=5&rp=all",
    ],
)
async def test_only_the_configured_address_counts_whatever_the_request_says(
    inbox: Inbox, signed_url: str, caplog: pytest.LogCaptureFixture
):
    host = signed_url.split("/")[2]
    headers = {"host": host, "x-forwarded-host": host, "x-forwarded-proto": signed_url.partition(":")[0]}

    with caplog.at_level(logging.WARNING):
        answer = await post(channel_to(), inbox, call(text_form(), signed_url=signed_url, headers=headers))

    assert (answer.status, inbox.got) == (403, [])
    assert URL in caplog.text
    assert host in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "evil.example", "bot.example.org\r\nX: y", ""])
async def test_a_proxy_may_say_what_it_likes(inbox: Inbox, host: str):
    headers = {"host": host, "x-forwarded-host": host, "x-forwarded-proto": "http", "x-forwarded-port": "80"}

    assert (await post(channel_to(), inbox, call(text_form(), headers=headers))).status == 200


@pytest.mark.parametrize(
    "public_url", ["https://bot.example.org/", "https://bot.example.org:443", "https://example.org/bot"]
)
@pytest.mark.parametrize("port", ["", ":443"])
async def test_twilio_signs_with_or_without_the_port(inbox: Inbox, public_url: str, port: str):
    url = public_url.rstrip("/").replace(":443", "") + "/webhooks/twilio/sms"
    signed = url.replace(".org", f".org{port}")

    answer = await post(channel_to(public_url=public_url), inbox, call(text_form(), signed_url=signed))

    assert answer.status == 200


async def test_a_refusal_writes_one_line_without_secrets(inbox: Inbox, caplog: pytest.LogCaptureFixture):
    request = call(text_form("my secret"), signature="bad", headers={"host": "a\nforged line"})

    with caplog.at_level(logging.DEBUG):
        await post(channel_to(), inbox, request)

    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    for secret in (AUTH_TOKEN, "my secret", ANN):
        assert secret not in caplog.text
