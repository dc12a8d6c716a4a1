"""Races for one decision, in an order that a seed gives: a conversation for each seed, all in one bot."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.events import ApprovalAnswered, ApprovalResolved, Decision, ToolStarted
from bot.ports import RequestRow
from bot.testing import Bot
from tests.approvals.kit import Deploys, ask, by_api, by_button, by_text, sent_to

Answer = Callable[[], Awaitable[object]]
ADDRESSES = {"carol": ("+3", "U3"), "dave": ("+4",)}


@dataclass(frozen=True)
class Runner:
    """Who answers what, and in which way."""

    name: str
    decision: Decision
    way: str

    def answer(self, bot: Bot, row: RequestRow) -> Awaitable[object]:
        match self.way:
            case "text":
                return by_text(bot, self.name, row, self.decision, "a freeze")
            case "api":
                return by_api(bot, self.name, row, self.decision, "a freeze")
            case _:
                return by_button(bot, self.name, row, self.decision, "a freeze", channel=self.way)


async def race(bot: Bot, deploys: Deploys, seed: int, runners: Sequence[Runner]) -> Counter[str]:
    """Let them answer one request at once, while its thread goes on; checks what must hold, and counts."""
    chance = random.Random(seed)
    row = await ask(bot, conversation=f"race {seed}")
    before = len(deploys.ran)
    bot.channel.sent.clear()
    bot.phone.sent.clear()

    order = chance.sample(runners, len(runners))
    at_once = len(order) if seed % 2 else chance.randrange(1, len(order) + 1)
    await asyncio.gather(
        _later(chance.randrange(40), lambda: bot.loop.advance(row.thread_id)),
        *(_later(chance.randrange(40), partial(each.answer, bot, row)) for each in order[:at_once]),
    )
    await bot.settle()
    await asyncio.gather(*(each.answer(bot, row) for each in order[at_once:]))
    await bot.settle()
    events = [event.data for event in await bot.log(row.thread_id)]

    (resolved,) = [data for data in events if isinstance(data, ApprovalResolved)]
    answers = [data for data in events if isinstance(data, ApprovalAnswered)]
    ran = len(deploys.ran) - before
    assert ran == sum(isinstance(data, ToolStarted) for data in events)
    assert ran == (resolved.status == "approved"), f"seed {seed}: {resolved.status}, ran {ran} times"
    assert resolved.by == (answers[0].by.person,)
    late = sum(answer.refused == "late" for answer in answers)
    for name in {runner.name for runner in runners} - set(resolved.by):
        heard = [text for each in ADDRESSES[name] for text in sent_to(bot, each)]
        said = [answer.message for answer in answers if answer.by.person == name]
        who = f"{resolved.status} by {resolved.by[0]} at "
        assert any(who in text for text in (*heard, *said)), f"seed {seed}: {name} was not told who decided"
    return Counter({resolved.status: 1, f"{resolved.by[0]} won": 1, "late": late, "seeds": 1})


async def _later(turns: int, start: Answer) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await start()
