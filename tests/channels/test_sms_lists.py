"""Reading Twilio's list: all of it in poll mode, what no webhook brought otherwise; never what is old."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from bot.errors import ChannelRefused, Overloaded, StoreFull
from channels.sms import SmsChannel
from simulators.twilio import NUMBER, TwilioSimulator
from simulators.twilio.faults import Fault
from simulators.twilio.network import Picture
from tests.channels.sms_kit import (
    ANN,
    Inbox,
    answering,
    channel_to,
    eventually,
    heard_at,
    part_to,
    polling,
    running,
)


class Clock:
    """The time for the simulator and for us, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def twilio(clock: Clock) -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(time_scale=0.1, now=clock) as simulator:
        yield simulator


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


class Lists:
    """How often the list was read to its end, seen from the simulator's side."""

    def __init__(self, channel: SmsChannel, twilio: TwilioSimulator) -> None:
        self._channel, self._twilio = channel, twilio

    async def once_more(self) -> None:
        """Two reads begin and end after this call, whatever is under way."""
        for _ in range(3):
            fault = Fault("429", on="list", retry_after=0)
            self._twilio.faults.add(fault)
            await self._twilio.until(lambda fault=fault: fault not in self._twilio.faults.waiting)
            await self._twilio.until(lambda: self._channel.health().state == "connected")


# ---------------------------------------------------------------- what comes in


async def test_texts_are_read_in_the_order_in_which_they_were_written(twilio, clock, inbox):
    async with running(polling(twilio.api_url, clock=clock), inbox):
        for text in ("one", "two", "three"):
            twilio.say("ann", text)
        await twilio.until(lambda: len(inbox.texts) == 3)

    assert inbox.texts == ["one", "two", "three"]
    assert {(i.account, i.conversation) for i in inbox.got} == {(NUMBER, ANN)}


async def test_what_was_read_is_handed_in_once(twilio, clock, inbox):
    channel = polling(twilio.api_url, clock=clock)
    async with running(channel, inbox):
        twilio.say("ann", "one")
        await twilio.until(lambda: inbox.texts)
        await Lists(channel, twilio).once_more()

    assert inbox.handed_in == 1


async def test_more_than_a_page_is_read_to_the_end(twilio, clock, inbox):
    for number in range(250):
        twilio.say("ann", str(number))

    async with running(polling(twilio.api_url, clock=clock), inbox):
        await twilio.until(lambda: len(inbox.texts) == 250)

    assert inbox.texts == [str(number) for number in range(250)]


async def test_words_that_opt_out_are_obeyed(twilio, clock, inbox):
    twilio.say("ann", "Stop")
    twilio.say("bob", "HELP")

    async with running(polling(twilio.api_url, clock=clock), inbox):
        await twilio.until(lambda: inbox.contacts)

    assert (inbox.stops, inbox.contacts, inbox.texts) == ([f"sms:{ANN}"], [(ANN, False)], [])


async def test_pictures_have_the_names_that_a_webhook_gives_them(twilio, clock, inbox):
    twilio.say("ann", "look", pictures=[Picture("image/png", b"png")])

    async with running(polling(twilio.api_url, clock=clock), inbox):
        await twilio.until(lambda: inbox.got)

    (block,) = inbox.got[0].data.blocks[1:]
    assert (block.kind, block.name) == ("image", "image/png")
    assert block.ref.startswith("/2010-04-01/Accounts/AC")
    assert "/Media/ME" in block.ref
    assert not block.ref.endswith(".json")


@pytest.mark.parametrize("error", [StoreFull(), Overloaded()])
async def test_what_could_not_be_stored_is_read_again_in_order(twilio, clock, inbox, error):
    inbox.errors += [error]
    for text in ("one", "two"):
        twilio.say("ann", text)

    async with running(polling(twilio.api_url, clock=clock), inbox):
        await twilio.until(lambda: len(inbox.texts) == 2)

    assert inbox.texts == ["one", "two"]


# ---------------------------------------------------------------- what is old


@pytest.mark.parametrize("make", [polling, channel_to])
async def test_a_new_database_answers_no_old_texts(twilio, clock, inbox, make):
    twilio.say("ann", "last week")
    clock.pass_(minutes=2)
    twilio.say("ann", "just now")

    async with running(make(twilio.api_url, clock=clock, since=heard_at(None)), inbox):
        await twilio.until(lambda: inbox.texts)

    assert inbox.texts == ["just now"]


@pytest.mark.parametrize("make", [polling, channel_to])
async def test_after_an_outage_what_was_missed_is_read(twilio, clock, inbox, make):
    twilio.say("ann", "answered long ago")
    clock.pass_(hours=1)
    heard = clock.now
    clock.pass_(hours=1)
    twilio.say("ann", "missed")
    clock.pass_(hours=10)
    twilio.say("ann", "missed too")

    async with running(make(twilio.api_url, clock=clock, since=heard_at(heard)), inbox):
        await twilio.until(lambda: len(inbox.texts) == 2)

    assert inbox.texts == ["missed", "missed too"]


async def test_what_is_older_than_a_day_is_left(twilio, clock, inbox):
    heard = clock.now
    clock.pass_(minutes=5)
    twilio.say("ann", "two days old")
    clock.pass_(days=2)
    twilio.say("ann", "fresh")

    async with running(channel_to(twilio.api_url, clock=clock, since=heard_at(heard)), inbox):
        await twilio.until(lambda: inbox.texts)

    assert inbox.texts == ["fresh"]


async def test_old_texts_are_left_even_if_twilios_filter_shows_them(clock, inbox):
    def record(number: int, at: datetime) -> dict[str, object]:
        return {"sid": f"SM{number:032x}", "from": ANN, "to": NUMBER, "body": str(number), "direction": "inbound",
                "status": "received", "num_media": "0", "date_sent": format_datetime(at)}  # fmt: skip

    async def whole_day(_request: web.Request) -> web.Response:
        at = clock.now
        return web.json_response({"messages": [record(2, at), record(1, at - timedelta(hours=1))]})

    async with answering(whole_day) as url, running(polling(url, clock=clock), inbox):
        await eventually(lambda: inbox.texts)

    assert inbox.texts == ["2"]


# ---------------------------------------------------------------- webhooks that did not come (W10)


async def test_a_text_whose_webhook_failed_is_found_by_the_next_look(twilio, clock, inbox):
    channel = channel_to(twilio.api_url, clock=clock, backfill_every=0.01)
    twilio.use_webhook("http://127.0.0.1:9/webhooks/twilio/sms")

    async with running(channel, inbox):
        twilio.say("ann", "lost on the way")
        await twilio.until(lambda: inbox.texts)
        await Lists(channel, twilio).once_more()

    assert inbox.texts == ["lost on the way"]
    assert inbox.handed_in == 1


# ---------------------------------------------------------------- what became of ours


@pytest.mark.parametrize(
    ("fault", "status"), [(None, "delivered"), (Fault("undelivered", code=30005), "undelivered")]
)
async def test_without_webhooks_it_asks_what_became_of_a_text(twilio, clock, inbox, fault, status):
    if fault:
        twilio.faults.add(fault)
    channel = polling(twilio.api_url, clock=clock)

    async with running(channel, inbox):
        sid = await channel.send(part_to())
        await twilio.until(lambda: inbox.reports)
        await Lists(channel, twilio).once_more()

    (report,) = inbox.reports
    assert (report.status, report.provider_id, report.outbox_id) == (status, sid, "t1:4:0")
    assert ("no such phone" in report.error) is (status == "undelivered")
    assert inbox.handed_in == 1


# ---------------------------------------------------------------- health


@pytest.mark.parametrize("make", [polling, channel_to])
async def test_it_is_connected_once_twilio_has_answered(twilio, clock, inbox, make):
    channel = make(twilio.api_url, clock=clock)
    before = channel.health()

    async with running(channel, inbox):
        await twilio.until(lambda: channel.health().state == "connected")
        assert channel.health().age is not None

    assert (before.state, before.age) == ("off", None)
    assert channel.health().state == "off"


@pytest.mark.parametrize("make", [polling, channel_to])
@pytest.mark.parametrize("kind", ["429", "500", "reset_before_accept"])
async def test_a_twilio_that_is_down_is_asked_again(twilio, clock, inbox, make, kind):
    twilio.faults.add(Fault(kind, on="list", times=2, retry_after=0))
    channel = make(twilio.api_url, clock=clock)

    async with running(channel, inbox):
        await twilio.until(lambda: channel.health().state == "failing")
        await twilio.until(lambda: channel.health().state == "connected")


@pytest.mark.parametrize("make", [polling, channel_to])
async def test_a_token_that_is_no_good_ends_it_with_a_reason(twilio, clock, inbox, make):
    with pytest.raises(ChannelRefused, match="TWILIO_AUTH_TOKEN"):
        async with asyncio.timeout(5):
            await make(twilio.api_url, clock=clock, auth_token="wrong").run(inbox.receive)
