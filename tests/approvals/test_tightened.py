"""When the settings get stricter between the request, the answer and the start, the stricter ones hold (A14)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.events import ApprovalRequested, ToolFinished
from tests.approvals.kit import WAYS, Live, ask, by_api, by_button, found, opened, row_of, runs

Tighten = Callable[[Live], object]

STRICTER: dict[str, Tighten] = {
    "the approver is off the list": lambda live: live.change(approvers=("dave",)),
    "the list is empty": lambda live: live.change(approvers=()),
    "the approver is gone": lambda live: live.people.pop("carol"),
    "the approver is only played": lambda live: live.change_person("carol", demo=True),
    "two have to agree": lambda live: live.change(quorum=2),
    "the tool is off": lambda live: live.tools.pop("deploy"),
    "the requester may not cause it": lambda live: live.change(causes=frozenset({"bob"})),
    "nobody may cause it": lambda live: live.change(causes=frozenset()),
    "the requester is gone": lambda live: live.people.pop("ann"),
    "the tool does something else now": lambda live: live.change(effect="idempotent"),
}
"""What takes the right away from Carol's yes to what Ann asked for."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stricter", STRICTER)
async def test_between_the_request_and_the_answer(tmp_path: Path, stricter: str, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        STRICTER[stricter](it.live)

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert await runs(it.bot, row.thread_id) == []
        assert it.deploys.ran == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stricter", STRICTER)
async def test_between_the_answer_and_the_start(tmp_path: Path, stricter: str, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await WAYS[way](it.bot, "carol", row)

        STRICTER[stricter](it.live)
        await it.bot.settle()

        assert await runs(it.bot, row.thread_id) == []
        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "cancelled"
        (finished,) = await found(it.bot, row.thread_id, ToolFinished)
        assert finished.status == "denied"
        assert "does not count any more" in finished.result


async def test_whoever_said_yes_hears_that_it_was_not_done(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await by_button(it.bot, "carol", row)

        it.live.change(causes=frozenset())
        await it.bot.settle()

        assert any(
            "deploy was not done" in part.text for part in it.bot.phone.sent if part.destination == "+3"
        )


async def test_separation_that_came_later_holds_for_what_was_asked_before(tmp_path: Path) -> None:
    async with opened(tmp_path, approvers=("ann",)) as it:
        row = await ask(it.bot)
        await by_api(it.bot, "ann", row)

        it.live.change(separation_of_duties=True)
        await it.bot.settle()

        assert it.deploys.ran == []


@pytest.mark.parametrize("when", ["before the answer", "before the start"])
async def test_what_gets_looser_does_not_loosen_what_was_asked_before(tmp_path: Path, when: str) -> None:
    async with opened(
        tmp_path, quorum=2, separation_of_duties=True, approvers=("ann", "carol", "dave")
    ) as it:
        row = await ask(it.bot)
        if when == "before the answer":
            it.live.change(quorum=1, separation_of_duties=False)
        await by_api(it.bot, "ann", row)
        await by_button(it.bot, "carol", row)
        it.live.change(quorum=1, separation_of_duties=False)

        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "pending"


async def test_of_two_who_agreed_one_who_lost_the_right_does_not_count(tmp_path: Path) -> None:
    async with opened(tmp_path, quorum=2) as it:
        row = await ask(it.bot)
        await by_button(it.bot, "carol", row)
        it.live.change(approvers=("dave", "ann"))

        await by_button(it.bot, "dave", row)
        await it.bot.settle()

        assert it.deploys.ran == []


@pytest.mark.parametrize("stricter", ["the approver is off the list", "two have to agree", "the tool is off"])
async def test_also_when_the_bot_starts_again_in_between(tmp_path: Path, stricter: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await by_button(it.bot, "carol", row)

    async with opened(tmp_path, deploys=it.deploys) as it:
        STRICTER[stricter](it.live)
        await it.bot.recover()
        await it.bot.settle()

        assert it.deploys.ran == []


async def test_an_edit_is_judged_by_the_rule_of_what_it_makes(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        rule = it.live.tools["deploy"]
        cases = {"staging": rule, "production": replace(rule, approvers=("dave",))}
        it.live.tools["deploy"] = replace(rule, by_argument="environment", cases=cases)
        row = await ask(it.bot)

        await by_button(it.bot, "carol", row, "edit", args={"environment": "production", "tag": "v1"})
        await it.bot.settle()

        assert it.deploys.ran == []


async def test_an_edit_to_what_has_no_rule_does_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        rule = it.live.tools["deploy"]
        it.live.tools["deploy"] = replace(rule, by_argument="environment", cases={"staging": rule})
        row = await ask(it.bot)

        await by_button(it.bot, "carol", row, "edit", args={"environment": "elsewhere", "tag": "v1"})
        await it.bot.settle()

        assert it.deploys.ran == []


async def test_what_is_asked_for_anew_after_an_edit_has_the_approvers_of_what_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        rule = it.live.tools["deploy"]
        cases = {"staging": rule, "elsewhere": replace(rule, approvers=("carol",))}
        it.live.tools["deploy"] = replace(rule, by_argument="environment", cases=cases)
        row = await ask(it.bot)
        await by_button(it.bot, "carol", row, "edit", args={"environment": "elsewhere", "tag": "v1"})

        it.bot.clock.advance(3600)
        await it.bot.settle()

        (again,) = await it.bot.open_requests()
        (_, asked) = await found(it.bot, row.thread_id, ApprovalRequested)
        assert again.approvers == tuple(cases[str(asked.args["environment"])].approvers)
