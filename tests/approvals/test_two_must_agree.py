"""Where two have to agree, two people do, on the same arguments, and one no is enough (F6.7)."""

from pathlib import Path

import pytest

from bot.events import ApprovalAnswered, ApprovalRequested, ApprovalResolved
from tests.approvals.kit import (
    WAYS,
    WITH_ARGS,
    ask,
    by_api,
    by_button,
    by_text,
    found,
    opened,
    row_of,
    sent_to,
)


@pytest.mark.parametrize("way", WAYS)
async def test_two_people_start_it(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()
        after_one = list(it.deploys.ran)

        await WAYS[way](it.bot, "dave", row)
        await it.bot.settle()

        assert (after_one, it.deploys.ran) == ([], [("staging", "v1")])
        (resolved,) = await found(it.bot, row.thread_id, ApprovalResolved)
        assert resolved.by == ("carol", "dave")


@pytest.mark.parametrize("way", WAYS)
async def test_one_person_counts_once_however_often_and_from_wherever(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)

        for _ in range(3):
            await WAYS[way](it.bot, "carol", row)
            await by_button(it.bot, "carol", row, channel="fake")
            await by_text(it.bot, "carol", row)
            await by_api(it.bot, "carol", row)
            await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "pending"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["carol", "dave"])
async def test_one_no_ends_it_also_after_a_yes_and_by_whoever_said_that(
    tmp_path: Path, way: str, who: str
) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        await WAYS[way](it.bot, who, row, "reject", "no")
        await WAYS[way](it.bot, "dave", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "rejected"


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_nobody_changes_what_two_have_to_agree_on(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "edit", args={"environment": "staging", "tag": "v2"})
        await it.bot.settle()

        assert it.deploys.ran == []
        (refused,) = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert refused.refused == "invalid_args"
        assert "several people" in refused.message


async def test_the_buttons_do_not_offer_to_change_what_two_have_to_agree_on(tmp_path: Path) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)

        (asked,) = await found(it.bot, row.thread_id, ApprovalRequested)
        offered = {decision for each in asked.outgoing if each.request for decision in each.request.decisions}
        assert offered == {"approve", "reject", "respond"}


async def test_whoever_is_first_of_two_hears_that_it_takes_another(tmp_path: Path) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert "takes 2 people" in sent_to(it.bot, "+3")[-1]


async def test_with_fewer_people_than_it_takes_nobody_is_asked(tmp_path: Path) -> None:
    async with opened(tmp_path, quorum=3) as it:
        await it.bot.say("deploy v1 to staging")
        await it.bot.settle()

        assert await it.bot.open_requests() == []
        assert it.deploys.ran == []


async def test_the_requester_is_none_of_the_two_where_that_is_separated(tmp_path: Path) -> None:
    async with opened(
        tmp_path, quorum=2, separation_of_duties=True, approvers=("ann", "carol", "dave")
    ) as it:
        row = await ask(it.bot)

        await by_api(it.bot, "ann", row)
        await by_api(it.bot, "carol", row)
        await it.bot.settle()
        after = list(it.deploys.ran)
        await by_api(it.bot, "dave", row)
        await it.bot.settle()

        assert (after, it.deploys.ran) == ([], [("staging", "v1")])


@pytest.mark.parametrize("way", WAYS)
async def test_a_first_yes_after_the_end_does_not_help_a_second_one(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)
        it.bot.clock.advance(4 * 3600)

        await WAYS[way](it.bot, "dave", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "expired"
