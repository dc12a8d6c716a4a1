"""The slash commands: what Discord is told of them, and what they are to the core. Pure."""

from collections.abc import Mapping, Sequence

from bot.events import Block, ControlRequested, Incoming, MessageReceived, Sender
from channels.discord.destinations import Destination
from channels.discord.events import NAME, Identity
from channels.discord.presses import Command
from channels.discord.shapes import Json, items, mapping, number, string

ASK, STOP = "ask", "stop"
LONGEST_TEXT = 6_000
"""The most that Discord takes as one text of a command."""

DEFINITIONS: tuple[Mapping[str, object], ...] = (
    {
        "name": ASK,
        "type": 1,
        "description": "Ask the agent something",
        "options": [
            {
                "name": "text",
                "type": 3,
                "description": "What you want to ask",
                "required": True,
                "max_length": LONGEST_TEXT,
            }
        ],
    },
    {"name": STOP, "type": 1, "description": "Stop what the agent is doing in this conversation"},
)
NO_TEXT = "Please write what you want to ask."


def same(registered: Sequence[Json]) -> bool:
    """Whether Discord has these commands already; it allows only so many changes a day."""
    return sorted(map(_essence, registered)) == sorted(map(_essence, DEFINITIONS))


def _essence(command: Json) -> tuple[object, ...]:
    """What we say about a command; Discord adds ids, versions and defaults."""
    options = tuple(
        (
            string(option, "name"),
            number(option, "type"),
            string(option, "description"),
            bool(option.get("required")),
            number(option, "max_length"),
        )
        for option in items(command, "options")
    )
    return string(command, "name"), number(mapping(command), "type"), string(command, "description"), options


def place_of(command: Command, message: str) -> Destination:
    """Where a command belongs to; in a channel the message that repeats it begins a conversation."""
    return Destination(command.origin.channel, message if command.origin.kind == "channel" else "")


def asked(command: Command, to: Destination, *, me: Identity) -> Incoming:
    """The question as a message of whoever asked it."""
    origin = command.origin
    sender = Sender(channel=NAME, address=origin.user, proof="provider")
    data = MessageReceived(
        place=origin.key,
        blocks=(Block(source="person", text=command.text.strip()),),
        sender=sender,
        display=origin.display,
    )
    return _incoming(command, to, data, me=me)


def stopped(command: Command, to: Destination, *, me: Identity) -> Incoming:
    data = ControlRequested(action="stop", by=f"{NAME}:{command.origin.user}", by_text=True)
    return _incoming(command, to, data, me=me)


def _incoming(
    command: Command, to: Destination, data: MessageReceived | ControlRequested, *, me: Identity
) -> Incoming:
    return Incoming(
        data=data,
        channel=NAME,
        dedupe=command.origin.key,
        account=me.user,
        conversation=to.conversation,
        destination=str(to),
        direct=command.origin.kind == "dm",
    )
