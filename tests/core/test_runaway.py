"""L02: a model that never comes to an end is ended at its limit of steps, and people hear of it."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue

from bot.events import ModelAnswered, ToolStarted, TurnEnded
from bot.testing import call, open_test_bot
from bot.tools import Tool, ToolContext, tool


class Args(BaseModel):
    n: int = 0


def looks(ran: list[str]) -> tuple[Tool, Tool]:
    @tool(effect="read")
    async def look(args: Args, ctx: ToolContext) -> str:
        """Looks."""
        ran.append("look")
        return "nothing"

    @tool(effect="read")
    async def listen(args: Args, ctx: ToolContext) -> str:
        """Listens."""
        ran.append("listen")
        return "nothing"

    return look, listen


Endless = Callable[[int], ModelAnswered]

ENDLESS: dict[str, Endless] = {
    "the same call": lambda n: call("look", n=1),
    "the same tool": lambda n: call("look", n=n),
    "two tools in turn": lambda n: call(("look", "listen")[n % 2], n=0),
    "a tool that there is not": lambda n: call("lo0k", n=0),
}


@pytest.mark.parametrize("answers", ENDLESS.values(), ids=ENDLESS)
async def test_a_model_without_an_end_is_ended(tmp_path: Path, answers: Endless):
    ran: list[str] = []
    numbers = count(1)

    def script(request: Mapping[str, JsonValue]) -> ModelAnswered:
        return answers(next(numbers))

    async with open_test_bot(tmp_path, script=script, tools=looks(ran)) as bot:
        received = await bot.say("look around")
        await bot.settle()

        data = [event.data for event in await bot.log(received.thread_id)]
        (ended,) = [each for each in data if isinstance(each, TurnEnded)]
        assert ended.outcome in ("capped", "failed")
        assert len(bot.model.requests) <= 10
        assert len(ran) == len([each for each in data if isinstance(each, ToolStarted)]) <= 10
        assert len(bot.texts) == 1
