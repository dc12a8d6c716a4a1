"""What happens between a request and its answer: new messages, other plans, old buttons (F6.9, F6.10, A09, A10)."""

import shutil
from pathlib import Path

import pytest

from agents.assistant import withdraw
from bot.events import ApprovalRequested, ApprovalResolved
from bot.testing import call, reply
from tests.approvals.kit import (
    WAYS,
    Deploys,
    ask,
    by_button,
    by_text,
    found,
    opened,
    row_of,
    runs,
    sent_to,
    wants,
)

V1 = {"environment": "staging", "tag": "v1"}


# ---------------------------------------------------------------- another plan


@pytest.mark.parametrize("way", WAYS)
async def test_a_new_plan_is_a_new_request_and_the_old_yes_still_means_the_old_one(
    tmp_path: Path, way: str
) -> None:
    script = [wants("v1"), wants("v2"), reply("v1 is out."), reply("v2 is out.")]
    async with opened(tmp_path, script=script) as it:
        old = await ask(it.bot)
        new = await ask(it.bot, "no, v2")

        await WAYS[way](it.bot, "carol", old)
        await it.bot.settle()

        assert await runs(it.bot, old.thread_id) == [V1]
        assert (await row_of(it.bot, new.id)).status == "pending"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["edited", "deleted"])
async def test_when_the_message_behind_it_changes_the_request_is_void(
    tmp_path: Path, way: str, what: str
) -> None:
    script = [wants("v1"), reply("Well.")]
    async with opened(tmp_path, script=script) as it:
        await it.bot.say("deploy v1 to staging", place="p1")
        await it.bot.settle()
        (row,) = await it.bot.open_requests()

        if what == "edited":
            await it.bot.edit("p1", "deploy v2 to staging")
        else:
            await it.bot.delete("p1")
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "superseded"
        assert any("what was asked for has changed" in text for text in sent_to(it.bot, "+3"))
        assert any("is withdrawn" in text for text in it.bot.texts)


async def test_a_change_after_the_yes_and_before_the_start_still_voids_it(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), reply("Well.")]) as it:
        await it.bot.say("deploy v1 to staging", place="p1")
        await it.bot.settle()
        (row,) = await it.bot.open_requests()
        await by_text(it.bot, "carol", row)

        await it.bot.edit("p1", "do not deploy")
        await it.bot.settle()

        assert it.deploys.ran == []


@pytest.mark.parametrize(
    "other", [wants("v2"), wants("v1", "production"), wants("v1 ")], ids=["tag", "place", "space"]
)
async def test_after_a_yes_the_same_tool_with_other_arguments_needs_another_yes(
    tmp_path: Path, other: object
) -> None:
    async with opened(tmp_path, script=[wants("v1"), other, reply("Done.")]) as it:  # type: ignore[list-item]
        row = await ask(it.bot)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
        assert len(await it.bot.open_requests()) == 1


async def test_the_same_call_asked_for_twice_is_one_request(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), wants(), reply("Done.")]) as it:
        await ask(it.bot)

        await it.bot.say("deploy v1 to staging, please!")
        await it.bot.settle()

        assert len(await it.bot.open_requests()) == 1
        assert "is waiting for a person's yes already" in it.bot.texts[-1]


# ---------------------------------------------------------------- a message in between


@pytest.mark.parametrize("way", WAYS)
async def test_who_writes_while_a_request_is_open_gets_an_answer_and_the_request_stays_right(
    tmp_path: Path, way: str
) -> None:
    script = [wants(), reply("Still waiting for Carol."), reply("It is deployed.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)

        await it.bot.say("how is it going?")
        await it.bot.settle()
        answered = it.bot.texts[-1]
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert answered == "Still waiting for Carol."
        assert await runs(it.bot, row.thread_id) == [V1]
        assert it.bot.texts[-1] == "It is deployed."


async def test_the_model_sees_what_waits(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), reply("Still waiting.")]) as it:
        await ask(it.bot)

        await it.bot.say("how is it going?")
        await it.bot.settle()

        shown = str(it.bot.model.requests[-1]["messages"])
        assert "waiting for:" in shown
        assert "deploy" in shown.rpartition("waiting for:")[2]


@pytest.mark.parametrize("way", WAYS)
async def test_the_agent_may_take_its_request_back(tmp_path: Path, way: str) -> None:
    def script(request: object) -> object:
        shown = str(request)
        if "never mind" not in shown:
            return wants()
        if "withdrawn" in shown:
            return reply("I took it back.")
        seq = int(shown.rpartition("- seq ")[2].partition(":")[0])
        return call("withdraw", seq=seq)

    async with opened(tmp_path, script=script, tools=[withdraw]) as it:  # type: ignore[arg-type]
        row = await ask(it.bot)
        await it.bot.say("never mind")
        await it.bot.settle()

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "withdrawn"
        assert any("No longer needed: deploy (withdrawn)" in text for text in sent_to(it.bot, "+3"))
        assert it.bot.texts[-1] == "I took it back."


async def test_the_agent_cannot_take_back_what_waits_elsewhere(tmp_path: Path) -> None:
    script = [wants(), call("withdraw", seq=7), reply("I cannot.")]
    async with opened(tmp_path, script=script, tools=[withdraw]) as it:
        row = await ask(it.bot)

        await it.bot.say("take it back", conversation="c2", by="U2")
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "pending"


async def test_a_yes_while_a_turn_runs_waits_for_its_end(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), reply("Hm."), reply("It is deployed.")]) as it:
        row = await ask(it.bot)
        await it.bot.say("how is it going?")
        await it.bot.loop.advance(row.thread_id, once=True)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
        assert it.bot.texts[-2:] == ["Hm.", "It is deployed."]


# ---------------------------------------------------------------- old buttons


@pytest.mark.parametrize("way", WAYS)
async def test_an_old_button_does_nothing_after_a_newer_request_for_the_same(
    tmp_path: Path, way: str
) -> None:
    async with opened(tmp_path, script=[wants(), wants(), reply("Done.")]) as it:
        old = await ask(it.bot)
        it.bot.clock.advance(5 * 3600)
        await it.bot.settle()
        new = await ask(it.bot)

        await WAYS[way](it.bot, "carol", old)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, new.id)).status == "pending"


@pytest.mark.parametrize("way", ["text", "button"])
async def test_an_answer_to_a_request_that_a_restored_backup_never_had_decides_nothing(
    tmp_path: Path, way: str
) -> None:
    lost, restored, deploys = tmp_path / "lost", tmp_path / "restored", Deploys()
    lost.mkdir()
    async with opened(lost, script=[reply("Hello.")], deploys=deploys) as it:
        await it.bot.say("hello")
        await it.bot.settle()
    shutil.copytree(lost, restored)
    async with opened(lost, deploys=deploys) as it:
        old = await ask(it.bot)

    async with opened(restored, script=[wants("v666"), reply("Done.")], deploys=deploys) as it:
        new = await ask(it.bot, "deploy v666")
        await WAYS[way](it.bot, "carol", old)
        await it.bot.settle()

        assert deploys.ran == []
        assert (await row_of(it.bot, new.id)).status == "pending"


async def test_a_request_that_a_restored_backup_still_has_runs_exactly_what_was_shown(tmp_path: Path) -> None:
    before, restored, deploys = tmp_path / "before", tmp_path / "restored", Deploys()
    before.mkdir()
    async with opened(before, deploys=deploys) as it:
        row = await ask(it.bot)
    shutil.copytree(before, restored)

    async with opened(restored, script=[reply("Done.")], deploys=deploys) as it:
        await by_button(it.bot, "carol", row)
        await it.bot.settle()

        (asked,) = await found(it.bot, row.thread_id, ApprovalRequested)
        assert await runs(it.bot, row.thread_id) == [asked.args]
        assert len(await found(it.bot, row.thread_id, ApprovalResolved)) == 1
