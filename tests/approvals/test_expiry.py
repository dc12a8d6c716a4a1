"""Nothing starts after its time, whatever the clock and the process do in between (F6.5, A03)."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.events import ApprovalAnswered, ApprovalRequested, ApprovalResolved, Level
from bot.testing import FakeClock, reply
from tests.approvals.kit import WAYS, Deploys, ask, by_button, by_text, found, opened, row_of, sent_to, wants

HOURS_4 = 4 * 3600
MS = 0.001


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("offset", "ran"), [(-MS, 1), (0, 0), (MS, 0)])
async def test_only_an_answer_before_the_deadline_counts(
    tmp_path: Path, way: str, offset: float, ran: int
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(HOURS_4 + offset)

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert len(it.deploys.ran) == ran
        assert (await row_of(it.bot, row.id)).status == ("approved" if ran else "expired")


@pytest.mark.parametrize("way", WAYS)
async def test_a_yes_in_time_starts_it_although_the_loop_goes_on_after_the_deadline(
    tmp_path: Path, way: str
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(HOURS_4 - MS)
        await WAYS[way](it.bot, "carol", row)

        it.bot.clock.advance(60)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize("way", WAYS)
async def test_a_yes_that_could_not_start_in_time_is_asked_for_anew(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)

        it.bot.clock.advance(15 * 60 + 1)
        await it.bot.settle()
        ran = list(it.deploys.ran)
        (again,) = await it.bot.open_requests()
        await WAYS[way](it.bot, "carol", again)
        await it.bot.settle()

        assert (ran, again.id != row.id) == ([], True)
        assert (await row_of(it.bot, row.id)).status == "superseded"
        assert it.deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize("way", ["text", "button"])
async def test_who_comes_after_the_end_hears_that_it_has_expired(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(HOURS_4)
        await it.bot.settle()
        assert "Nobody decided in time" in it.bot.texts[-1]

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert "already expired at 2026-11-23 13:00 UTC" in sent_to(it.bot, "+3")[-1]


async def test_the_requester_and_those_who_were_asked_hear_of_the_end_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        await ask(it.bot)

        for _ in range(3):
            it.bot.clock.advance(HOURS_4)
            await it.bot.settle()

        assert sum("Nobody decided in time" in text for text in it.bot.texts) == 1
        for number in ("+3", "+4"):
            assert sum("No longer needed: deploy (expired)" in text for text in sent_to(it.bot, number)) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", ["the answer", "the timer"])
async def test_it_expires_also_when_the_bot_was_down_at_that_time(
    tmp_path: Path, way: str, first: str
) -> None:
    clock, deploys = FakeClock(), Deploys()
    async with opened(tmp_path, clock=clock, deploys=deploys) as it:
        row = await ask(it.bot)

    clock.advance(2 * HOURS_4)
    async with opened(tmp_path, clock=clock, deploys=deploys) as it:
        if first == "the timer":
            await it.bot.settle()
        await WAYS[way](it.bot, "carol", row)
        await it.bot.recover()
        await it.bot.settle()

        assert deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "expired"
        assert "Nobody decided in time" in it.bot.texts[-1]


@pytest.mark.parametrize("way", WAYS)
async def test_a_yes_that_came_right_before_the_bot_went_down_starts_it_after_the_restart(
    tmp_path: Path, way: str
) -> None:
    clock, deploys = FakeClock(), Deploys()
    async with opened(tmp_path, clock=clock, deploys=deploys) as it:
        row = await ask(it.bot)
        clock.advance(HOURS_4 - MS)
        await WAYS[way](it.bot, "carol", row)

    clock.advance(60)
    async with opened(tmp_path, script=[reply("It is deployed.")], clock=clock, deploys=deploys) as it:
        await it.bot.recover()
        await it.bot.settle()

        assert deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize("hours", [-24, -1, 1, 3.999])
async def test_a_clock_that_jumps_short_of_the_deadline_changes_nothing(tmp_path: Path, hours: float) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        it.bot.clock.advance(hours * 3600)
        await it.bot.settle()
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_a_clock_that_jumps_over_the_deadline_and_back_does_not_open_it_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(5 * 3600)
        await it.bot.settle()
        it.bot.clock.advance(-5 * 3600)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []


async def test_a_yes_after_the_clock_jumped_over_the_deadline_and_back_unseen_counts_by_the_log(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(5 * 3600)
        await it.bot.say("hello?")  # stamped by the clock that was wrong; the log does not go back
        it.bot.clock.advance(-5 * 3600)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("settled", [True, False], ids=["seen", "unseen"])
async def test_after_a_stop_no_yes_counts(tmp_path: Path, way: str, settled: bool) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.say("stop")
        if settled:
            await it.bot.settle()

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "cancelled"
        assert any("No longer needed: deploy (cancelled)" in text for text in sent_to(it.bot, "+3"))


@pytest.mark.parametrize("way", WAYS)
async def test_a_stop_after_the_yes_and_before_the_start_wins(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)

        await it.bot.say("stop")
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "cancelled"


# ---------------------------------------------------------------- passing on


@pytest.mark.parametrize("way", WAYS)
async def test_instead_of_ending_it_can_go_to_the_next_level(tmp_path: Path, way: str) -> None:
    levels = (Level(after=3600, approvers=("ann",)),)
    async with opened(tmp_path, approvers=("carol",), levels=levels, on_expiry="pass_on") as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "dave", row)
        it.bot.clock.advance(3600)
        await it.bot.settle()

        assert any("nobody has decided yet" in text for text in sent_to(it.bot, "U1"))
        await by_button(it.bot, "ann", row, channel="fake")
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_nobody_of_a_later_level_decides_before_its_time(tmp_path: Path) -> None:
    async with opened(tmp_path, approvers=("carol",), levels=(Level(after=3600, approvers=("ann",)),)) as it:
        row = await ask(it.bot)
        it.bot.clock.advance(3600 - MS)
        await it.bot.settle()

        await by_button(it.bot, "ann", row, channel="fake")
        await it.bot.settle()

        assert it.deploys.ran == []
        (refused,) = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert refused.refused == "unauthorised"


async def test_a_hundred_requests_that_end_at_once_do_not_park_their_conversation(tmp_path: Path) -> None:
    many = 100
    script = [wants(f"v{number}") for number in range(many)] + [reply("I am still here.")]
    async with opened(tmp_path, script=script, rules={"most_approvals": 1000}) as it:
        for number in range(many):
            await it.bot.say(f"deploy v{number}")
            await it.bot.settle()
        (asked, *_) = await it.bot.open_requests()

        it.bot.clock.now += timedelta(hours=5)
        await it.bot.settle()
        await it.bot.say("are you there?")
        await it.bot.settle()

        ended = await found(it.bot, asked.thread_id, ApprovalResolved)
        assert len(await found(it.bot, asked.thread_id, ApprovalRequested)) == many
        assert [each.status for each in ended] == ["expired"] * many
        assert it.bot.texts[-1] == "I am still here."
