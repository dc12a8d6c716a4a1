"""What a person changes, refuses or answers themselves, and what the tool and the model learn of it (F6.3, F6.4)."""

from pathlib import Path
from typing import Any

import pytest

from bot.canonical import call_digest
from bot.events import (
    ApprovalAnswered,
    ApprovalRequested,
    ApprovalResolved,
    ModelAnswered,
    ToolFinished,
    ToolStarted,
)
from bot.testing import Bot, reply
from tests.approvals.kit import WAYS, WITH_ARGS, ask, by_button, found, opened, row_of, runs, sent_to, wants

CHANGED = {"environment": "staging", "tag": "v2"}


def last_prompt(bot: Bot) -> str:
    return str(bot.model.requests[-1]["messages"])


# ---------------------------------------------------------------- edits


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_the_tool_gets_what_the_person_made_of_it_and_the_model_is_told(
    tmp_path: Path, way: str
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "edit", args=CHANGED)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v2")]
        assert "a person changed the arguments to" in last_prompt(it.bot)
        assert 'status="edited" by="carol"' in last_prompt(it.bot)


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_the_log_keeps_what_was_asked_for_and_what_was_made_of_it(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "edit", args=CHANGED)
        await it.bot.settle()

        (asked,) = await found(it.bot, row.thread_id, ApprovalRequested)
        (resolved,) = await found(it.bot, row.thread_id, ApprovalResolved)
        (started,) = await found(it.bot, row.thread_id, ToolStarted)
        assert asked.args == {"environment": "staging", "tag": "v1"}
        assert (resolved.status, resolved.final_args) == ("edited", CHANGED)
        assert resolved.args_digest == asked.args_digest == call_digest("deploy", asked.args)
        assert started.args_digest == call_digest("deploy", CHANGED)


@pytest.mark.parametrize("way", WITH_ARGS)
@pytest.mark.parametrize(
    "args",
    [
        {},
        {"environment": 3},
        {"environment": None, "tag": "v2"},
        {"environment": ["staging"], "tag": "v2"},
        {"environment": "staging", "tag": "v2", "force": True},
        {"environment": "staging", "tag": "v2", "tool": "rm"},
        {"tool": "rm", "args": {"environment": "staging"}},
    ],
    ids=str,
)
async def test_an_edit_that_the_tool_does_not_take_decides_nothing(
    tmp_path: Path, way: str, args: dict[str, Any]
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "edit", args=args)
        await it.bot.settle()
        still = (await row_of(it.bot, row.id)).status
        (refused,) = await found(it.bot, row.thread_id, ApprovalAnswered)
        await by_button(it.bot, "carol", row)
        await it.bot.settle()

        assert (still, refused.refused) == ("pending", "invalid_args")
        assert "cannot be used" in refused.message
        assert it.deploys.ran == [("staging", "v1")]


async def test_whoever_presses_hears_what_is_wrong_with_their_edit(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await by_button(it.bot, "carol", row, "edit", args={"environment": "staging", "tag": 2})
        await it.bot.settle()

        assert "tag" in sent_to(it.bot, "+3")[-1]
        assert "nothing was decided" in sent_to(it.bot, "+3")[-1]


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_an_edit_cannot_make_another_call_of_it(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "edit", args=CHANGED)
        await it.bot.settle()

        (asked,) = await found(it.bot, row.thread_id, ApprovalRequested)
        (started,) = await found(it.bot, row.thread_id, ToolStarted)
        assert (started.tool, started.call_id) == (asked.tool, asked.call_id)


# ---------------------------------------------------------------- rejections


@pytest.mark.parametrize("way", WAYS)
async def test_the_model_reads_the_reason_word_for_word_as_a_decision(tmp_path: Path, way: str) -> None:
    reason = 'We "freeze" until Monday & then <some>'
    script = [wants(), reply("Carol said no.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)

        await WAYS[way](it.bot, "carol", row, "reject", reason)
        await it.bot.settle()

        assert it.deploys.ran == []
        (finished,) = await found(it.bot, row.thread_id, ToolFinished)
        assert (finished.status, reason in finished.result) == ("denied", True)
        assert "We &quot;freeze&quot; until Monday" in last_prompt(it.bot) or reason[:20] in last_prompt(
            it.bot
        )
        assert 'status="denied"' in last_prompt(it.bot)
        assert "unresolved errors" not in last_prompt(it.bot)


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_call_again_is_refused_without_asking_anybody(tmp_path: Path, way: str) -> None:
    script = [wants(), wants(), wants(), reply("I stop asking.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)

        await WAYS[way](it.bot, "carol", row, "reject", "no")
        await it.bot.settle()

        assert len(await found(it.bot, row.thread_id, ApprovalRequested)) == 1
        statuses = [each.status for each in await found(it.bot, row.thread_id, ToolFinished)]
        assert statuses == ["denied"] * 3
        assert it.deploys.ran == []
        assert it.bot.texts[-1] == "I stop asking."


async def test_another_call_after_a_no_is_asked_for_anew(tmp_path: Path) -> None:
    script = [wants("v1"), wants("v2"), reply("It is deployed.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)
        await by_button(it.bot, "carol", row, "reject", "v1 is broken")
        await it.bot.settle()
        (second,) = await it.bot.open_requests()
        assert it.deploys.ran == []

        await by_button(it.bot, "carol", second)
        await it.bot.settle()

        assert await runs(it.bot, row.thread_id) == [{"environment": "staging", "tag": "v2"}]


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_a_person_may_answer_instead_of_the_tool(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "carol", row, "respond", "it runs already")
        await it.bot.settle()

        assert it.deploys.ran == []
        (finished,) = await found(it.bot, row.thread_id, ToolFinished)
        assert (finished.status, finished.answered_by) == ("ok", "carol")
        assert "it runs already" in last_prompt(it.bot)


async def test_after_a_yes_the_same_call_again_needs_another_yes(tmp_path: Path) -> None:
    script: list[ModelAnswered] = [wants(), wants(), reply("Twice.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)

        await by_button(it.bot, "carol", row)
        await it.bot.settle()

        assert len(it.deploys.ran) == 1
        assert len(await it.bot.open_requests()) == 1
