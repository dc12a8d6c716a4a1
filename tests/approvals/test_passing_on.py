"""When nobody decides in time, a request is passed on or denied."""

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from bot.events import Level
from bot.rules import Rules
from bot.testing import EVERYBODY, call, open_test_bot, reply
from bot.tools import ToolContext, tool


class NoArgs(BaseModel):
    pass


@tool(effect="unsafe", risk="high")
async def launch(args: NoArgs, ctx: ToolContext) -> str:
    """Launches."""
    return "launched"


def to_dave_at_the_end(rules: Rules) -> Rules:
    agent = rules.agents["assistant"]
    rule = replace(
        agent.tools["launch"],
        approvers=("carol",),
        on_expiry="pass_on",
        levels=(Level(after=10 * 3600, approvers=("dave",)),),
    )
    return replace(rules, agents={"assistant": replace(agent, tools={"launch": rule})})


async def test_at_its_end_a_request_is_passed_on_with_as_much_time_again(tmp_path: Path) -> None:
    script = [call("launch"), reply("Launched.")]
    async with open_test_bot(
        tmp_path, script=script, tools=[launch], people=EVERYBODY, rules=to_dave_at_the_end
    ) as bot:
        await bot.say("launch")
        await bot.settle()
        assert [part.destination for part in bot.phone.sent] == ["+3"]

        bot.clock.advance(5 * 3600)
        await bot.settle()
        assert [part.destination for part in bot.phone.sent] == ["+3", "+4"]
        (request,) = await bot.open_requests()
        assert request.approvers == ("carol", "dave")

        bot.clock.advance(3 * 3600)
        await bot.text("dave", f"OK {bot.code(request.id, 'dave')}")
        await bot.settle()
        assert bot.texts[-1] == "Launched."


async def test_passed_on_to_the_last_it_ends_as_not_done(tmp_path: Path) -> None:
    async with open_test_bot(
        tmp_path, script=[call("launch")], tools=[launch], people=EVERYBODY, rules=to_dave_at_the_end
    ) as bot:
        await bot.say("launch")
        await bot.settle()

        bot.clock.advance(5 * 3600)
        await bot.settle()
        bot.clock.advance(5 * 3600)
        await bot.settle()

        assert await bot.open_requests() == []
        assert "Nobody decided in time (carol or dave)" in bot.texts[-1]
