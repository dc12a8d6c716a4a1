"""What the simulated Twilio posts: signed, with the real fields, again under the address's rules."""

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from twilio.base.exceptions import TwilioRestException

from simulators.twilio import ACCOUNT_SID, NUMBER, TwilioSimulator
from simulators.twilio.faults import Fault
from simulators.twilio.keywords import REPLIES
from simulators.twilio.network import Picture
from tests.simulators.twilio_kit import ANN, BOB, CREDENTIALS, app, sdk, send, status, twiml

INBOUND_FIELDS = {
    *("MessageSid", "SmsMessageSid", "SmsSid", "AccountSid", "From", "To", "Body", "NumMedia", "NumSegments"),
    *("FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry"),
    *("SmsStatus", "ApiVersion"),
}


async def all_posted(twilio: TwilioSimulator) -> None:
    await twilio.until(lambda: not twilio.state.pending_posts() and not twilio.state.messages_under_way())


def state_of(twilio: TwilioSimulator) -> list[tuple[str, int]]:
    return [(post.state, post.attempts) for post in twilio.posts()]


async def test_a_text_is_posted_signed_with_the_real_fields():
    async with app() as bot, TwilioSimulator() as twilio:
        twilio.use_webhook(f"{bot.url}?tenant=a%20b&x=1")

        message = twilio.say("ann", "Grüße & <b> ☎ 100% +1=2")
        await all_posted(twilio)

    (call,) = bot.calls
    assert call.genuine
    assert call.form.keys() == INBOUND_FIELDS
    assert (call.form["From"], call.form["To"], call.form["Body"]) == (ANN, NUMBER, "Grüße & <b> ☎ 100% +1=2")
    assert {call.form[name] for name in ("MessageSid", "SmsMessageSid", "SmsSid")} == {message.sid}
    assert (call.form["AccountSid"], call.form["FromCountry"]) == (ACCOUNT_SID, "US")
    assert call.path == "/sms?tenant=a%20b&x=1"


async def test_without_a_webhook_nothing_is_posted():
    async with TwilioSimulator() as twilio:
        twilio.say("ann", "hello")

        assert twilio.posts() == ()
        assert twilio.messages()[0]["status"] == "received"


async def test_media_comes_as_addresses_that_need_the_accounts_credentials():
    async with app() as bot, TwilioSimulator() as twilio, aiohttp.ClientSession() as session:
        twilio.use_webhook(bot.url)
        twilio.say("ann", "two", pictures=[Picture("image/png", b"1"), Picture("image/gif", b"2")])
        await all_posted(twilio)
        form = bot.forms[0]

        async with session.get(form["MediaUrl1"], headers=CREDENTIALS) as response:
            content = await response.read()

    assert form.keys() == {
        *INBOUND_FIELDS,
        *("MediaUrl0", "MediaUrl1", "MediaContentType0", "MediaContentType1"),
    }
    assert (form["NumMedia"], form["MediaContentType1"], content) == ("2", "image/gif", b"2")


async def test_a_5xx_is_tried_again_with_the_same_token_if_the_address_says_so():
    async with app() as bot, TwilioSimulator() as twilio:
        bot.answers = [status(500), status(503)]
        twilio.use_webhook(f"{bot.url}#rc=3&rp=5xx")

        twilio.say("ann", "again")
        await all_posted(twilio)
        states = state_of(twilio)

    assert states == [("done", 3)]
    assert len(bot.calls) == 3
    assert all(call.genuine for call in bot.calls)
    assert len({call.headers["I-Twilio-Idempotency-Token"] for call in bot.calls}) == 1
    assert len({call.form["MessageSid"] for call in bot.calls}) == 1
    assert "#" not in bot.calls[0].path


@pytest.mark.parametrize(
    ("fragment", "code", "attempts"),
    [
        ("", 500, 1),
        ("#rc=0&rp=all", 500, 1),
        ("#rc=2&rp=all", 404, 3),
        ("#rc=2&rp=5xx", 404, 1),
        ("#rp=all", 500, 2),
    ],
)
async def test_retries_follow_the_address(fragment: str, code: int, attempts: int):
    async with app() as bot, TwilioSimulator() as twilio:
        bot.answers = [status(code)] * 9
        twilio.use_webhook(bot.url + fragment)

        twilio.say("ann", "again")
        await all_posted(twilio)

        assert len(bot.calls) == attempts
        assert state_of(twilio) == [("failed", attempts)]
        assert str(code) in twilio.posts()[0].problem


async def test_a_closed_port_is_tried_once_more_and_the_message_stays_in_the_list():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # ours, and nobody listens
        async with TwilioSimulator() as twilio:
            twilio.use_webhook(f"http://127.0.0.1:{closed.getsockname()[1]}/sms")

            twilio.say("ann", "anybody there?")
            await all_posted(twilio)

            assert state_of(twilio) == [("failed", 2)]
            assert [message["text"] for message in twilio.messages()] == ["anybody there?"]


async def test_an_app_that_does_not_answer_is_given_up():
    never = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with app() as bot, TwilioSimulator(time_scale=0.02) as twilio:
        bot.answers = [hang] * 9
        twilio.use_webhook(bot.url)

        twilio.say("ann", "hello?")
        await all_posted(twilio)
        never.set()

        assert twilio.posts()[0].state == "failed"


async def test_different_texts_have_different_tokens():
    async with app() as bot, TwilioSimulator() as twilio:
        twilio.use_webhook(bot.url)
        twilio.say("ann", "one")
        twilio.say("ann", "one")
        await all_posted(twilio)

    assert len({call.headers["I-Twilio-Idempotency-Token"] for call in bot.calls}) == 2


async def test_a_redelivery_has_the_same_token_and_form():
    async with app() as bot, TwilioSimulator() as twilio:
        twilio.use_webhook(bot.url)
        message = twilio.say("ann", "twice")
        await all_posted(twilio)

        assert await twilio.redeliver(message.sid, times=2) == 2

    assert len(bot.calls) == 3
    assert len({call.headers["I-Twilio-Idempotency-Token"] for call in bot.calls}) == 1
    assert bot.forms[0] == bot.forms[1] == bot.forms[2]


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ("<Response><Message>hi</Message></Response>", ["hi"]),
        (
            "<Response><Message><Body>a &amp; b</Body></Message><Message>c</Message></Response>",
            ["a & b", "c"],
        ),
        ("<Response/>", []),
        ('<?xml version="1.0" encoding="UTF-8"?><Response><Message>é</Message></Response>', ["é"]),
    ],
)
async def test_twiml_becomes_messages_to_whoever_texted(answer: str, texts: list[str]):
    async with app() as bot, TwilioSimulator() as twilio:
        bot.answers = [twiml(answer)]
        twilio.use_webhook(bot.url)
        twilio.say("bob", "hello")
        await all_posted(twilio)

        replies = twilio.messages(to="bob")

    assert [reply["text"] for reply in replies] == texts
    assert {(r["direction"], r["from"], r["to"]) for r in replies} <= {("outbound-reply", NUMBER, BOB)}


@pytest.mark.parametrize(
    ("answer", "content_type", "code"),
    [
        ("<Response><Message>", "text/xml", "12100"),
        ("<html></html>", "text/html", "12100"),
        ('<!DOCTYPE x [<!ENTITY e "y">]><Response><Message>&e;</Message></Response>', "text/xml", "12100"),
        ("{}", "application/json", "12300"),
        (f"<Response><Message>{'x' * 1601}</Message></Response>", "text/xml", "21617"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_noted_and_sends_nothing(
    answer: str, content_type: str, code: str
):
    async with app() as bot, TwilioSimulator() as twilio:
        bot.answers = [twiml(answer, content_type)]
        twilio.use_webhook(bot.url)
        twilio.say("bob", "hello")
        await twilio.until(lambda: twilio.posts()[0].problem)

        assert twilio.posts()[0].problem.startswith(code)
        assert twilio.messages(to="bob") == []


async def test_stop_is_answered_by_twilio_and_posted_and_ends_all_sends():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.use_webhook(bot.url)
        twilio.say("ann", " stop ")
        await all_posted(twilio)

        with pytest.raises(TwilioRestException, match="unsubscribed") as refused:
            await send(client)
        to_bob = await send(client, to=BOB)
        texts = [m["text"] for m in twilio.messages() if BOB not in (m["from"], m["to"])]

    assert refused.value.code == 21610
    assert to_bob.sid
    assert bot.forms[0]["OptOutType"] == "STOP"
    assert texts == [" stop ", REPLIES["STOP"]]


async def test_start_allows_sends_again():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.use_webhook(bot.url)
        twilio.say("ann", "UNSUBSCRIBE")
        twilio.say("ann", "Start")
        await all_posted(twilio)

        sent = await send(client)
        texts = [m["text"] for m in twilio.messages(to="ann")]

    assert sent.sid
    assert sorted(form["OptOutType"] for form in bot.forms) == ["START", "STOP"]
    assert texts == [REPLIES["STOP"], REPLIES["START"], "hello"]


async def test_a_twiml_reply_to_stop_does_not_reach_who_stopped():
    async with app() as bot, TwilioSimulator() as twilio:
        bot.answers = [twiml("<Response><Message>sorry to see you go</Message></Response>")]
        twilio.use_webhook(bot.url)
        twilio.say("ann", "QUIT")
        await twilio.until(lambda: twilio.posts()[0].problem)

        assert twilio.posts()[0].problem.startswith("21610")
        assert [m["text"] for m in twilio.messages(to="ann")] == [REPLIES["STOP"]]


async def test_help_is_answered_and_yes_from_somebody_who_never_stopped_is_only_marked():
    async with app() as bot, TwilioSimulator() as twilio:
        twilio.use_webhook(bot.url)
        twilio.say("ann", "HELP")
        twilio.say("bob", "yes")
        twilio.say("bob", "yes please")
        await all_posted(twilio)

        assert {f["Body"]: f.get("OptOutType") for f in bot.forms} == {
            "HELP": "HELP",
            "yes": "START",
            "yes please": None,
        }
        assert [m["text"] for m in twilio.messages(to="ann")] == [REPLIES["HELP"]]
        assert twilio.messages(to="bob") == []


async def test_statuses_are_posted_in_order_to_the_address_of_the_send():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        sent = await send(client, status_callback=f"{bot.url}/status?id=7")
        await all_posted(twilio)

    assert bot.statuses() == ["queued", "sent", "delivered"]
    assert all(call.genuine for call in bot.calls)
    assert bot.forms[-1] == {
        "SmsSid": sent.sid,
        "SmsStatus": "delivered",
        "MessageStatus": "delivered",
        "To": ANN,
        "MessageSid": sent.sid,
        "AccountSid": ACCOUNT_SID,
        "From": NUMBER,
        "ApiVersion": "2010-04-01",
    }


async def test_statuses_come_out_of_order_and_doubled_on_request_and_the_message_keeps_the_furthest():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("statuses", statuses=("delivered", "sent", "sent", "queued")))
        sent = await send(client, status_callback=bot.url)
        await all_posted(twilio)

        fetched = await client.messages(sent.sid).fetch_async()

    assert bot.statuses() == ["delivered", "sent", "sent", "queued"]
    assert fetched.status == "delivered"


async def test_undelivered_is_posted_with_its_error_code():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.use_webhook("", status_url=bot.url)
        twilio.faults.add(Fault("undelivered", code=30034))
        await send(client)
        await all_posted(twilio)

    assert bot.statuses() == ["queued", "sent", "undelivered"]
    assert [form.get("ErrorCode") for form in bot.forms] == [None, None, "30034"]


async def test_a_late_sent_has_no_error_code():
    async with app() as bot, TwilioSimulator() as twilio, sdk(twilio) as client:
        twilio.faults.add(Fault("statuses", statuses=("undelivered", "sent"), code=30007))
        await send(client, status_callback=bot.url)
        await all_posted(twilio)

    assert [form.get("ErrorCode") for form in bot.forms] == ["30007", None]


async def test_what_a_killed_simulator_had_not_delivered_is_delivered_after_a_restart(tmp_path: Path):
    async with app() as bot:
        before = TwilioSimulator(tmp_path / "sim.db")
        before.use_webhook(bot.url)
        message = before.say("ann", "STOP")  # killed before its task could run
        before.state.close()

        async with TwilioSimulator(tmp_path / "sim.db") as after, sdk(after) as client:
            await all_posted(after)
            with pytest.raises(TwilioRestException, match="unsubscribed"):
                await send(client)
            texts = [m["text"] for m in after.messages()]

    assert [form["MessageSid"] for form in bot.forms] == [message.sid]
    assert texts == ["STOP", REPLIES["STOP"]]


async def test_a_message_that_was_under_way_is_delivered_after_a_restart(tmp_path: Path):
    async with TwilioSimulator(tmp_path / "sim.db") as before, sdk(before) as client:
        never = asyncio.Event()
        async with app() as bot:
            bot.answers = [lambda _request: hang_until(never)]
            sent = await send(client, status_callback=bot.url)
            await before.until(lambda: bot.calls)
            assert before.messages()[0]["status"] == "queued"
            await before.stop()
            never.set()

    async with TwilioSimulator(tmp_path / "sim.db") as after:
        await all_posted(after)

        assert [(m["sid"], m["status"]) for m in after.messages()] == [(sent.sid, "delivered")]


async def hang_until(event: asyncio.Event) -> web.Response:
    await event.wait()
    return web.Response()
