from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from agents.assistant import (
    FURTHEST,
    RemindArgs,
    TimeArgs,
    assistant,
    current_time,
    due_at,
    remind,
    send_message,
)
from bot.errors import ToolError
from bot.tools import Stored, Timer, ToolContext

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def context(*, now: datetime = NOW, timezone: str = "Europe/Berlin") -> ToolContext:
    return ToolContext("t1:c1", now, timezone, "ann", "t1", "ann", "c1")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def refusal(when: str, *, now: datetime = NOW, timezone: str = "Europe/Berlin") -> ToolError:
    with pytest.raises(ToolError) as caught:
        due_at(when, now, timezone)
    return caught.value


# ---------------------------------------------------------------- current_time


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "2026-11-23 10:00:00, Monday (Europe/Berlin, UTC+0100)"),
        ("Asia/Tokyo", "2026-11-23 18:00:00, Monday (Asia/Tokyo, UTC+0900)"),
        ("America/St_Johns", "2026-11-23 05:30:00, Monday (America/St_Johns, UTC-0330)"),
    ],
)
async def test_the_time_is_told_in_the_zone_asked_for_or_the_persons_own(asked: str, said: str):
    assert await current_time.run(TimeArgs(timezone=asked), context()) == said


@pytest.mark.parametrize("name", ["Asia/Tokio", "Berlin", "../etc/passwd", "Europe", "a\x00b", "Ü" * 500])
async def test_an_unknown_zone_is_refused(name: str):
    with pytest.raises(ToolError, match="is not a known time zone"):
        await current_time.run(TimeArgs(timezone=name), context())


async def test_a_zone_that_is_nearly_right_is_suggested():
    with pytest.raises(ToolError, match="did you mean Asia/Tokyo"):
        await current_time.run(TimeArgs(timezone="Asia/Tokio"), context())


# ---------------------------------------------------------------- remind


async def test_a_reminder_is_a_timer_and_says_when_in_the_persons_zone():
    stored = await remind.run(RemindArgs(text=" stretch ", when="2026-11-24T09:00"), context())

    due = at("2026-11-24T09:00+01:00")
    said = "I will remind you on Tue 24 Nov 2026 at 09:00 (Europe/Berlin): stretch"
    assert stored == Stored(said, timers=(Timer(due, "stretch"),))


@pytest.mark.parametrize(("when", "said"), [("PT2S", "in 2 seconds"), ("PT1S", "in 1 second")])
async def test_below_a_minute_it_says_seconds(when: str, said: str):
    stored = await remind.run(RemindArgs(text="stretch", when=when), context())

    assert isinstance(stored, Stored)
    assert stored.text == f"I will remind you {said}: stretch"


async def test_a_reminder_of_nothing_is_refused():
    with pytest.raises(ToolError, match="text: it is empty"):
        await remind.run(RemindArgs(text=" ", when="PT2S"), context())


def test_a_reminder_ends_the_turn_with_its_own_words():
    assert (remind.effect, remind.then) == ("stored", "finish")
    assert current_time.effect == "read"
    assert [tool.name for tool in assistant.tools] == [
        "current_time",
        "remind",
        "send_message",
        "send_email",
        "schedule_meeting",
        "ask_person",
        "withdraw",
    ]
    assert (remind.risk, send_message.risk) == ("low", "high")


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ("PT2S", NOW + timedelta(seconds=2)),
        ("PT90M", NOW + timedelta(minutes=90)),
        ("P3D", NOW + timedelta(days=3)),
        ("P1DT2H", NOW + timedelta(days=1, hours=2)),
        ("P2W", NOW + timedelta(weeks=2)),
        ("PT1H30M5S", NOW + timedelta(hours=1, minutes=30, seconds=5)),
    ],
)
def test_a_duration_is_counted_from_now(when: str, due: datetime):
    assert due_at(when, NOW, "Europe/Berlin") == due


def test_days_keep_the_time_of_day_when_the_clocks_change_and_hours_do_not():
    before = at("2026-03-28T09:00+01:00")

    assert due_at("P1D", before, "Europe/Berlin") == at("2026-03-29T09:00+02:00")
    assert due_at("PT24H", before, "Europe/Berlin") == at("2026-03-29T10:00+02:00")


def test_a_day_into_the_hour_that_does_not_exist_moves_on():
    assert due_at("P1D", at("2026-03-28T02:30+01:00"), "Europe/Berlin") == at("2026-03-29T03:30+02:00")


@pytest.mark.parametrize(
    "when", ["P", "PT", "P1", "P1H", "PT1D", "P1Y", "P1M", "-PT5M", "PT-5M", "PT1.5H", "P1DT", "pt5m"]
)
def test_what_is_no_duration_is_refused_with_examples(when: str):
    assert "PT90M" in str(refusal(when)) or "PT2S" in str(refusal(when))


@pytest.mark.parametrize("when", ["PT0S", "P0D"])
def test_no_time_at_all_is_not_the_future(when: str):
    assert "not in the future; it is 2026-11-23T10:00 in Europe/Berlin now" in str(refusal(when))


@pytest.mark.parametrize(
    "when", ["P1831D", "P999999W", "PT999999999H", "2040-01-01T00:00", "9999-12-31T23:59"]
)
def test_more_than_five_years_is_refused(when: str):
    assert "five years" in str(refusal(when))


# ---------------------------------------------------------------- local times


@pytest.mark.parametrize(
    ("when", "timezone", "due"),
    [
        ("2026-11-24T09:00", "Europe/Berlin", "2026-11-24T09:00+01:00"),
        ("2026-11-24T09:00:30", "Europe/Berlin", "2026-11-24T09:00:30+01:00"),
        ("2027-07-01T09:00", "Europe/Berlin", "2027-07-01T09:00+02:00"),
        ("2026-11-24T09:00", "America/New_York", "2026-11-24T09:00-05:00"),
        ("2026-11-24T09:00", "UTC", "2026-11-24T09:00+00:00"),
    ],
)
def test_a_local_time_is_the_persons_own(when: str, timezone: str, due: str):
    assert due_at(when, NOW, timezone) == at(due)


@pytest.mark.parametrize(
    ("when", "timezone", "instead"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T03:00"),
        ("2027-03-28T02:59:59", "Europe/Berlin", "2027-03-28T03:00"),
        ("2027-10-03T02:10", "Australia/Lord_Howe", "2027-10-03T02:30"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-31T00:00"),
    ],
)
def test_a_time_that_the_clocks_jump_over_is_refused_with_the_next_one(
    when: str, timezone: str, instead: str
):
    error = refusal(when, now=datetime(2011, 12, 1, tzinfo=UTC) if when < "2012" else NOW, timezone=timezone)

    assert f"the next time that does is {instead}" in str(error)
    assert error.retryable


def test_of_an_hour_that_comes_twice_the_next_one_counts():
    early, between = at("2026-10-25T01:00+02:00"), at("2026-10-25T02:40+02:00")

    assert due_at("2026-10-25T02:30", early, "Europe/Berlin") == at("2026-10-25T02:30+02:00")
    assert due_at("2026-10-25T02:30", between, "Europe/Berlin") == at("2026-10-25T02:30+01:00")


def test_the_past_is_refused_with_the_time_that_it_is_now():
    error = refusal("2026-11-23T09:59")

    assert (
        str(error)
        == "when: 2026-11-23T09:59 is not in the future; it is 2026-11-23T10:00 in Europe/Berlin now"
    )


@pytest.mark.parametrize(
    "when",
    [
        "", "tomorrow", "2026-11-24", "09:00", "2026-11-24T09:00Z", "2026-11-24T09:00+01:00",
        "2026-11-24 09:00", "2026-13-01T09:00", "2026-02-30T09:00", "2026-11-24T25:00",
        "0001-01-01T00:00x", "٢٠٢٦-11-24T09:00",
    ],
)  # fmt: skip
def test_what_is_no_local_time_is_refused(when: str):
    assert str(refusal(when)).startswith("when: ")


@given(
    st.text(max_size=30)
    | st.from_regex(r"P(\d{1,7}D)?(T(\d{1,10}H)?(\d{1,10}M)?)?", fullmatch=True)
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d", fullmatch=True),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_any_when_is_a_moment_in_the_next_five_years_or_refused(when: str, timezone: str):
    try:
        due = due_at(when, NOW, timezone)
    except ToolError:
        return
    assert NOW < due <= NOW + FURTHEST
    assert due.utcoffset() == timedelta(0)
