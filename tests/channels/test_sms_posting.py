"""What is handed to Twilio: once, found again if in doubt, and what each failure means."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.calling import retry_after
from bot.events import Outgoing
from channels.sms.failures import refusal, send_failed
from channels.sms.log import SDK_LOG
from channels.sms.rest import CallFailed
from simulators.twilio import AUTH_TOKEN, NUMBER, TwilioSimulator
from tests.channels.sms_kit import ANN, PUBLIC, answering, channel_to, fail_once, failure, part_to, sent_texts


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(time_scale=0.1) as simulator:
        yield simulator


# ---------------------------------------------------------------- sending


async def test_a_reply_goes_out_as_one_message_of_ours(twilio: TwilioSimulator):
    sid = await channel_to(twilio.api_url).send(part_to(text="**hello** – “you”"))

    (message,) = twilio.messages()
    assert (message["sid"], message["from"], message["to"]) == (sid, NUMBER, ANN)
    assert message["text"] == 'hello - "you"'


@pytest.mark.parametrize("text", ["🎉 +1 & 100% = €5?", "a\nb", "x" * 459, "ж" * 201])
async def test_the_text_arrives_as_it_was_rendered(twilio: TwilioSimulator, text: str):
    await channel_to(twilio.api_url).send(part_to(text=text))

    assert sent_texts(twilio) == [text]


def test_twilio_is_told_where_to_report(twilio: TwilioSimulator):
    body = part_to(outbox_id="0198-a:12:0").body

    assert body["status_callback"] == f"{PUBLIC}/webhooks/twilio/status?o=0198-a:12:0&p=1&n=1"


def test_without_a_public_address_there_is_no_callback():
    (part,) = channel_to(public_url="", inbound="poll").render("t1:4:0", Outgoing(text="hi", destination=ANN))

    assert "status_callback" not in part.body


@pytest.mark.parametrize("to", ["", "12345", "Acme", "15550100001", "+1555010000x", "sms:+15550100001"])
async def test_what_is_no_number_is_not_texted(twilio: TwilioSimulator, to: str):
    failed = await failure(channel_to(twilio.api_url).send(part_to(to)))

    assert (failed.kind, twilio.messages()) == ("final", [])


async def test_a_text_to_somebody_who_opted_out_is_final_and_says_so(twilio: TwilioSimulator):
    twilio.say("ann", "STOP")

    failed = await failure(channel_to(twilio.api_url).send(part_to()))

    assert (failed.kind, failed.unreachable) == ("final", True)
    assert "opted out" in str(failed)


@pytest.mark.parametrize(
    ("code", "unreachable"),
    [(21211, True), (21614, True), (21610, True), (21408, False), (21606, False), (21617, False), (30003, False),
     (21999, False)],
)  # fmt: skip
async def test_what_twilio_will_never_send_is_final(twilio: TwilioSimulator, code: int, unreachable: bool):
    fail_once(twilio, "error", code=code)

    failed = await failure(channel_to(twilio.api_url).send(part_to()))

    assert (failed.kind, failed.unreachable) == ("final", unreachable)
    assert str(code) in str(failed)
    assert sent_texts(twilio) == []


@pytest.mark.parametrize("after", [0, 1, 120, 3600])
async def test_too_fast_waits_as_long_as_twilio_says(twilio: TwilioSimulator, after: int):
    fail_once(twilio, "429", retry_after=after)

    failed = await failure(channel_to(twilio.api_url).send(part_to()))

    assert (failed.kind, failed.retry_after) == ("retry", after)


async def test_twilios_own_failure_is_tried_again(twilio: TwilioSimulator):
    fail_once(twilio, "500")

    assert (await failure(channel_to(twilio.api_url).send(part_to()))).kind == "retry"


async def test_where_nobody_listens_nothing_was_sent():
    failed = await failure(channel_to("http://127.0.0.1:9").send(part_to()))

    assert failed.kind == "retry"


async def test_a_wrong_token_keeps_the_message_and_shows(twilio: TwilioSimulator):
    channel = channel_to(twilio.api_url, auth_token="wrong")

    failed = await failure(channel.send(part_to()))

    assert failed.kind == "retry"
    assert "20003" in str(failed)
    assert channel.health().state == "failing"
    assert "TWILIO_AUTH_TOKEN" in channel.health().detail


# ---------------------------------------------------------------- answers that are not Twilio's


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, "", "unknown"), (201, "{}", "unknown"), (201, "<html>", "unknown"), (201, "[]", "unknown"),
        (201, '{"sid": 5}', "unknown"), (201, "null", "unknown"), (302, "", "unknown"), (500, "<html>", "unknown"),
        (502, "", "unknown"), (504, '{"message": "no"}', "unknown"), (503, "", "retry"), (429, "slow down", "retry"),
        (500, '{"code": 20500}', "retry"), (400, "<html>", "final"), (404, "{}", "final"), (401, "", "retry"),
        (403, '{"code": 20003}', "retry"), (403, '{"code": 21408}', "final"), (403, "", "retry"),
        (400, '{"code": "x"}', "final"),
    ],
)  # fmt: skip
async def test_each_answer_has_its_meaning(status: int, body: str, kind: str):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "http://127.0.0.1:9/"})

    async with answering(answer) as url:
        failed = await failure(channel_to(url).send(part_to()))

    assert failed.kind == kind


@pytest.mark.parametrize("after", ["-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "nan", "inf", ""])
async def test_a_retry_after_without_sense_is_none(after: str):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": after})

    async with answering(answer) as url:
        failed = await failure(channel_to(url).send(part_to()))

    assert (failed.kind, failed.retry_after) == ("retry", None)
    assert retry_after("7") == 7


async def test_nobodys_number_stands_in_the_reason():
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"code": 21699, "message": f"The number {ANN} is odd"}, status=400)

    async with answering(answer) as url:
        failed = await failure(channel_to(url).send(part_to()))

    assert str(failed) == "The number (number) is odd (21699)"


async def test_an_answer_that_drips_is_cut_off():
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with answering(answer) as url:
        failed = await failure(channel_to(url, timeout=0.1).send(part_to()))

    assert failed.kind == "unknown"


async def test_a_request_is_made_once_and_nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture):
    calls = []

    async def answer(request: web.Request) -> web.Response:
        calls.append(request)
        return web.Response(status=503)

    with caplog.at_level(logging.INFO):
        async with answering(answer) as url:
            await failure(channel_to(url).send(part_to(text="my secret")))

    assert len(calls) == 1
    assert not SDK_LOG.isEnabledFor(logging.INFO)
    for secret in ("my secret", AUTH_TOKEN, ANN):
        assert secret not in caplog.text


async def test_a_proxy_is_not_used_for_what_is_local(
    twilio: TwilioSimulator, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert await channel_to(twilio.api_url).send(part_to())


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (CallFailed("", status=401, code=20003), True), (CallFailed("", status=401), True),
        (CallFailed("", status=403), True), (CallFailed("", status=403, code=21408), False),
        (CallFailed("", status=400, code=20005), True), (CallFailed("", status=400, code=21610), False),
        (CallFailed("", status=429, code=20429), False), (CallFailed("", sent=False), False),
    ],
)  # fmt: skip
def test_what_is_about_us_is_not_blamed_on_the_message(error: CallFailed, refused: bool):
    assert (refusal(error) is not None) is refused
    assert not refused or send_failed(error).kind == "retry"
