"""A send that may have arrived is looked for before it is repeated, and our number keeps its pace."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.events import DeliveryReported, Incoming
from bot.testing import open_test_bot
from channels.sms import SmsChannel
from channels.sms.pace import Pace
from simulators.twilio import TwilioSimulator
from tests.channels.sms_kit import BOB, channel_to, fail_once, failure, part_to, sent_texts


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(time_scale=0.1) as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ("reset_before_accept", False),
        ("reset_after_accept", True),
        ("hang", False),
        ("hang_after_accept", True),
    ],
)
async def test_what_may_have_arrived_is_unknown_and_can_be_found(
    twilio: TwilioSimulator, fault: str, there: bool
):
    channel, part = channel_to(twilio.api_url, timeout=1.0), part_to()
    fail_once(twilio, fault)

    failed = await failure(channel.send(part))
    found = await channel.find(part)

    assert failed.kind == "unknown"
    assert (found is not None) is there
    assert sent_texts(twilio) == (["hello"] if there else [])


async def test_another_process_finds_what_a_dead_one_sent(twilio: TwilioSimulator):
    sid = await channel_to(twilio.api_url).send(part_to())

    assert await channel_to(twilio.api_url).find(part_to()) == sid


@pytest.mark.parametrize("part", [part_to(text="hello!"), part_to(text="Hello"), part_to(BOB)])
async def test_another_text_or_number_is_not_it(twilio: TwilioSimulator, part):
    await channel_to(twilio.api_url).send(part_to())

    assert await channel_to(twilio.api_url).find(part) is None


async def test_what_the_person_wrote_is_not_it(twilio: TwilioSimulator):
    twilio.say("ann", "hello")

    assert await channel_to(twilio.api_url).find(part_to()) is None


async def test_an_equal_text_of_long_ago_is_not_it(twilio: TwilioSimulator):
    await channel_to(twilio.api_url).send(part_to())
    later = datetime.now(UTC) + timedelta(minutes=11)

    assert await channel_to(twilio.api_url, clock=lambda: later).find(part_to()) is None


async def test_each_of_two_equal_texts_is_found_once(twilio: TwilioSimulator):
    channel = channel_to(twilio.api_url)
    first, second = part_to(outbox_id="t1:4:0"), part_to(outbox_id="t1:9:0")
    sid = await channel.send(first)
    fail_once(twilio, "reset_before_accept")
    await failure(channel.send(second))

    assert await channel.find(second) is None
    assert await channel.find(first) == sid


async def test_a_text_that_is_written_down_already_is_not_taken_for_another(twilio: TwilioSimulator):
    known = {await channel_to(twilio.api_url).send(part_to(outbox_id="t1:4:0"))}

    async def taken(sid: str, _outbox_id: str, _part: int) -> bool:
        return sid in known

    later = datetime.now(UTC) + timedelta(hours=23)

    def channel() -> SmsChannel:
        return channel_to(twilio.api_url, taken=taken, clock=lambda: later)

    assert await channel().find(part_to(outbox_id="t1:9:0")) is None
    known.clear()
    assert await channel().find(part_to(outbox_id="t1:9:0")) is not None


async def test_a_report_on_a_text_whose_answer_was_lost_is_no_reason_to_send_it_again(
    twilio: TwilioSimulator, tmp_path: Path
):
    sid = await channel_to(twilio.api_url).send(part_to(outbox_id="t1:4:0"))
    async with open_test_bot(tmp_path) as bot:
        received = await bot.say("hello")
        outbox_id = f"{received.thread_id}:1:0"
        data = DeliveryReported(
            outbox_id=outbox_id, part_number=1, parts=1, status="delivered", provider_id=sid
        )
        await bot.inbox.receive(Incoming(data, channel="sms", thread_id=received.thread_id, dedupe="status"))
        channel = channel_to(twilio.api_url, taken=bot.store.is_another_part)

        assert await channel.find(part_to(outbox_id=outbox_id)) == sid
        assert await channel.find(part_to(outbox_id=f"{received.thread_id}:2:0")) is None


async def test_looking_that_fails_is_tried_again(twilio: TwilioSimulator):
    fail_once(twilio, "500", on="list")

    assert (await failure(channel_to(twilio.api_url).find(part_to()))).kind == "retry"


# ---------------------------------------------------------------- the pace of our number


async def test_segments_go_out_one_a_second_whoever_they_are_for():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(1.0, monotonic=lambda: 100.0, sleep=sleep)
    for segments in (1, 3, 2, 1):
        await pace.turn(segments)

    assert slept == [1.0, 4.0, 6.0]


async def test_what_would_wait_for_long_is_tried_later():
    now = 100.0

    async def sleep(_seconds: float) -> None:
        return None

    pace = Pace(4.0, monotonic=lambda: now, sleep=sleep)
    for _ in range(3):
        await pace.turn(1)

    failed = await failure(pace.turn(1))
    assert (failed.kind, failed.retry_after) == ("retry", 12.0)
    now = 105.0
    await pace.turn(1)


def test_the_outbox_keeps_the_pace_for_each_number():
    assert (channel_to(pace=1.0).seconds_between_sends, channel_to().sends_at_once) == (1.0, 1)
