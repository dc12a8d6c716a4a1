"""Somebody at their simulated Slack, with a bot of ours that asks them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pydantic import JsonValue

from bot.events import ApprovalAnswered, Decision, Incoming, Outgoing, QuestionAnswered, RequestFor
from bot.ports import Received
from channels.slack import SlackChannel
from simulators.slack import SlackSimulator
from simulators.slack.config import Json
from simulators.slack.deliveries import Outcome

HANDLE = "ap_7f3.0123456789abcdef0123456789abcdef"
TEXT = 'ann asks for:\ndeploy\nenv: "<!channel> & staging"\nWrite back: OK 7K3PWX to allow it.'
ARGS: dict[str, JsonValue] = {"env": "<!channel> & staging", "count": 2, "tags": ["a"]}
ALL: tuple[Decision, ...] = ("approve", "edit", "reject", "respond")
NO_THREAD = Received("", 0, duplicate=False)


async def no_thread(_account: str, _conversation: str) -> bool:
    return False


@dataclass
class Inbox:
    """Keeps what it receives; fails first as often as it has `errors`, refuses where `refuses`."""

    got: list[Incoming] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    refuses: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def receive(self, incoming: Incoming) -> Received:
        self.waiting += 1
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        if self.refuses:
            return NO_THREAD
        self.got.append(incoming)
        return Received("t1", len(self.got), duplicate=False)

    @property
    def answers(self) -> list[tuple[object, ...]]:
        return [_short(incoming.data) for incoming in self.got]


def _short(data: object) -> tuple[object, ...]:
    match data:
        case ApprovalAnswered():
            return (data.decision, data.message, data.edited_args, data.by.address)
        case QuestionAnswered():
            return (data.text, data.by.address)
    raise AssertionError(data)


@dataclass
class Desk:
    """Carol's Slack, with a request of ours in it."""

    slack: SlackSimulator
    channel: SlackChannel
    inbox: Inbox

    async def asked(self, request: RequestFor | None = None, *, text: str = TEXT, to: str = "U0CAROL") -> str:
        request = request or approval()
        outgoing = Outgoing(text=text, destination=f"T0DEMO/{to}", request=request)
        (part,) = self.channel.render("ob1", outgoing)
        return (await self.channel.send(part)).partition(":")[2]

    async def press(self, name: str, *, by: str = "carol") -> Outcome:
        person = self.slack.person(by)
        where = self.slack.channel(by)
        message = self.slack.interactions.message_with(where, f"saywhen.{name}")
        return await self.slack.interactions.click(person, message, f"saywhen.{name}")

    async def form(self, name: str) -> Json:
        """Press a button that opens a form, and wait for its fields."""
        await self.press(name)
        await self.slack.until(lambda: any(b["type"] == "input" for b in self.top()["blocks"]))
        return self.top()

    async def submit(self, **values: str) -> Outcome:
        named = {block["block_id"].rpartition(":")[2]: block["block_id"] for block in self.top()["blocks"]}
        fields = {named.get(name, f"saywhen.{name}"): value for name, value in values.items()}
        return await self.slack.interactions.submit(self.slack.person("carol"), None, fields)

    def top(self) -> Json:
        modals = self.slack.interactions.modals_of(self.slack.person("carol"))
        return modals[-1].view if modals else {"blocks": []}

    @property
    def message(self) -> Json:
        (found,) = [m for m in self.slack.messages("carol") if not m["ephemeral_to"]]
        return found

    @property
    def whispered(self) -> list[str]:
        """What only Carol sees."""
        return [m["text"] for m in self.slack.messages("carol") if m["ephemeral_to"] == "U0CAROL"]

    @property
    def buttons(self) -> list[str]:
        blocks = [block for block in self.message["blocks"] if block["type"] == "actions"]
        return [element["action_id"] for block in blocks for element in block["elements"]]

    async def until_chosen(self) -> str:
        """What stands in the message about the choice."""
        await self.slack.until(lambda: self.message["edited"])
        (line,) = [b for b in self.message["blocks"] if b["type"] == "context"]
        return str(line["elements"][0]["text"])


def approval(args: dict[str, JsonValue] | None = None) -> RequestFor:
    return RequestFor(
        kind="approval", id="ap_7f3", person="carol", decisions=ALL, args=args or ARGS,
        code="7K3PWX", handle=HANDLE,
    )  # fmt: skip


def question(options: Sequence[str]) -> RequestFor:
    return RequestFor(kind="question", id="q_1", person="carol", options=tuple(options), handle="q_1.0f")


@asynccontextmanager
async def sitting(slack: SlackSimulator) -> AsyncIterator[Desk]:
    inbox = Inbox()
    inbox.gate.set()
    channel = SlackChannel(
        bot_token="xoxb-demo", app_token="xapp-demo", knows=no_thread, api_url=slack.api_url
    )
    running = asyncio.create_task(channel.run(inbox.receive))
    try:
        await slack.until(lambda: channel.health().state == "connected")
        yield Desk(slack, channel, inbox)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
