"""The channel against the simulated Twilio, end to end: phones, signed calls and REST over sockets."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.errors import SendFailed, StoreFull
from simulators.twilio import TwilioSimulator
from simulators.twilio.faults import Fault
from tests.channels.sms_kit import ANN, BOB, Door, Inbox, channel_to, open_door, running


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(time_scale=0.1) as simulator:
        yield simulator


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as found:
        yield found


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def channel(twilio: TwilioSimulator, door: Door, inbox: Inbox):
    """A channel whose webhooks the simulated Twilio calls, with the retries that docs/sms.md recommends."""
    found = channel_to(twilio.api_url, public_url=door.url)
    door.lead_to(found, inbox)
    twilio.use_webhook(f"{door.url}/webhooks/twilio/sms#rc=5&rp=all")
    async with running(found, inbox):
        await twilio.until(lambda: found.health().state == "connected")
        yield found


async def test_a_person_texts_and_is_answered(twilio, channel, inbox):
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{twilio.base_url}/sim/sms/say", json={"from": "ann", "text": "hi “there” 👋 + &"}
        ) as said,
    ):
        assert said.status == 200
    await twilio.until(lambda: inbox.texts)
    (asked,) = inbox.got
    (part,) = channel.render("t1:4:0", _reply(asked.destination, "**Hello** to you"))

    sid = await channel.send(part)
    await twilio.until(lambda: inbox.reports)

    assert inbox.texts == ["hi “there” 👋 + &"]
    assert twilio.messages(to="ann")[-1]["text"] == "Hello to you"
    assert [(r.status, r.provider_id, r.outbox_id) for r in inbox.reports] == [("delivered", sid, "t1:4:0")]
    assert {post.problem for post in twilio.posts()} == {""}


async def test_twilio_tries_again_until_it_is_stored(twilio, channel, inbox, door):
    inbox.errors += [StoreFull(), StoreFull()]

    twilio.say("ann", "hi")
    await twilio.until(lambda: inbox.texts)
    await twilio.until(lambda: len(door.answers) == 3)

    assert door.answers == [503, 503, 200]
    assert inbox.texts == ["hi"]


async def test_copies_of_a_call_change_nothing(twilio, channel, inbox):
    message = twilio.say("ann", "hi")
    await twilio.until(lambda: inbox.texts)

    assert await twilio.redeliver(message.sid, times=20) == 20
    assert inbox.texts == ["hi"]


async def test_who_opts_out_hears_no_more_and_may_come_back(twilio, channel, inbox):
    (part,) = channel.render("t1:4:0", _reply(ANN, "are you there?"))
    twilio.say("ann", "stop")
    await twilio.until(lambda: inbox.contacts)

    with pytest.raises(SendFailed) as failed:
        await channel.send(part)
    twilio.say("ann", "unstop")
    await twilio.until(lambda: len(inbox.contacts) == 2)
    sid = await channel.send(part)

    assert (failed.value.kind, failed.value.unreachable) == ("final", True)
    assert (inbox.stops, inbox.contacts, inbox.texts) == ([f"sms:{ANN}"], [(ANN, False), (ANN, True)], [])
    assert sid


async def test_states_in_any_order_end_the_same(twilio, channel, inbox):
    twilio.faults.add(Fault("statuses", statuses=("delivered", "sent", "delivered", "queued")))
    (part,) = channel.render("t1:4:0", _reply(BOB, "hi"))

    await channel.send(part)
    await twilio.until(
        lambda: len([p for p in twilio.posts() if p.kind == "status" and p.state == "done"]) == 4
    )

    assert [report.status for report in inbox.reports] == ["delivered"]


async def test_a_send_whose_answer_was_lost_is_found_and_not_repeated(twilio, channel, inbox):
    twilio.faults.add(Fault("reset_after_accept"))
    (part,) = channel.render("t1:4:0", _reply(ANN, "only once"))

    with pytest.raises(SendFailed) as failed:
        await channel.send(part)
    found = await channel.find(part)

    assert failed.value.kind == "unknown"
    assert [m["sid"] for m in twilio.messages(to="ann")] == [found]


async def test_another_apps_token_is_refused(twilio, door, inbox):
    stranger = channel_to(twilio.api_url, public_url=door.url, auth_token="another")
    door.lead_to(stranger, inbox)
    twilio.use_webhook(f"{door.url}/webhooks/twilio/sms")

    twilio.say("ann", "hi")
    await twilio.until(lambda: door.answers)

    assert (door.answers[0], inbox.got) == (403, [])


def _reply(destination: str, text: str):
    from bot.events import Outgoing

    return Outgoing(text=text, channel="sms", destination=destination)
