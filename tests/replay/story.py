"""A conversation in which everything happens that a log can hold, told through the real loop and store."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from bot import events as ev
from bot.errors import ToolError
from bot.events import Incoming, ModelAnswered
from bot.testing import PROMPT, Bot, FakeClock, Script, call, failure, open_test_bot, reply, step
from bot.tools import Stored, Timer, Tool, ToolContext, tool
from tests.replay import asking_story

Said = ModelAnswered | Exception | Callable[[Bot], Awaitable[ModelAnswered]]
OPERATOR = ev.Outgoing(text="", kind="notice", channel="fake", account="A1", destination="operator")
LONG = "a rather long message " * 40


class Plug(BaseException):
    """The plug is pulled."""


class Args(BaseModel):
    n: int


class Thinker:
    """Says what stands in the list, one after the other; an entry may let something happen first."""

    name = "thinker"

    def __init__(self, said: Iterable[Said]) -> None:
        self._said = iter(said)
        self.bot: Bot | None = None

    async def ask(self, body: Mapping[str, object], check: Callable[[str], ev.Step]) -> ModelAnswered:
        following = next(self._said)
        if isinstance(following, Exception):
            raise following
        if isinstance(following, ModelAnswered):
            return following
        assert self.bot is not None
        return await following(self.bot)


def tools() -> list[Tool]:
    @tool(effect="read")
    async def look(args: Args, ctx: ToolContext) -> str:
        """Look something up."""
        return f"{args.n} <b>& more</b>"

    @tool(effect="unsafe")
    async def job(args: Args, ctx: ToolContext) -> str:
        """Do something once."""
        if args.n == 13:
            raise Plug
        return "done"

    @tool(effect="stored", then="finish")
    async def remind(args: Args, ctx: ToolContext) -> Stored:
        """Remind."""
        return Stored("I will", timers=(Timer(ctx.now + timedelta(seconds=args.n), "stretch"),))

    @tool(effect="read")
    async def broken(args: Args, ctx: ToolContext) -> str:
        """Fail."""
        raise ToolError(f"no {args.n} here")

    return [look, job, remind, broken]


async def tell(folder: Path) -> None:
    """Three threads: c1 with everything but the end of the world, c2 that is parked, c3 in which people decide."""
    clock = FakeClock()
    await _first_life(folder, clock)
    clock.advance(60)
    await _second_life(folder, clock)
    clock.advance(60)
    await asking_story.tell(folder, clock)


async def _first_life(folder: Path, clock: FakeClock) -> None:
    async def edited_while_thinking(bot: Bot) -> ModelAnswered:
        await bot.edit("p2", "look at <2> & tell", version="1")
        return call("look", n=2)

    async def again_while_thinking(bot: Bot) -> ModelAnswered:
        await bot.say("and be quick", place="p4b")
        return call("job", n=1)

    async def stopped_while_thinking(bot: Bot) -> ModelAnswered:
        await bot.control(await _thread(bot), "stop")
        return call("job", n=2)

    said: list[Said] = [
        reply("Hello."),
        edited_while_thinking, reply("It is 2."),
        call("broken", n=1), call("broken", n=2), reply("It cannot be found."),
        again_while_thinking, call("job", n=1), reply("Done."),
        failure("invalid", "no JSON"), reply("Now it is JSON."),
        failure("unavailable", "overloaded"),
        call("remind", n=40), reply("Stretch!"),
        failure("too_large", "prompt is too long"), reply("Shorter now."),
        stopped_while_thinking,
        *(reply(f"Read number {n}.") for n in range(6)),
        failure("unavailable", "down"), reply("Back again."),
        step("escalate", "Please talk to a person."),
        reply("I am back."),
        call("job", n=13),
    ]  # fmt: skip
    async with _bot(
        folder,
        clock,
        said,
        backup=[
            reply("From the backup."),
            failure("unavailable"),
        ],
    ) as bot:
        for place, text in [
            ("p1", "hello"),
            ("p2", "look"),
            ("p3", "find it"),
            ("p4", "do the job"),
            ("p5", "?"),
        ]:
            await bot.say(text, place=place)
            await bot.settle()
        await bot.delete("p1")
        await bot.say("who is there", place="p6")
        await bot.settle()
        await bot.say("remind me", place="p7")
        await bot.settle()
        clock.advance(41)
        await bot.settle()
        for place, text in [
            ("p8", "too much"),
            ("p9", "do it and be stopped"),
            *((f"q{n}", LONG) for n in range(6)),
        ]:
            await bot.say(text, place=place)
            await bot.settle()
        await bot.say("are you down?", place="p10")
        await bot.settle()
        clock.advance(5)
        await bot.settle()
        await _with_a_person(bot)
        await bot.say("the last job", place="p12")
        with suppress(Plug):
            await bot.settle()


async def _with_a_person(bot: Bot) -> None:
    thread_id = await _thread(bot)
    await bot.say("I want a person", place="p11")
    await bot.settle()
    await bot.say("dear person", place="p11b")
    await bot.control(thread_id, "hand_back")
    await bot.say("and you?", place="p11c")
    await bot.settle()
    feedback = ev.FeedbackReceived(rating=5, comment="very good", about=3)
    await bot.inbox.receive(Incoming(feedback, channel="fake", thread_id=thread_id))
    await bot.control(thread_id, "pause")
    await bot.control(thread_id, "resume")


async def _second_life(folder: Path, clock: FakeClock) -> None:
    """After a death in an unsafe tool; with another prompt; and dying again, while the model thinks."""

    async def dies(bot: Bot) -> ModelAnswered:
        raise Plug

    async with _bot(folder, clock, [dies], prompt="You are another agent.") as bot:
        await bot.recover()
        await bot.control(await _thread(bot), "resume")
        await bot.say("still there?", place="p13")
        with suppress(Plug):
            await bot.settle()
    said: list[Said] = [reply("Still here."), RuntimeError("a bug of ours")]
    async with _bot(folder, clock, said, prompt="You are another agent.") as bot:
        await bot.recover()
        await bot.say("break", place="r1", conversation="c2")
        await bot.settle()


@asynccontextmanager
async def _bot(
    folder: Path,
    clock: FakeClock,
    said: Iterable[Said],
    *,
    backup: Script | None = None,
    prompt: str = PROMPT,
) -> AsyncIterator[Bot]:
    thinker = Thinker(said)
    opening = open_test_bot(
        folder, tools=tools(), model=thinker, backup=backup, prompt=prompt, clock=clock,
        rules=lambda rules: replace(rules, max_context_tokens=900, operator=OPERATOR, operator_name="ann"),
    )  # fmt: skip
    async with opening as bot:
        thinker.bot = bot
        yield bot


async def _thread(bot: Bot) -> str:
    row = await bot.store.thread_of("fake", "A1", "c1")
    assert row is not None
    return row.thread_id
