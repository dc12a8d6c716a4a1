"""Stop, pause and taking over while something waits for a person, also with the model down (G01)."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue

from bot.events import ApprovalRequested, ModelAnswered, ToolStarted, TurnEnded
from bot.testing import Bot, call, failure, reply
from bot.tools import ToolContext, tool
from tests.approvals.kit import WAYS, ask, by_text, found, opened, row_of, sent_to, wants

STOPPED = "Stopped. Nothing further will start"


def down(request: Mapping[str, JsonValue]) -> ModelAnswered:
    """A model that cannot be reached once something has been asked for."""
    first = "<step" not in str(request["messages"])
    return wants() if first else failure("unavailable")


# ---------------------------------------------------------------- stop


@pytest.mark.parametrize("text", ["STOP", "stop", "Stop.", "stop!", "<@UBOT> stop", "@bot stop"])
async def test_stop_ends_what_waits_and_those_who_were_asked_hear_so(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await it.bot.say(text)
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "cancelled"
        assert STOPPED in it.bot.texts[-1] or STOPPED in sent_to(it.bot, "c1")[-1]
        assert any("No longer needed: deploy (cancelled)" in each for each in sent_to(it.bot, "+3"))


@pytest.mark.parametrize("text", ["please stop", "stop it", "do not stop", "nonstop"])
async def test_a_sentence_with_the_word_in_it_stops_nothing(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await it.bot.say(text)
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "pending"


@pytest.mark.parametrize("way", WAYS)
async def test_stop_works_with_the_model_down(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, script=down) as it:
        row = await ask(it.bot)
        await it.bot.say("hello?")
        await it.bot.settle()

        await it.bot.say("stop")
        await it.bot.settle()
        await WAYS[way](it.bot, "carol", row)
        it.bot.clock.advance(3600)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "cancelled"
        assert any(STOPPED in each for each in sent_to(it.bot, "c1"))


async def test_a_yes_works_with_the_model_down(tmp_path: Path) -> None:
    async with opened(tmp_path, script=down) as it:
        row = await ask(it.bot)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


class NoArgs(BaseModel):
    number: int


async def test_after_a_stop_in_the_middle_of_many_calls_no_other_one_starts(tmp_path: Path) -> None:
    ran: list[int] = []
    holder: list[Bot] = []

    @tool(effect="unsafe", risk="low")
    async def act(args: NoArgs, ctx: ToolContext) -> str:
        """Acts."""
        ran.append(args.number)
        if args.number == 3:
            await holder[0].say("stop")
        return "done"

    script = [call("act", number=number) for number in range(50)]
    async with opened(tmp_path, script=script, tools=[act]) as it:
        holder.append(it.bot)
        received = await it.bot.say("do all of them")
        await it.bot.settle()

        assert ran == [0, 1, 2, 3]
        assert len(await found(it.bot, received.thread_id, ToolStarted)) == 4
        assert (await found(it.bot, received.thread_id, TurnEnded))[-1].outcome == "cancelled"


async def test_a_stop_in_one_conversation_leaves_those_of_others_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), wants("v2"), reply("It is deployed.")]) as it:
        first, second = await ask(it.bot), await ask(it.bot, conversation="c2")

        await it.bot.say("stop", conversation="c1")
        await it.bot.settle()

        assert (await row_of(it.bot, first.id)).status == "cancelled"
        assert (await row_of(it.bot, second.id)).status == "pending"


async def test_an_approver_who_says_stop_on_their_phone_decides_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await it.bot.text("carol", "STOP")
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "pending"


# ---------------------------------------------------------------- pause


@pytest.mark.parametrize("way", WAYS)
async def test_a_yes_while_paused_starts_nothing_until_it_is_resumed(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.say("pause")
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()
        while_paused = list(it.deploys.ran)

        await it.bot.say("resume")
        await it.bot.settle()

        assert (while_paused, it.deploys.ran) == ([], [("staging", "v1")])


async def test_a_yes_before_a_long_pause_is_asked_for_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.say("pause")
        await by_text(it.bot, "carol", row)
        it.bot.clock.advance(3600)

        await it.bot.say("resume")
        await it.bot.settle()

        assert it.deploys.ran == []
        assert len(await found(it.bot, row.thread_id, ApprovalRequested)) == 2


@pytest.mark.parametrize("how", ["pause", "take_over"])
async def test_what_expires_meanwhile_is_told_all_the_same(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.control(row.thread_id, how)  # type: ignore[arg-type]
        await it.bot.settle()

        it.bot.clock.advance(5 * 3600)
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "expired"
        assert "Nobody decided in time" in sent_to(it.bot, "c1")[-1]
        assert any("No longer needed: deploy (expired)" in each for each in sent_to(it.bot, "+3"))


@pytest.mark.parametrize("how", ["pause", "take_over"])
async def test_a_stop_meanwhile_voids_it_and_that_is_told(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.control(row.thread_id, how)  # type: ignore[arg-type]
        await it.bot.settle()

        await it.bot.say("stop")
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "cancelled"
        assert any("No longer needed: deploy (cancelled)" in each for each in sent_to(it.bot, "+3"))


# ---------------------------------------------------------------- a person takes over


@pytest.mark.parametrize("way", WAYS)
async def test_a_yes_while_a_person_has_the_conversation_waits_until_they_hand_it_back(
    tmp_path: Path, way: str
) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await it.bot.control(row.thread_id, "take_over")
        await it.bot.settle()
        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()
        meanwhile = list(it.deploys.ran)

        await it.bot.control(row.thread_id, "hand_back")
        await it.bot.settle()

        assert (meanwhile, it.deploys.ran) == ([], [("staging", "v1")])


async def test_what_was_asked_for_can_be_decided_after_a_person_was_called_in(tmp_path: Path) -> None:
    script = [wants(), failure("refusal"), reply("It is deployed.")]
    async with opened(tmp_path, script=script) as it:
        row = await ask(it.bot)
        await it.bot.say("hm")
        await it.bot.settle()

        await by_text(it.bot, "carol", row)
        await it.bot.control(row.thread_id, "hand_back")
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
