"""At night a phone stays silent: another channel first, else held back until the morning."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from hypothesis import given, strategies as st
from pydantic import BaseModel

from bot.rules import QuietHours
from bot.testing import ANN, FakeChannel, FakeClock, Known, call, reply
from bot.tools import Stored, ToolContext, tool
from tests.approvals.kit import OPERATOR, Opened, ask, by_text, opened, sent_to, wants

NIGHT = QuietHours(time(22), time(7))
MIDNIGHT = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ONLY_SMS = Known("carol", {"sms": "+3"}, frozenset({"approver"}))
SMS_FIRST = Known("carol", {"sms": "+3", "phone": "C3"}, frozenset({"approver"}))


class Nothing(BaseModel):
    pass


@tool(effect="stored", risk="low", then="finish")
async def greet(args: Nothing, ctx: ToolContext) -> Stored:
    """Writes to Carol."""
    return Stored("I have written to her.", outgoing=(ctx.directory.message("carol", "Hello, Carol."),))


def sms() -> FakeChannel:
    return FakeChannel("sms")


def at_night(it: Opened) -> None:
    it.live.change_person("carol", quiet=NIGHT)


def at(it: Opened, moment: datetime) -> None:
    it.bot.clock.now = moment


async def test_by_day_she_is_asked_where_she_likes_it_best(tmp_path: Path) -> None:
    async with opened(tmp_path, people=(ANN, SMS_FIRST), channel=sms(), clock=FakeClock(MORNING)) as it:
        at_night(it)
        await ask(it.bot)

        assert len(sent_to(it.bot, "+3")) == 1
        assert sent_to(it.bot, "C3") == []


async def test_at_night_she_is_asked_where_it_makes_no_noise(tmp_path: Path) -> None:
    async with opened(tmp_path, people=(ANN, SMS_FIRST), channel=sms(), clock=FakeClock(MIDNIGHT)) as it:
        at_night(it)
        await ask(it.bot)

        assert sent_to(it.bot, "+3") == []
        assert len(sent_to(it.bot, "C3")) == 1


async def test_with_nothing_but_a_phone_she_is_asked_in_the_morning(tmp_path: Path) -> None:
    clock = FakeClock(MIDNIGHT)
    async with opened(
        tmp_path, people=(ANN, ONLY_SMS), channel=sms(), clock=clock, expires=timedelta(hours=12)
    ) as it:
        at_night(it)
        row = await ask(it.bot)
        before = sent_to(it.bot, "+3")

        at(it, MORNING - timedelta(seconds=1))
        await it.bot.settle()
        just_before = sent_to(it.bot, "+3")
        at(it, MORNING)
        it.bot.outbox._queues.ask_again()  # as it does four times a minute
        await it.bot.settle()

        assert before == just_before == []
        (asked,) = sent_to(it.bot, "+3")
        assert it.bot.code(row.id, "carol", channel="sms") in asked


async def test_a_request_that_waits_for_the_morning_does_not_hold_up_other_messages_to_her(
    tmp_path: Path,
) -> None:
    clock = FakeClock(MIDNIGHT)
    script = [wants(), call("greet"), reply("Done.")]
    people = (ANN, ONLY_SMS)
    async with opened(
        tmp_path,
        script=script,
        tools=[greet],
        people=people,
        channel=sms(),
        clock=clock,
        expires=timedelta(hours=12),
    ) as it:
        at_night(it)
        await ask(it.bot)

        await it.bot.say("say hello to Carol")
        await it.bot.settle()

        assert sent_to(it.bot, "+3") == ["Hello, Carol."]


async def test_what_is_held_back_survives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock(MIDNIGHT)
    people = (ANN, ONLY_SMS)
    async with opened(tmp_path, people=people, channel=sms(), clock=clock, expires=timedelta(hours=12)) as it:
        at_night(it)
        await ask(it.bot)

    clock.now = MORNING
    async with opened(tmp_path, people=people, channel=sms(), clock=clock) as it:
        await it.bot.recover()
        await it.bot.settle()

        assert len(sent_to(it.bot, "+3")) == 1


async def test_a_request_that_would_be_over_before_the_morning_reaches_an_operator(tmp_path: Path) -> None:
    operator = OPERATOR.model_copy(update={"channel": "sms"})
    clock = FakeClock(MIDNIGHT)
    async with opened(tmp_path, people=(ANN, ONLY_SMS), channel=sms(), clock=clock, operator=operator) as it:
        at_night(it)
        await ask(it.bot)

        assert len(sent_to(it.bot, "OPERATOR")) == 1
        assert "I have asked carol" not in sent_to(it.bot, "c1")[-1]


async def test_notices_to_her_phone_wait_for_the_morning_too(tmp_path: Path) -> None:
    clock = FakeClock(MIDNIGHT - timedelta(hours=4))
    async with opened(tmp_path, people=(ANN, ONLY_SMS), channel=sms(), clock=clock) as it:
        at_night(it)
        await ask(it.bot)
        assert len(sent_to(it.bot, "+3")) == 1

        it.bot.clock.advance(4 * 3600)  # half past midnight
        await it.bot.settle()

        assert len(sent_to(it.bot, "+3")) == 1


async def test_what_is_only_told_at_night_goes_where_it_makes_no_noise(tmp_path: Path) -> None:
    clock = FakeClock(MIDNIGHT - timedelta(hours=4))
    async with opened(tmp_path, people=(ANN, SMS_FIRST), channel=sms(), clock=clock) as it:
        at_night(it)
        await ask(it.bot)
        assert (len(sent_to(it.bot, "+3")), sent_to(it.bot, "C3")) == (1, [])

        it.bot.clock.advance(4 * 3600)  # nobody has answered in time, which she is told
        await it.bot.settle()

        assert (len(sent_to(it.bot, "+3")), len(sent_to(it.bot, "C3"))) == (1, 1)


async def test_a_request_on_the_phone_can_be_answered_at_night(tmp_path: Path) -> None:
    async with opened(tmp_path, people=(ANN, Known("carol", {"phone": "+3"}, frozenset({"approver"})))) as it:
        row = await ask(it.bot)
        at_night(it)
        it.live.change("deploy", expires=timedelta(hours=24))

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


TIMES = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))
ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])


@given(
    TIMES,
    TIMES,
    ZONES,
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: MIDNIGHT + timedelta(minutes=minutes)),
)
def test_silence_ends_within_a_day_and_is_over_then(start: time, end: time, zone: str, now: datetime) -> None:
    quiet = QuietHours(start, end)

    until = quiet.until(now, zone)

    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        assert start != end
