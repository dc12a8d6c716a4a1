"""A conversation in which people are asked, decide and answer in every way, told through the real loop and store."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from bot import events as ev
from bot.events import Incoming, Level
from bot.ids import task_dedupe
from bot.rules import Gate, Rules
from bot.testing import EVERYBODY, Bot, FakeClock, call, open_test_bot, reply
from bot.tools import Ask, Pending, Stored, Tool, ToolContext, tool


class DeployArgs(BaseModel):
    tag: str


class NoArgs(BaseModel):
    pass


def tools() -> list[Tool]:
    @tool(effect="unsafe", risk="high")
    async def deploy(args: DeployArgs, ctx: ToolContext) -> str:
        """Deploys <this>."""
        return f"deployed {args.tag} & more"

    @tool(effect="stored", then="finish", risk="low")
    async def ask_bob(args: NoArgs, ctx: ToolContext) -> Stored:
        """Asks Bob."""
        return Stored("I have asked bob.", questions=(Ask("bob", "Lunch <at one>?", ("yes", "no")),))

    @tool(effect="unsafe", risk="low", background=True)
    async def slow(args: NoArgs, ctx: ToolContext) -> str:
        """Takes long."""
        return "never called here"

    @tool(effect="idempotent", risk="low")
    async def order(args: NoArgs, ctx: ToolContext) -> Pending:
        """Ordered elsewhere."""
        return Pending(timedelta(hours=1), "They look into it.")

    return [deploy, ask_bob, slow, order]


def stricter(rules: Rules) -> Rules:
    """Dave is asked besides after ten minutes."""
    agent = rules.agents["assistant"]
    deploy = replace(
        agent.tools["deploy"],
        gate=Gate("always"),
        approvers=("carol",),
        levels=(Level(after=600, approvers=("dave",)),),
    )
    return replace(rules, agents={"assistant": replace(agent, tools={**agent.tools, "deploy": deploy})})


SAID = [
    call("deploy", tag="v1"), reply("v1 is out."),
    call("deploy", tag="v2"), reply("It is v3 now."),
    call("deploy", tag="v4"), call("deploy", tag="v4"), reply("No v4."),
    call("deploy", tag="v5"), reply("Carol says it runs."),
    call("deploy", tag="v6"),
    call("ask_bob"), reply("Bob comes."),
    call("ask_bob"), reply("Bob does not say."),
    call("slow"), reply("It is done."),
    call("order"), reply("They have it."),
    call("deploy", tag="v7"),
]  # fmt: skip


async def tell(folder: Path, clock: FakeClock) -> None:
    async with open_test_bot(
        folder, script=SAID, tools=tools(), people=EVERYBODY, rules=stricter, clock=clock
    ) as bot:
        await _decisions(bot)
        await _expiry(bot)
        await _questions(bot)
        await _tasks(bot)
        await _say(bot, "deploy v7")
        thread_id = await _thread(bot)
        await bot.control(thread_id, "stop")
        await bot.settle()
        told = ev.SenderTold(
            sender=ev.Sender(channel="fake", address="U9", proof="provider"), reason="refused"
        )
        await bot.inbox.receive(Incoming(told, channel="fake", thread_id=thread_id))
        for reachable in (False, True):
            data = ev.ContactReported(address="+3", reachable=reachable, why="opted out" * (not reachable))
            await bot.inbox.receive(Incoming(data, channel="phone", thread_id=thread_id))


async def _say(bot: Bot, text: str) -> str:
    await bot.say(text, conversation="c3", place=f"c3:{text}")
    await bot.settle()
    waiting = await bot.open_requests()
    return waiting[-1].id if waiting else ""


async def _decisions(bot: Bot) -> None:
    request = await _say(bot, "deploy v1")
    await bot.text("carol", "yes please", place="s1")
    await bot.text("carol", f"OK {bot.code(request, 'carol')}", place="s2")
    await bot.settle()
    request = await _say(bot, "deploy v2")
    await bot.press("carol", request, "edit", args={"tag": "v3"})
    await bot.settle()
    request = await _say(bot, "deploy v4")
    await bot.press("carol", request, "reject", message="not <today>")
    await bot.settle()
    request = await _say(bot, "deploy v5")
    await bot.press("carol", request, "respond", message="it runs & runs")
    await bot.settle()


async def _expiry(bot: Bot) -> None:
    await _say(bot, "deploy v6")
    for seconds in (601, 5 * 3600):
        bot.clock.advance(seconds)
        await bot.settle()


async def _questions(bot: Bot) -> None:
    for text in ("ask bob", "ask bob again"):
        await _say(bot, text)
        (row,) = [row for row in await bot.open_requests() if row.kind == "question"]
        if text == "ask bob":
            code = bot.keys.code("question", row.id, "bob", "fake")
            await bot.say(f"{code} 1", by="U2", conversation="dm-bob", place="b1")
        else:
            bot.clock.advance(2 * 86400)
        await bot.settle()


async def _tasks(bot: Bot) -> None:
    for text in ("do it slowly", "order it"):
        await _say(bot, text)
        (row,) = await bot.store.open_tasks()
        thread_id, id_ = row.thread_id, row.task_id
        progress = ev.TaskProgressed(task_id=id_, note="half of it")
        await bot.inbox.receive(Incoming(progress, channel="fake", thread_id=thread_id))
        data = ev.TaskFinished(task_id=id_, outcome="ok", result="all <of> it")
        await bot.inbox.receive(
            Incoming(data, channel="fake", thread_id=thread_id, dedupe=task_dedupe(id_), correlation=id_)
        )
        await bot.settle()


async def _thread(bot: Bot) -> str:
    row = await bot.store.thread_of("fake", "A1", "c3")
    assert row is not None
    return row.thread_id
