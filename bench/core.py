"""The bot without any SDK: inbox, store, fold, loop and outbox, a scripted model and a channel in memory."""

import asyncio
import gc
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from bench.scene import TOOL, Load, answer, found, question
from bot.codes import Keys
from bot.delivery import OutboxPolicy
from bot.events import (
    Block,
    DeliveryReported,
    Draft,
    Event,
    Incoming,
    MessageReceived,
    ModelAnswered,
    Outgoing,
    Sender,
    Step,
    ThreadOpened,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    Usage,
)
from bot.ids import outbox_id
from bot.inbox import Inbox
from bot.lanes import Lanes
from bot.loop import AgentParts, Loop, ModelParts, World
from bot.outbox import Outbox
from bot.people import People
from bot.ports import Health, Model, Part, Receive
from bot.rules import AgentRules, Rules, ToolRule
from bot.run import YOUNG_OBJECTS
from bot.snapshot import fold_version
from bot.store.sqlite import SqliteStore
from bot.testing import agent_parts
from bot.tool_context import Contexts
from bot.tools import ToolContext, tool

ACCOUNT = "A1"
clock = partial(datetime.now, UTC)


class LookUpArgs(BaseModel):
    number: str


@tool(effect="read")
async def look_up(args: LookUpArgs, ctx: ToolContext) -> str:
    """Look up where an order is."""
    return found(args.number)


class Answering:
    """A model that takes no time: calls the tool, then answers. Its text is parsed like any other."""

    name = "scripted"

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        step = check(step_text(body))
        return ModelAnswered(
            step=step, model=self.name, stop_reason="end_turn", usage=Usage(input=10, output=5)
        )


def step_text(body: Mapping[str, object]) -> str:
    """The next step for a request of ours, as the model writes it."""
    messages: list[dict[str, list[dict[str, str]]]] = body["messages"]  # type: ignore[assignment]  # our own request
    return next_step(messages[0]["content"][-2]["text"])


def next_step(last: str) -> str:
    """After a message a call, after a result the answer; `last` is the newest block of the conversation."""
    if last.startswith("<tool_result"):
        number = last.split("order ", 1)[1].split(":", 1)[0]
        step = {"intent": "reply", "message": answer(number), "confidence": 0.9, "proposed_action": None}
    else:
        number = last.split("order ", 1)[1].split("?", 1)[0]
        action = {"tool": TOOL, "args": {"number": number}}
        step = {"intent": "call_tool", "message": "", "confidence": 0.9, "proposed_action": action}
    return json.dumps(step)


class Landing:
    """A channel in memory; whoever waits for a conversation's reply is told."""

    name = "fake"
    account = ACCOUNT

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[str]] = {}
        self.texts: list[str] = []

    async def run(self, receive: Receive) -> None:
        """Nothing arrives by itself."""

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        return (Part(outbox_id, 1, 1, outgoing.destination, outgoing.text, {}),)

    async def send(self, part: Part) -> str:
        self.texts.append(part.text)
        waiter = self.waiting.pop(part.destination, None)
        if waiter is not None:
            waiter.set_result(part.text)
        return str(len(self.texts))

    async def find(self, part: Part) -> str | None:
        return None

    async def show_status(self, destination: str, text: str) -> None:
        """Nobody looks."""

    def health(self) -> Health:
        return Health("connected")


@dataclass(slots=True)
class Core:
    """The running core, and what it takes to ask it something."""

    store: SqliteStore
    loop: Loop
    inbox: Inbox
    lanes: Lanes
    outbox: Outbox
    channel: Landing
    events: int = 0

    async def say(self, conversation: str, number: int) -> str:
        """The thread of a message that is now stored."""
        return (await self.inbox.receive(incoming(conversation, number))).thread_id

    async def ask(self, conversation: str, number: int) -> str:
        """The reply to a message."""
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.channel.waiting[conversation] = waiter
        await self.say(conversation, number)
        return await waiter

    async def settled(self) -> None:
        """Wait until every reply is reported as delivered."""
        while self.store.pending or self.lanes.in_flight or self.outbox.state().sending:  # noqa: ASYNC110 - at the end only
            await asyncio.sleep(0.01)

    def count(self, events: tuple[Event, ...]) -> None:
        self.events += sum(not isinstance(event.data, ThreadOpened) for event in events)


def incoming(conversation: str, number: int) -> Incoming:
    place = f"fake:{conversation}:{number}"
    data = MessageReceived(
        place=place,
        blocks=(Block(source="person", text=question(number)),),
        sender=Sender(channel="fake", address="U1", proof="provider"),
    )
    return Incoming(
        data, channel="fake", account=ACCOUNT, conversation=conversation, destination=conversation,
        dedupe=place, actor="U1",
    )  # fmt: skip


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, clock=clock, default_agent="assistant", fold_version=fold_version())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def running(path: Path, *, at_once: int = 64, model: Model | None = None) -> AsyncIterator[Core]:
    """The core on a database, working until the block ends."""
    tune_garbage_collector()
    async with open_store(path) as store:
        core = put_together(store, agent_parts([look_up]), model or Answering(), at_once=at_once)
        tasks = [asyncio.ensure_future(core.lanes.run()), asyncio.ensure_future(core.outbox.run())]
        try:
            yield core
        finally:
            await core.lanes.stop(10)
            await core.outbox.drain(10)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def tune_garbage_collector() -> None:
    """As `bot run` does."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def put_together(store: SqliteStore, parts: AgentParts, model: Model, *, at_once: int) -> Core:
    tools = {each.name: ToolRule(each.effect) for each in parts.agent.tools}
    rules = Rules(agents={"assistant": AgentRules(tools, fixed_tokens=parts.texts.tokens)})
    world = World(
        agents={"assistant": parts},
        models={"main": ModelParts(model, max_tokens=1024, structured=True)},
        rules=lambda: rules,
        timezone=lambda person: "UTC",
        clock=clock,
        sleep=asyncio.sleep,
        tool_timeout=timedelta(seconds=30),
        result_clip=4000,
        contexts=Contexts(lambda: rules, lambda person: "UTC", clock, Keys(bytes(32))),
    )
    loop = Loop(store, world)
    lanes = Lanes(loop.advance, limit=at_once)
    channel = Landing()
    inbox = Inbox(store, People(()), lanes.wake, most_waiting=100_000)
    outbox = Outbox(
        store, {(channel.name, channel.account): channel}, clock=clock, policy=OutboxPolicy(at_once=at_once)
    )
    core = Core(store, loop, inbox, lanes, outbox, channel)
    store.listen(core.count)
    return core


async def run(core: Core, load: Load, *, prefix: str = "") -> None:
    """All messages of a load, each lane one after the other."""
    numbers = itertools.count()

    async def lane(number: int) -> None:
        for turn in range(load.messages // load.at_once):
            await core.ask(prefix + load.conversation(number, turn), next(numbers))

    await asyncio.gather(*(lane(number) for number in range(load.at_once)))


# ---------------------------------------------------------------- the store alone


async def run_store(store: SqliteStore, load: Load, *, prefix: str = "") -> None:
    """The floor's four transactions, through our store and with our events.

    Nothing is read: the loop hears what is committed, and keeps the threads it works on in mind.
    """
    numbers = itertools.count()

    async def lane(number: int) -> None:
        heads: dict[str, int] = {}
        for turn in range(load.messages // load.at_once):
            conversation = prefix + load.conversation(number, turn)
            heads[conversation] = await _message(
                store, conversation, next(numbers), heads.get(conversation, 0)
            )

    await asyncio.gather(*(lane(number) for number in range(load.at_once)))


async def _message(store: SqliteStore, conversation: str, number: int, head: int) -> int:
    """One message through the store; returns the thread's new head."""
    received = await store.receive(incoming(conversation, number))
    thread, seq = received.thread_id, received.seq
    call, digest = f"c{seq}", "0" * 64
    started = ToolStarted(
        call_id=call,
        tool=TOOL,
        args={"number": str(number)},
        args_digest=digest,
        effect="read",
        key=f"{thread}:{call}",
    )
    appended = await store.append(thread, head=head, seen=seq, decisions=[Draft(started, run=f"r{seq}")])
    seen = appended.events[-1].seq
    finished = ToolFinished(
        call_id=call, tool=TOOL, args_digest=digest, status="ok", result=found(str(number))
    )
    text = answer(str(number))
    reply = Outgoing(text=text, channel="fake", account=ACCOUNT, destination=conversation)
    appended = await store.append(
        thread,
        head=seen,
        seen=seen,
        results=[Draft(finished, run=f"r{seq}")],
        decisions=[
            Draft(TurnEnded(outcome="replied", reply=text, steps=2, outgoing=(reply,)), run=f"r{seq}")
        ],
        settled=True,
    )
    head = appended.events[-1].seq
    await store.receive(_delivered(thread, head, number))
    return head


def _delivered(thread: str, seq: int, number: int) -> Incoming:
    id_ = outbox_id(thread, seq, 0)
    report = DeliveryReported(outbox_id=id_, part_number=1, parts=1, status="sent", provider_id=str(number))
    return Incoming(report, channel="fake", dedupe=f"delivery:{id_}:1:sent", thread_id=thread)
