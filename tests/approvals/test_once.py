"""One decision counts, however often and from wherever it comes (F6.1, F6.2)."""

import asyncio
from pathlib import Path

import pytest

from bot.events import ApprovalAnswered, ApprovalResolved, ToolFinished
from tests.approvals.kit import WAYS, ask, by_api, by_button, by_text, found, opened, row_of, sent_to


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("times", [2, 10])
async def test_the_same_yes_many_times_at_once_runs_it_once(tmp_path: Path, way: str, times: int) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await asyncio.gather(*(WAYS[way](it.bot, "carol", row) for _ in range(times)))
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
        (resolved,) = await found(it.bot, row.thread_id, ApprovalResolved)
        assert (resolved.status, resolved.by) == ("approved", ("carol",))


@pytest.mark.parametrize("times", [2, 10])
async def test_the_same_yes_from_two_channels_at_once_runs_it_once(tmp_path: Path, times: int) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await asyncio.gather(
            *(by_button(it.bot, "carol", row, channel="fake") for _ in range(times)),
            *(by_text(it.bot, "carol", row) for _ in range(times)),
            *(by_api(it.bot, "carol", row) for _ in range(times)),
        )
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
        assert len(await found(it.bot, row.thread_id, ApprovalResolved)) == 1


async def test_a_redelivered_text_is_one_answer(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        first = await by_text(it.bot, "carol", row, place="SM1")
        await it.bot.settle()
        again = [await by_text(it.bot, "carol", row, place="SM1") for _ in range(5)]
        await it.bot.settle()

        assert all(each.duplicate and each.seq == first.seq for each in again)
        assert len(await found(it.bot, row.thread_id, ApprovalAnswered)) == 1
        assert it.deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize("way", ["text", "button"])
@pytest.mark.parametrize("who", ["carol", "dave"])
async def test_whoever_comes_later_hears_who_decided_and_when(tmp_path: Path, way: str, who: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await by_text(it.bot, "carol", row)
        await it.bot.settle()
        it.bot.clock.advance(60)

        await WAYS[way](it.bot, who, row)
        await it.bot.settle()

        assert (
            "already approved by carol at 2026-11-23 09:00 UTC"
            in sent_to(it.bot, "+3" if who == "carol" else "+4")[-1]
        )
        assert it.deploys.ran == [("staging", "v1")]


async def test_over_the_api_whoever_comes_later_is_refused_as_late(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        await by_api(it.bot, "dave", row)
        await it.bot.settle()

        late = (await found(it.bot, row.thread_id, ApprovalAnswered))[-1]
        assert late.refused == "late"
        assert "already approved by carol" in late.message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", ["approve", "reject"])
async def test_of_a_yes_and_a_no_at_once_the_first_one_wins_and_the_other_hears_so(
    tmp_path: Path, way: str, first: str
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        second = "reject" if first == "approve" else "approve"

        await WAYS[way](it.bot, "carol", row, first, "a freeze")
        await WAYS[way](it.bot, "dave", row, second, "a freeze")
        await it.bot.settle()

        ended = "approved" if first == "approve" else "rejected"
        assert (await row_of(it.bot, row.id)).status == ended
        assert it.deploys.ran == ([("staging", "v1")] if first == "approve" else [])
        assert any(f"already {ended} by carol" in text for text in sent_to(it.bot, "+4"))


async def test_both_of_a_yes_and_a_no_at_once_are_on_record(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await asyncio.gather(
            by_text(it.bot, "carol", row), by_text(it.bot, "dave", row, "reject", "a freeze")
        )
        await it.bot.settle()

        answers = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert {answer.by.person for answer in answers} == {"carol", "dave"}
        assert len(await found(it.bot, row.thread_id, ApprovalResolved)) == 1
        (finished,) = await found(it.bot, row.thread_id, ToolFinished)
        assert (finished.status == "ok") == bool(it.deploys.ran)


async def test_a_yes_that_comes_before_the_loop_has_gone_on_is_not_lost(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        await it.bot.say("deploy v1 to staging")
        while not await it.bot.open_requests():
            await it.bot.loop.advance(next(iter(it.bot.woken)), once=True)
        (row,) = await it.bot.open_requests()

        await by_button(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
