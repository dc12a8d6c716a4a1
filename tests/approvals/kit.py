"""A bot that asks for a person's yes, the ways in which people answer it, and what is read off it afterwards."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue

from bot.answering import Attempt
from bot.events import Answerer, Decision, Incoming, ModelAnswered, Outgoing, ToolStarted
from bot.outbox import Outbox
from bot.people import Contact
from bot.ports import Part, Received, RequestRow
from bot.rules import Rules, ToolRule
from bot.testing import EVERYBODY, Bot, FakeChannel, FakeClock, Known, Script, call, open_test_bot, reply
from bot.tools import Tool, ToolContext, tool

OPERATOR = Outgoing(text="", channel="fake", account="A1", destination="OPERATOR")
NUMBERS = count(1)
"""Of messages and presses, so that none of a bot that is opened again looks like one from before."""
WHOLE = bool(os.environ.get("PROOF"))
"""Whether the long proofs are done in full; else a part of them is."""
D = TypeVar("D")


class DeployArgs(BaseModel):
    environment: str
    tag: str = "latest"


class Deploys:
    """A tool that acts, and what it really did."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []
        self.keys: list[str] = []

        @tool(effect="unsafe", risk="high")
        async def deploy(args: DeployArgs, ctx: ToolContext) -> str:
            """Deploys a version."""
            self.ran.append((args.environment, args.tag))
            self.keys.append(ctx.key)
            return f"deployed {args.tag} to {args.environment}"

        self.tool = deploy


def wants(tag: str = "v1", environment: str = "staging") -> ModelAnswered:
    """The model wants to deploy."""
    return call("deploy", environment=environment, tag=tag)


ASK: Sequence[ModelAnswered] = (wants(), reply("It is deployed."), reply("Well then."))


def asks_once(request: Mapping[str, JsonValue]) -> ModelAnswered:
    """Wants to deploy whenever that is asked for, until it is decided in that conversation."""
    shown = str(request["messages"])
    return wants() if "deploy v1" in shown and "<tool_result" not in shown else reply("So be it.")


@dataclass
class Live:
    """Today's rules, which a test may change while the bot runs."""

    tools: dict[str, ToolRule] = field(default_factory=dict)
    people: dict[str, Any] = field(default_factory=dict)

    def change(self, name: str = "deploy", **changes: Any) -> None:
        self.tools[name] = replace(self.tools[name], **changes)

    def change_person(self, name: str, **changes: Any) -> None:
        self.people[name] = replace(self.people[name], **changes)


@dataclass
class Opened:
    """An open bot, with what a test holds of it."""

    bot: Bot
    deploys: Deploys
    live: Live


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    script: Script = ASK,
    deploys: Deploys | None = None,
    tools: Sequence[Tool] = (),
    people: Sequence[Known] = EVERYBODY,
    clock: FakeClock | None = None,
    channel: FakeChannel | None = None,
    operator: Outgoing | None = OPERATOR,
    rules: Mapping[str, Any] | None = None,
    tool_rules: Mapping[str, Mapping[str, Any]] | None = None,
    **rule: Any,
) -> AsyncIterator[Opened]:
    """A bot of these people; `rule` changes the rule of `deploy`, `tool_rules` those of others."""
    deploys, live = deploys or Deploys(), Live()

    def today(made: Rules) -> Rules:
        agent = made.agents["assistant"]
        live.tools.update(agent.tools)
        live.people.update(made.people)
        live.change(**rule)
        for name, changes in (tool_rules or {}).items():
            live.change(name, **changes)
        agents = {"assistant": replace(agent, tools=live.tools)}
        return replace(
            made, agents=agents, people=live.people, operator=operator, operator_name="ann", **(rules or {})
        )

    async with open_test_bot(
        folder,
        script=script,
        tools=[deploys.tool, *tools],
        people=people,
        rules=today,
        clock=clock,
        channel=channel,
    ) as bot:
        bot._numbers = NUMBERS
        yield Opened(bot, deploys, live)


async def ask(bot: Bot, text: str = "deploy v1 to staging", *, conversation: str = "c1") -> RequestRow:
    """Ann asks for something that needs a yes; the newest request that is open then."""
    before = {row.id for row in await bot.open_requests()}
    await bot.say(text, conversation=conversation)
    await bot.settle()
    (row,) = [row for row in await bot.open_requests() if row.id not in before]
    return row


async def found(bot: Bot, thread_id: str, kind: type[D]) -> list[D]:
    """The events of one kind in a thread."""
    return [event.data for event in await bot.log(thread_id) if isinstance(event.data, kind)]


async def runs(bot: Bot, thread_id: str) -> list[dict[str, JsonValue]]:
    """The arguments of the calls that were announced."""
    return [started.args for started in await found(bot, thread_id, ToolStarted)]


async def row_of(bot: Bot, id_: str) -> RequestRow:
    row = await bot.store.request(id_)
    assert row is not None
    return row


# ---------------------------------------------------------------- ways to answer

Way = Callable[..., Awaitable[Received]]


async def by_text(
    bot: Bot, name: str, row: RequestRow, decision: Decision = "approve", message: str = "", place: str = ""
) -> Received:
    """By a text from their phone: `OK CODE` or `NO CODE because ...`."""
    code = bot.code(row.id, name)
    text = f"OK {code}" if decision == "approve" else f"NO {code} because {message}"
    return await bot.text(name, text, place=place)


async def by_button(
    bot: Bot,
    name: str,
    row: RequestRow,
    decision: Decision = "approve",
    message: str = "",
    args: dict[str, JsonValue] | None = None,
    channel: str = "phone",
) -> Received:
    """By the button of a message that they got."""
    return await bot.press(name, row.id, decision, channel=channel, message=message, args=args)


async def by_api(
    bot: Bot,
    name: str,
    row: RequestRow,
    decision: Decision = "approve",
    message: str = "",
    args: dict[str, JsonValue] | None = None,
) -> Received:
    """With a token of their own, as bot/web does it."""
    by = Answerer(person=name, channel="api", address=name, proof="token")
    data = await bot.answering.judged(await row_of(bot, row.id), Attempt(decision, by, message, args))
    incoming = Incoming(
        data, channel="api", thread_id=row.thread_id, correlation=row.id, actor=f"api:{by.address}"
    )
    return await bot.inbox.receive(incoming)


WAYS: Mapping[str, Way] = {"text": by_text, "button": by_button, "api": by_api}
WITH_ARGS: Mapping[str, Way] = {"button": by_button, "api": by_api}
"""Those that can change arguments; a text cannot."""


# ---------------------------------------------------------------- what people got


def sent_to(bot: Bot, destination: str) -> list[str]:
    """The texts that arrived at an address, on either channel, oldest first."""
    parts: list[Part] = [*bot.channel.sent, *bot.phone.sent]
    return [part.text for part in parts if part.destination == destination]


def with_operator(bot: Bot) -> Outbox:
    """The bot with an outbox that tells an operator of what it gives up, as the whole bot's does."""
    bot.outbox = Outbox(
        bot.store,
        {(each.name, each.account): each for each in (bot.channel, bot.phone)},
        clock=bot.clock,
        operator=lambda: Contact("fake", "A1", "OPERATOR"),
        elsewhere=bot.outbox._elsewhere,
        spoken=bot.outbox._sender._spoken,
    )
    return bot.outbox
