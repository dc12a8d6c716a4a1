"""Found by the random schedules: an edit that nobody notices after a compaction."""

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from bot.events import ApprovalResolved
from bot.testing import EVERYBODY, call, open_test_bot, reply
from bot.tools import Ask, Stored, ToolContext, tool


class Args(BaseModel):
    n: int


@tool(effect="stored", then="finish", risk="low")
async def ask(args: Args, ctx: ToolContext) -> Stored:
    """Asks Dave."""
    return Stored("asked", questions=(Ask("dave", "Which one?"),))


async def test_an_edit_voids_a_request_that_came_after_a_question_and_a_compaction(tmp_path: Path) -> None:
    ran: list[int] = []

    @tool(effect="unsafe", risk="high")
    async def deploy(args: Args, ctx: ToolContext) -> str:
        """Deploys."""
        ran.append(args.n)
        return "deployed"

    script = [call("ask", n=1), *[reply("word " * 300)] * 8, call("deploy", n=1), reply("done")]
    async with open_test_bot(
        tmp_path,
        script=script,
        tools=[ask, deploy],
        people=EVERYBODY,
        rules=lambda rules: replace(rules, max_context_tokens=2500),
    ) as bot:
        said = await bot.say("ask dave which one and deploy that", place="first")
        await bot.settle()
        for number in range(8):
            await bot.say(f"small talk {number}", by="U2")
            await bot.settle()
        (question,) = await bot.open_requests()
        await bot.text("dave", f"{bot.keys.code('question', question.id, 'dave', 'phone')} the blue one")
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.edit("first", "deploy nothing")
        await bot.press("carol", request.id, "approve")
        await bot.settle()

        log = await bot.log(said.thread_id)
        assert [e.data.status for e in log if isinstance(e.data, ApprovalResolved)] == ["superseded"]
        assert ran == []
