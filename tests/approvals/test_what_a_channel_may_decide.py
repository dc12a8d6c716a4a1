"""A channel that proves little may be kept from deciding what is risky."""

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from bot.rules import Rules
from bot.testing import EVERYBODY, call, open_test_bot, reply
from bot.tools import ToolContext, tool


class NoArgs(BaseModel):
    pass


@tool(effect="unsafe", risk="high")
async def launch(args: NoArgs, ctx: ToolContext) -> str:
    """Launches."""
    return "launched"


def phones_decide_medium(rules: Rules) -> Rules:
    return replace(rules, caps={"phone": "medium"})


async def test_a_risky_call_is_put_to_the_approver_on_a_channel_that_may_decide_it(tmp_path: Path) -> None:
    async with open_test_bot(
        tmp_path, script=[call("launch")], tools=[launch], people=EVERYBODY, rules=phones_decide_medium
    ) as bot:
        await bot.say("launch")
        await bot.settle()

        assert bot.phone.sent == []
        assert [part.destination for part in bot.channel.sent if part.body] == ["U3"]


async def test_a_yes_from_a_channel_that_may_not_decide_it_counts_for_nothing(tmp_path: Path) -> None:
    script = [call("launch"), reply("Launched.")]
    async with open_test_bot(
        tmp_path, script=script, tools=[launch], people=EVERYBODY, rules=phones_decide_medium
    ) as bot:
        await bot.say("launch")
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "approve", channel="phone")
        await bot.text("carol", f"OK {bot.code(request.id, 'carol', channel='phone')}")
        await bot.settle()
        assert len(await bot.open_requests()) == 1

        await bot.press("carol", request.id, "approve", channel="fake")
        await bot.settle()
        assert await bot.open_requests() == []


async def test_that_holds_too_for_a_phone_that_takes_nothing_from_us_any_more(tmp_path: Path) -> None:
    def unreachable(rules: Rules) -> Rules:
        people = {name: replace(someone, reaches=()) for name, someone in rules.people.items()}
        return replace(phones_decide_medium(rules), people=people)

    async with open_test_bot(
        tmp_path, script=[call("launch")], tools=[launch], people=EVERYBODY, rules=unreachable
    ) as bot:
        await bot.say("launch")
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "approve", channel="phone")
        await bot.settle()

        assert len(await bot.open_requests()) == 1
