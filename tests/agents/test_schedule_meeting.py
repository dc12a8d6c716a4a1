"""An invitation by mail: when exactly, in whose time zone, and what both sides read of it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from agents.assistant import MeetingArgs, assistant, schedule_meeting, spelled_out
from bot.errors import ToolError
from bot.events import ApprovalRequested, Invite, ModelAnswered, Outgoing, Step, ToolFinished
from bot.rules import Reach
from bot.shown import shown
from bot.testing import EVERYBODY, FakeClock, Known
from bot.tools import Stored
from simulators.brain import answer
from tests.agents.mail_kit import BOT, NOW, context
from tests.approvals.kit import ask, by_button, found, opened

SARAH = Known("sarah", {"email": "sarah@example.net"})


def meeting(
    participant: str = "sarah", date: str = "2026-12-01", time: str = "15:00", timezone: str = ""
) -> MeetingArgs:
    return MeetingArgs(participant=participant, date=date, time=time, timezone=timezone)


def refusal(args: MeetingArgs, **more) -> str:
    with pytest.raises(ToolError) as caught:
        spelled_out(args, context(**more))
    return str(caught.value)


async def letter_for(args: MeetingArgs, **more) -> Outgoing:
    stored = await schedule_meeting.run(args, context(**more))
    assert isinstance(stored, Stored)
    (letter,) = stored.outgoing
    return letter


async def begins(args: MeetingArgs, **more) -> datetime:
    invite = (await letter_for(args, **more)).invite
    assert invite is not None
    return invite.starts_at


# ---------------------------------------------------------------- what leaves


async def test_an_invitation_leaves_with_the_time_in_both_time_zones():
    stored = await schedule_meeting.run(meeting(), context())

    assert isinstance(stored, Stored)
    (letter,) = stored.outgoing
    assert stored.text == (
        "I have invited sarah to a meeting on Tue 1 Dec 2026 at 15:00 (Europe/Berlin), 30 minutes."
    )
    assert (letter.channel, letter.account, letter.destination) == ("email", BOT, "sarah@example.net")
    assert letter.subject == "Invitation: Meeting with ann, Tue 1 Dec 2026"
    assert letter.text == (
        "ann invites you to a meeting:\n\n"
        "Tue 1 Dec 2026, 15:00 to 15:30 (Europe/Berlin)\n"
        "That is Tue 1 Dec 2026, 09:00 to 09:30 (America/New_York).\n\n"
        "Please accept or decline the invitation, or answer this mail."
    )
    assert letter.invite == Invite(
        uid=letter.invite.uid if letter.invite else "",
        title="Meeting with ann",
        starts_at=datetime(2026, 12, 1, 14, 0, tzinfo=UTC),
        minutes=30,
        timezone="Europe/Berlin",
    )


async def test_somebody_unknown_reads_the_time_in_utc_besides():
    letter = await letter_for(meeting("max@example.com"))

    assert "That is Tue 1 Dec 2026, 14:00 to 14:30 (UTC)." in letter.text


async def test_who_lives_in_the_same_time_zone_reads_it_once():
    letter = await letter_for(meeting(timezone="America/New_York"))

    assert letter.text.count(":00 to") == 1


async def test_the_invitation_is_the_same_for_every_try_and_another_for_another_call():
    stored = [await schedule_meeting.run(meeting(), replace(context(), key=key)) for key in ("a", "a", "b")]

    uids = [each.outgoing[0].invite.uid for each in stored if isinstance(each, Stored)]
    assert stored[0] == stored[1]
    assert uids[0] != uids[2]
    assert all(re.fullmatch("[a-z2-7]{26}", uid) for uid in uids)


def test_it_is_risky_kept_by_us_and_ends_the_turn():
    assert (schedule_meeting.effect, schedule_meeting.then, schedule_meeting.risk) == (
        "stored",
        "finish",
        "high",
    )
    assert list(MeetingArgs.model_fields) == ["participant", "date", "time", "timezone"]
    assert (schedule_meeting.channel, schedule_meeting.address) == ("email", "participant")
    assert schedule_meeting in assistant.tools


# ---------------------------------------------------------------- what is asked about


def test_the_approver_reads_the_address_and_the_time_zone():
    exact = spelled_out(meeting(" Sarah ", " 2026-12-01", "15:00 "), context())

    assert shown("schedule_meeting", exact.model_dump()).split("\n") == [
        "schedule_meeting",
        'date: "2026-12-01"',
        'participant: "sarah@example.net"',
        'time: "15:00"',
        'timezone: "Europe/Berlin"',
    ]


async def test_what_was_shown_is_what_runs_even_if_the_requester_travels_meanwhile():
    exact = spelled_out(meeting(), context())

    assert await begins(exact, timezone="Asia/Tokyo") == datetime(2026, 12, 1, 14, 0, tzinfo=UTC)


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("args", "utc"),
    [
        (meeting(timezone="Asia/Tokyo"), "2026-12-01T06:00"),
        (meeting(date="2027-07-01"), "2027-07-01T13:00"),
        (meeting(date="2026-11-28", time="13:01"), "2026-11-28T12:01"),
        (meeting(date="2027-11-28", time="13:00"), "2027-11-28T12:00"),
        (meeting(date="2027-10-31", time="02:30"), "2027-10-31T00:30"),  # it comes twice: the first
    ],
)
async def test_it_begins_when_it_was_said_in_that_time_zone(args: MeetingArgs, utc: str):
    assert await begins(args) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (meeting(date="2026-11-28", time="13:00"), "is not in the future; it is 2026-11-28T13:00 in"),
        (meeting(date="2026-11-27"), "is not in the future"),
        (meeting(date="2027-11-30"), "more than a year away"),
        (meeting(date="9999-12-31", time="23:59"), "more than a year away"),
        (meeting(date="0001-01-01", timezone="Asia/Tokyo"), "date, time:"),
        (meeting(date="2027-03-28", time="02:30"), "does not exist in Europe/Berlin"),
        (meeting(date="2027-02-29"), "is not a date and time"),
        (meeting(time="24:00"), "is not a date and time"),
        (meeting(time="3 PM"), 'found "2026-12-01" and "3 PM", allowed are 2026-12-01 and 15:00'),
        (meeting(date="next Tuesday"), "allowed are"),
        (meeting(date="2026-12-01T15:00", time=""), "allowed are"),
        (meeting(date="\u0662026-12-01"), "allowed are"),
        (meeting(timezone="Berlin"), "is not a known time zone"),
        (meeting("max"), "there is no max here"),
    ],
)
def test_a_meeting_that_cannot_be_is_refused_before_anybody_is_asked(args: MeetingArgs, said: str):
    assert said in refusal(args)


async def test_a_yes_that_comes_after_the_meeting_began_invites_nobody():
    exact = spelled_out(meeting(), context())

    with pytest.raises(ToolError, match="is not in the future"):
        await schedule_meeting.run(exact, context(now=NOW + timedelta(days=4)))


def test_without_a_mailbox_it_says_so():
    assert "e-mail is not set up" in refusal(meeting(), accounts={})


# ---------------------------------------------------------------- from the words to the invitation


def brain(request: Mapping[str, JsonValue]) -> ModelAnswered:
    return ModelAnswered(step=Step.model_validate(answer(request)), model="brain")


@pytest.mark.parametrize(
    ("written", "date"), [("2026-11-28T12:00", "2026-12-01"), ("2026-12-01T12:00", "2026-12-08")]
)
async def test_the_sentence_of_the_seed_becomes_the_invitation_that_was_approved(
    tmp_path: Path, written: str, date: str
):
    clock = FakeClock(datetime.fromisoformat(written).replace(tzinfo=UTC))
    accounts = {"accounts": {"email": BOT}}

    async with opened(
        tmp_path,
        script=brain,
        tools=[schedule_meeting],
        rules=accounts,
        clock=clock,
        people=(*EVERYBODY, SARAH),
    ) as here:
        here.live.change_person("sarah", reaches=(Reach("email", BOT, "sarah@example.net"),))
        row = await ask(here.bot, "Schedule a meeting with Sarah next Tuesday at 3 PM")
        clock.advance(3600)
        await by_button(here.bot, "carol", row)
        await here.bot.settle()

        (asked,) = await found(here.bot, row.thread_id, ApprovalRequested)
        args = {"participant": "sarah@example.net", "date": date, "time": "15:00", "timezone": "UTC"}
        assert asked.args == args
        assert any("schedule meeting with sarah@example.net" in text for text in here.bot.texts)
        (done,) = await found(here.bot, row.thread_id, ToolFinished)
        (letter,) = done.outgoing
        assert letter.destination == "sarah@example.net"
        assert letter.invite is not None
        assert letter.invite.starts_at == datetime.fromisoformat(f"{date}T15:00+00:00")
        assert here.bot.texts[-1].startswith("I have invited sarah to a meeting on Tue")
