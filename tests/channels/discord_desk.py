"""Somebody at their simulated Discord, with a channel of ours that listens there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pydantic import JsonValue

from bot.events import (
    ApprovalAnswered,
    Decision,
    Incoming,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Outgoing,
    QuestionAnswered,
    RequestFor,
)
from bot.ports import Part, Received
from channels.discord import DiscordChannel, Rhythm
from simulators.discord import DiscordSimulator
from simulators.discord.config import BOT_TOKEN, NO_LIMITS, DiscordConfig, Json

HANDLE = "7f30123456789abc.0123456789abcdef0123456789abcdef"
TEXT = 'ann asks for:\ndeploy\nenv: "@everyone & *staging*"\nWrite back: OK 7K3PWX to allow it.'
ARGS: dict[str, JsonValue] = {"env": "@everyone & *staging*", "count": 2, "tags": ["a"]}
ALL: tuple[Decision, ...] = ("approve", "edit", "reject", "respond")
SCALE = 0.002
"""Of the seconds that the simulated gateway counts in: a heartbeat every 82 ms, sessions of 0.36 s."""


QUICK = Rhythm(reidentify=(0.0, 0.01), first_pause=0.02, longest_pause=0.5)


@dataclass
class Inbox:
    """Keeps what it receives, each key once; fails first as often as it has `errors`, refuses where `refuses`."""

    got: list[Incoming] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    duplicates: int = 0
    refuses: bool = False

    async def receive(self, incoming: Incoming) -> Received:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        if self.refuses:
            return Received("", 0, duplicate=False)
        if any(each.dedupe == incoming.dedupe for each in self.got):
            self.duplicates += 1
            return Received("t1", 1, duplicate=True)
        self.got.append(incoming)
        return Received("t1", len(self.got), duplicate=False)

    async def knows(self, _account: str, conversation: str) -> bool:
        return any(each.conversation == conversation for each in self.got)

    async def places(self) -> Sequence[tuple[str, str]]:
        """As the store says it: where we talk, and the last message there."""
        found: dict[str, str] = {}
        for incoming in self.got:
            if isinstance(incoming.data, MessageReceived):
                found[incoming.destination] = incoming.data.place.rpartition(":")[2]
        return list(reversed(found.items()))

    @property
    def said(self) -> list[str]:
        """What people said, changed and took back."""
        return [_short(incoming.data) for incoming in self.got]

    @property
    def answers(self) -> list[tuple[object, ...]]:
        return [_answer(incoming.data) for incoming in self.got if not _short(incoming.data)]


def _short(data: object) -> str:
    match data:
        case MessageReceived(blocks=blocks):
            return blocks[0].text
        case MessageEdited(blocks=blocks):
            return f"edited: {blocks[0].text}"
        case MessageDeleted():
            return "deleted"
    return ""


def _answer(data: object) -> tuple[object, ...]:
    match data:
        case ApprovalAnswered():
            return (data.decision, data.message, data.edited_args, data.by.address)
        case QuestionAnswered():
            return (data.text, data.by.address)
    return (data,)


@dataclass
class Desk:
    discord: DiscordSimulator
    channel: DiscordChannel
    inbox: Inbox

    async def heard(self, count: int) -> None:
        await self.discord.until(lambda: len(self.inbox.got) >= count)

    async def reply(self, text: str, *, to: Incoming | None = None, outbox_id: str = "ob1") -> list[str]:
        """Answer the last message, and return the ids of the parts."""
        to = to or self.inbox.got[-1]
        return [await self.channel.send(part) for part in self.parts(text, to.destination, outbox_id)]

    def parts(self, text: str, destination: str, outbox_id: str = "ob1") -> tuple[Part, ...]:
        return self.channel.render(outbox_id, Outgoing(text=text, destination=destination))

    async def ask(self, request: RequestFor | None = None, *, text: str = TEXT, to: str = "carol") -> str:
        """Put a request to somebody and return the id of its message."""
        person = self.discord.guild.person(to).discord
        outgoing = Outgoing(text=text, destination=person, request=request or approval())
        (part,) = self.channel.render("ob1", outgoing)
        return (await self.channel.send(part)).partition(":")[2]

    def message(self, id_: str) -> Json:
        (found,) = [each for each in self.discord.messages() if each["id"] == id_]
        return found

    def ours(self) -> list[Json]:
        return self.discord.messages(from_="bot")

    def connected(self) -> bool:
        return self.channel.health().state == "connected" and self.discord.gateway.ready


def approval(args: dict[str, JsonValue] | None = None) -> RequestFor:
    return RequestFor(
        kind="approval", id="7f30123456789abc", person="carol", decisions=ALL,
        args=ARGS if args is None else args, code="7K3PWX", handle=HANDLE,
    )  # fmt: skip


def question(options: Sequence[str]) -> RequestFor:
    return RequestFor(
        kind="question", id="0f", person="carol", options=tuple(options), handle=f"0f.{'0' * 32}"
    )


def simulated(*, scale: float = SCALE, **config: object) -> DiscordSimulator:
    """A Discord without limits on calls, with the real patience of people and memory for nonces."""
    real: dict[str, object] = {"respond_seconds": 3.0 / scale, "nonce_seconds": 300.0 / scale}
    made = DiscordConfig(limits=NO_LIMITS, **{**real, **config})  # type: ignore[arg-type]
    return DiscordSimulator(config=made, time_scale=scale)


def channel_for(discord: DiscordSimulator, inbox: Inbox, **how: object) -> DiscordChannel:
    settings: dict[str, object] = {
        "token": BOT_TOKEN,
        "knows": inbox.knows,
        "places": inbox.places,
        "api_url": discord.api_url,
        "gateway_url": discord.gateway_url,
        "rhythm": QUICK,
        **how,
    }
    return DiscordChannel(**settings)  # type: ignore[arg-type]


@asynccontextmanager
async def sitting(
    discord: DiscordSimulator | None = None, *, inbox: Inbox | None = None, **how: object
) -> AsyncIterator[Desk]:
    """Everything running and connected; a simulator that is given runs already."""
    async with contextlib.AsyncExitStack() as stack:
        if discord is None:
            discord = await stack.enter_async_context(simulated())
        inbox = inbox or Inbox()
        channel = channel_for(discord, inbox, **how)
        desk = Desk(discord, channel, inbox)
        async with running(channel.run(inbox.receive)):
            await discord.until(desk.connected)
            yield desk
        assert discord.posting.careless == []  # on no path at all may a mention be live


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
