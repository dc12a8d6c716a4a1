"""A test bot whose parts run by themselves, as in the real one: lanes and outbox side by side."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.events import ModelAnswered, Step
from bot.inbox import Inbox
from bot.lanes import Lanes
from bot.loop import Loop
from bot.people import People
from bot.testing import Bot, reply


@asynccontextmanager
async def alive(bot: Bot, *, limit: int = 64) -> AsyncIterator[Lanes]:
    """Messages wake their threads, which go on by themselves until the end of the block."""
    lanes = Lanes(lambda thread_id: bot.loop.advance(thread_id), limit=limit)
    bot.loop = Loop(bot.store, bot.loop._world, stopping=lambda: lanes.stopping)
    bot.inbox = Inbox(bot.store, People(()), lanes.wake)
    tasks = [asyncio.ensure_future(lanes.run()), asyncio.ensure_future(bot.outbox.run())]
    try:
        yield lanes
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - any condition of the caller, so there is no event
            await asyncio.sleep(0.005)


class GatedModel:
    """Answers with the number of the call; waits at the gate for requests that hold a word."""

    name = "gated"

    def __init__(self, word: str = "") -> None:
        self.word = word
        self.gate = asyncio.Event()
        self.waiting = 0
        self.bodies: list[Mapping[str, Any]] = []

    async def ask(self, body: Mapping[str, Any], check: Callable[[str], Step]) -> ModelAnswered:
        self.bodies.append(body)
        if self.word and self.word in last_words(body):
            self.waiting += 1
            await self.gate.wait()
        else:
            await asyncio.sleep(0)
        return reply(f"to {last_words(body)}")


def last_words(body: Mapping[str, Any]) -> str:
    """What was said last in a request."""
    block: str = body["messages"][0]["content"][-2]["text"]
    return block.partition(">")[2].rpartition("</")[0]
