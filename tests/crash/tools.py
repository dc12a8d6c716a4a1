"""What the bot of a crash sweep can do, and what needs a yes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from pydantic import BaseModel

from bot.rules import Gate, Rules
from bot.tools import Ask, Pending, Stored, Timer, Tool, ToolContext, tool

UNSAFE = frozenset({"job", "deploy", "pay", "chore", "order"})


class Args(BaseModel):
    n: int


Acts = Callable[[str, Args], Awaitable[None]]


def strict(rules: Rules) -> Rules:
    """Two must agree on a payment."""
    agent = rules.agents["assistant"]
    pay = replace(agent.tools["pay"], quorum=2, gate=Gate(approval="always"))
    return replace(rules, agents={"assistant": replace(agent, tools={**agent.tools, "pay": pay})})


def make_tools(act: Acts) -> list[Tool]:
    return [*_plain(act), *_of_requests(act), *_long(act)]


def _plain(act: Acts) -> list[Tool]:
    @tool(effect="read")
    async def look(args: Args, ctx: ToolContext) -> str:
        """Look."""
        await act("look", args)
        return "seen"

    @tool(effect="idempotent", risk="low")
    async def put(args: Args, ctx: ToolContext) -> str:
        """Put."""
        await act("put", args)
        return "there"

    @tool(effect="unsafe", risk="low")
    async def job(args: Args, ctx: ToolContext) -> str:
        """Do it once."""
        await act("job", args)
        return "done"

    @tool(effect="stored", then="finish", risk="low")
    async def remind(args: Args, ctx: ToolContext) -> Stored:
        """Remind."""
        await act("remind", args)
        return Stored("I will", timers=(Timer(ctx.now + timedelta(seconds=30), "stretch"),))

    @tool(effect="read")
    async def broken(args: Args, ctx: ToolContext) -> str:
        """Break."""
        await act("broken", args)
        raise RuntimeError("broken")

    return [look, put, job, remind, broken]


def _of_requests(act: Acts) -> list[Tool]:
    @tool(effect="unsafe", risk="high")
    async def deploy(args: Args, ctx: ToolContext) -> str:
        """Deploy."""
        await act("deploy", args)
        return "deployed"

    @tool(effect="unsafe", risk="high")
    async def pay(args: Args, ctx: ToolContext) -> str:
        """Pay."""
        await act("pay", args)
        return "paid"

    @tool(effect="stored", then="finish", risk="low")
    async def question(args: Args, ctx: ToolContext) -> Stored:
        """Ask Dave."""
        await act("question", args)
        return Stored("I have asked", questions=(Ask("dave", "Which colour?", ("red", "blue")),))

    return [deploy, pay, question]


def _long(act: Acts) -> list[Tool]:
    @tool(effect="unsafe", risk="low", background=True)
    async def chore(args: Args, ctx: ToolContext) -> str:
        """Do it in the background, once."""
        await act("chore", args)
        return "done"

    @tool(effect="idempotent", risk="low", background=True)
    async def errand(args: Args, ctx: ToolContext) -> str:
        """Do it in the background, again if need be."""
        await act("errand", args)
        return "done"

    @tool(effect="unsafe", risk="low")
    async def order(args: Args, ctx: ToolContext) -> Pending:
        """Let somebody else do it."""
        await act("order", args)
        return Pending(timedelta(days=1), "ordered")

    return [chore, errand, order]
