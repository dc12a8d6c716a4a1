"""A test kit: a scripted model, a clock that stands still, a channel that only remembers, and a bot of these.

    async with open_test_bot(tmp_path, script=[call("look_up", key="a"), reply("It is 42.")], tools=[look_up]) as bot:
        await bot.say("what is a?")
        await bot.settle()
        assert bot.texts == ["It is 42."]

The store is the real one, in a real file; nothing of the core is replaced.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from pydantic import JsonValue

from bot.answering import Answering
from bot.asking import elsewhere, with_code
from bot.codes import Keys
from bot.config import Person
from bot.context import AgentTexts
from bot.events import (
    Answerer,
    ApprovalAnswered,
    Block,
    ControlAction,
    ControlRequested,
    Decision,
    Event,
    Failure,
    FailureKind,
    Incoming,
    Intent,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ModelAnswered,
    Outgoing,
    ProposedAction,
    Sender,
    Step,
    Usage,
)
from bot.inbox import Inbox
from bot.loop import AgentParts, Loop, ModelParts, World
from bot.outbox import Outbox
from bot.ports import Health, Model, Part, Receive, Received, RequestRow
from bot.rules import AgentRules, Reach, Rules, Someone, ToolRule
from bot.snapshot import fold_version
from bot.step import parse_step, schema_text
from bot.store.sqlite import SqliteStore
from bot.timers import Timers
from bot.tool_context import Contexts
from bot.tools import Agent, Tool, tools_text

PROMPT = "You are an agent in a test."
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Scripted = ModelAnswered | Exception
Script = Iterable[Scripted] | Callable[[Mapping[str, JsonValue]], Scripted]


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


# ---------------------------------------------------------------- what a model may say


def step(
    intent: Intent,
    message: str = "",
    *,
    tool: str = "",
    confidence: float = 0.9,
    args: dict[str, JsonValue] | None = None,
) -> ModelAnswered:
    """A model's answer with one step."""
    action = ProposedAction(tool=tool, args=args or {}) if tool else None
    said = Step(intent=intent, message=message, confidence=confidence, proposed_action=action)
    return ModelAnswered(step=said, model="scripted", stop_reason="end_turn", usage=Usage(input=10, output=5))


def reply(message: str) -> ModelAnswered:
    """The model answers."""
    return step("reply", message)


def call(tool: str, **args: JsonValue) -> ModelAnswered:
    """The model wants a tool to run."""
    return step("call_tool", tool=tool, args=args)


def failure(kind: FailureKind, message: str = "scripted", *, retryable: bool = True) -> ModelAnswered:
    """The model call brings no step."""
    return ModelAnswered(failure=Failure(kind=kind, message=message, retryable=retryable), model="scripted")


class ScriptedModel:
    """Says what the script says, in order or as a function of the request, and keeps every request."""

    def __init__(self, script: Script = (), *, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[Mapping[str, JsonValue]] = []
        self._script = script if callable(script) else _in_order(script)

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        request: dict[str, JsonValue] = dict(body)  # type: ignore[arg-type]  # a request is JSON
        self.requests.append(request)
        said = self._script(request)
        if isinstance(said, Exception):
            raise said
        return said


def _in_order(script: Iterable[Scripted]) -> Callable[[Mapping[str, JsonValue]], Scripted]:
    rest = iter(script)

    def following(request: Mapping[str, JsonValue]) -> Scripted:
        try:
            return next(rest)
        except StopIteration:
            raise AssertionError("the model was asked once more than the script has answers") from None

    return following


# ---------------------------------------------------------------- a channel


@dataclass(slots=True)
class FakeChannel:
    """Remembers what it was given to send; `errors` are raised first, one a send."""

    name: str = "fake"
    account: str = "A1"
    sent: list[Part] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    longest: int = 100_000

    def fits(self, text: str) -> bool:
        return len(text) <= self.longest

    async def run(self, receive: Receive) -> None:
        """Nothing arrives by itself."""

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        request = outgoing.request
        body = {"handle": request.handle, "request": request.id} if request else {}
        return (Part(outbox_id, 1, 1, outgoing.destination, outgoing.text, body),)

    async def send(self, part: Part) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(part)
        return f"m{len(self.sent)}"

    async def find(self, part: Part) -> str | None:
        known = ((part.outbox_id, part.number) == (each.outbox_id, each.number) for each in self.sent)
        return next((f"m{number}" for number, same in enumerate(known, start=1) if same), None)

    async def show_status(self, destination: str, text: str) -> None:
        """Nobody looks."""

    def health(self) -> Health:
        return Health("connected")


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Known:
    """A person of a test: an address on each channel, the preferred one first, and roles."""

    name: str
    addresses: Mapping[str, str]
    roles: frozenset[str] = frozenset()


ANN = Known("ann", {"fake": "U1"}, frozenset({"operator"}))
BOB = Known("bob", {"fake": "U2", "phone": "+2"})
CAROL = Known("carol", {"phone": "+3", "fake": "U3"}, frozenset({"approver"}))
DAVE = Known("dave", {"phone": "+4"}, frozenset({"approver"}))
EVERYBODY = (ANN, BOB, CAROL, DAVE)


@dataclass(slots=True)
class Addresses:
    """Who is who in a test."""

    people: Sequence[Known]

    def by_address(self, channel: str, address: str, *, simulated: bool = False) -> Person | None:
        found = (known for known in self.people if known.addresses.get(channel) == address)
        return next((Person(name=known.name) for known in found), None)

    def someones(self, channels: Iterable["FakeChannel"]) -> dict[str, Someone]:
        """The same people as the rules know them, with the ways on which these channels reach them."""
        on = {channel.name: channel for channel in channels}
        return {
            known.name: Someone(
                known.name,
                known.roles,
                tuple(
                    Reach(channel, on[channel].account, address, on[channel].fits)
                    for channel, address in known.addresses.items()
                    if channel in on
                ),
            )
            for known in self.people
        }


# ---------------------------------------------------------------- a bot


@dataclass(slots=True)
class Bot:
    """A bot without a network, driven by hand: `say` something, then let it `settle`."""

    store: SqliteStore
    loop: Loop
    inbox: Inbox
    outbox: Outbox
    timers: Timers
    channel: FakeChannel
    phone: FakeChannel
    clock: FakeClock
    model: ScriptedModel
    answering: Answering
    keys: Keys
    woken: dict[str, None] = field(default_factory=dict)
    _numbers: Iterable[int] = field(default_factory=lambda: count(1))

    @property
    def texts(self) -> list[str]:
        """What was sent, oldest first."""
        return [part.text for part in self.channel.sent]

    async def say(self, text: str, *, by: str = "U1", conversation: str = "c1", place: str = "") -> Received:
        """A person writes."""
        place = place or f"{conversation}:{next(iter(self._numbers))}"
        data = MessageReceived(place=place, blocks=(_text(text),), sender=_sender(by), display=by)
        return await self._receive(data, conversation, place, by)

    async def edit(
        self, place: str, text: str, *, version: str = "1", by: str = "U1", conversation: str = "c1"
    ) -> Received:
        """A person changes what they wrote at this place."""
        data = MessageEdited(
            place=place, edited_at=version, blocks=(_text(text),), sender=_sender(by), display=by
        )
        return await self._receive(data, conversation, f"{place}:{version}", by)

    async def delete(self, place: str, *, by: str = "U1", conversation: str = "c1") -> Received:
        """A person takes back what they wrote at this place."""
        data = MessageDeleted(place=place, sender=_sender(by))
        return await self._receive(data, conversation, f"{place}:deleted", by)

    async def text(self, name: str, text: str, *, place: str = "") -> Received:
        """A person writes a text message from their phone."""
        number = next(known.addresses["phone"] for known in EVERYBODY if known.name == name)
        place = place or f"phone:{next(iter(self._numbers))}"
        sender = Sender(channel="phone", address=number, proof="provider")
        data = MessageReceived(place=place, blocks=(_text(text),), sender=sender, display=number)
        incoming = Incoming(
            data,
            channel="phone",
            account=self.phone.account,
            conversation=number,
            destination=number,
            dedupe=place,
            direct=True,
        )
        return await self.inbox.receive(incoming)

    async def press(
        self,
        name: str,
        request_id: str,
        decision: Decision,
        *,
        channel: str = "phone",
        args: dict[str, JsonValue] | None = None,
        message: str = "",
        handle: str = "",
    ) -> Received:
        """A person presses a button of a request."""
        address = next(known.addresses[channel] for known in EVERYBODY if known.name == name)
        data = ApprovalAnswered(
            approval_id=handle or self.keys.handle("approval", request_id, name),
            decision=decision,
            edited_args=args,
            message=message,
            by=Answerer(channel=channel, address=address, proof="provider"),
        )
        place = f"press:{next(iter(self._numbers))}"
        account = self.phone.account if channel == "phone" else self.channel.account
        return await self.inbox.receive(
            Incoming(data, channel=channel, account=account, destination=address, dedupe=place)
        )

    def code(self, request_id: str, name: str, *, channel: str = "phone") -> str:
        """The code with which this person decides this request."""
        return self.keys.code("approval", request_id, name, channel)

    async def open_requests(self) -> list[RequestRow]:
        return await self.store.requests()

    async def control(self, thread_id: str, action: ControlAction, *, by: str = "U1") -> Received:
        """Somebody steers the thread."""
        data = ControlRequested(action=action, by=by)
        return await self.inbox.receive(Incoming(data, channel="fake", thread_id=thread_id, actor=by))

    async def settle(self) -> None:
        """Do all there is to do now: turns, due timers, messages to send."""
        while True:
            while self.woken:
                thread_id = next(iter(self.woken))
                self.woken.pop(thread_id)
                await self.loop.advance(thread_id)
            fired = await self.timers.fire_due()
            sent = await self.outbox.deliver_due()
            if not (fired or sent or self.woken):
                return

    async def recover(self) -> None:
        """Take over what an earlier process left, as at a start."""
        while taken := await self.store.take_over():
            self.woken.update(dict.fromkeys(taken))
            await self.settle()

    async def log(self, thread_id: str) -> tuple[Event, ...]:
        return await self.store.events(thread_id)

    async def _receive(
        self, data: MessageReceived | MessageEdited | MessageDeleted, conversation: str, key: str, by: str
    ) -> Received:
        incoming = Incoming(
            data,
            channel=self.channel.name,
            account=self.channel.account,
            conversation=conversation,
            destination=conversation,
            dedupe=f"fake:{key}",
            actor=by,
        )
        return await self.inbox.receive(incoming)


def _text(text: str) -> Block:
    return Block(source="person", text=text)


def _sender(by: str) -> Sender:
    return Sender(channel="fake", address=by, proof="provider")


@asynccontextmanager
async def open_test_bot(
    folder: Path,
    *,
    script: Script = (),
    tools: Sequence[Tool] = (),
    backup: Script | None = None,
    rules: Callable[[Rules], Rules] = lambda rules: rules,
    channel: FakeChannel | None = None,
    clock: FakeClock | None = None,
    crashpoint: Callable[[str], None] = lambda name: None,
    model: Model | None = None,
    people: Sequence[Known] = (),
    prompt: str = PROMPT,
    loop_class: type[Loop] = Loop,
) -> AsyncIterator[Bot]:
    """A bot with one agent that has these tools, on a database in this folder; a `model` thinks instead of a script."""
    clock = clock or FakeClock()
    channel = channel or FakeChannel()
    scripted = ScriptedModel(script)
    models = {"main": ModelParts(model or scripted, max_tokens=1024, structured=True)}
    if backup is not None:
        models["backup"] = ModelParts(ScriptedModel(backup, name="backup"), max_tokens=1024, structured=True)
    store = await SqliteStore.open(
        folder / "test.db",
        clock=clock,
        default_agent="assistant",
        fold_version=fold_version(),
        crashpoint=crashpoint,
    )
    parts = agent_parts(tools, prompt=prompt)
    phone = FakeChannel("phone", "A2")
    channels = {(each.name, each.account): each for each in (channel, phone)}
    addresses = Addresses(people)
    applied = rules(_rules(parts, addresses.someones((channel, phone)), backup=backup is not None))
    keys = Keys(await store.secret())
    world = World(
        agents={"assistant": parts},
        models=models,
        rules=lambda: applied,
        timezone=lambda person: "UTC",
        clock=clock,
        sleep=_no_sleep,
        tool_timeout=timedelta(seconds=30),
        result_clip=4000,
        contexts=Contexts(lambda: applied, lambda person: "UTC", clock, keys),
    )
    woken: dict[str, None] = {}
    answering = Answering(
        store, keys, rules=lambda: applied, calls=lambda agent: parts.agent.all_calls, clock=clock
    )
    inbox = Inbox(
        store,
        addresses,
        lambda thread_id: woken.update({thread_id: None}),
        answering=answering,
        operator=lambda: applied.operator,
        elsewhere=lambda message: elsewhere(message, applied, clock()),
        clock=clock,
    )
    outbox = Outbox(
        store,
        channels,
        clock=clock,
        crashpoint=crashpoint,
        elsewhere=lambda message: elsewhere(message, applied, clock()),
        spoken=lambda message: with_code(keys, message),
    )
    timers = Timers(store, inbox.receive, clock=clock)
    try:
        yield Bot(
            store,
            loop_class(store, world),
            inbox,
            outbox,
            timers,
            channel,
            phone,
            clock,
            scripted,
            answering,
            keys,
            woken,
        )
    finally:
        await store.close()


def agent_parts(tools: Sequence[Tool], *, prompt: str = PROMPT) -> AgentParts:
    """An agent of these tools, put together as in the real bot."""
    agent = Agent(name="assistant", description="a test", prompt="assistant", tools=tuple(tools))
    texts = AgentTexts(prompt, tools_text(agent.tools), schema_text(agent.calls))
    return AgentParts(agent, texts, partial(parse_step, calls=agent.calls))


def _rules(parts: AgentParts, people: Mapping[str, Someone], *, backup: bool) -> Rules:
    approvers = tuple(name for name, someone in people.items() if "approver" in someone.roles)
    tools = {
        tool.name: ToolRule(
            tool.effect,
            risk=tool.risk,
            approvers=approvers,
            background=tool.background,
            address_argument=tool.address,
        )
        if people
        else ToolRule(tool.effect, background=tool.background)
        for tool in parts.agent.tools
    }
    agent = AgentRules(tools, max_steps=parts.agent.max_steps, fixed_tokens=parts.texts.tokens)
    return Rules(agents={"assistant": agent}, backup_model=backup, people=people)


async def _no_sleep(seconds: float) -> None:
    """Time does not pass by itself in a test."""
