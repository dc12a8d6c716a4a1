"""What happens in a crash sweep: what people do, what the model thinks of it, and what must come of it.

Everybody outside the bot writes what they saw into a journal that outlives the process.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot import events as ev
from bot.canonical import digest
from bot.events import Incoming, ModelAnswered
from bot.testing import Bot, call, reply

TOOLS = ("look", "put", "job", "remind", "broken")


class Journal:
    """What the world outside saw, a line each, written at once and in one piece."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *what: str) -> None:
        os.write(self._file, json.dumps(what).encode() + b"\n")

    def lines(self, kind: str) -> Iterator[tuple[str, ...]]:
        """What was noted of this kind, without the kind."""
        for line in self.path.read_text().splitlines():
            found, *rest = json.loads(line)
            if found == kind:
                yield tuple(rest)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does. `during` is the tool or model call in which it arrives; "" is by itself.

    Once it has been dealt with, `wait` passes.
    """

    name: str
    text: str
    conversation: str = "c1"
    edit_of: str = ""
    control: ev.ControlAction | None = None
    during: str = ""
    wait: timedelta = timedelta()

    async def incoming_in(self, bot: Bot, *, retry: int = 0) -> Incoming | None:
        """What arrives at this bot."""
        return self.incoming(retry=retry)

    def incoming(self, *, retry: int = 0) -> Incoming:
        return Incoming(
            self._data(),
            channel="fake",
            account="A1",
            conversation=self.conversation,
            destination=self.conversation,
            dedupe=f"fake:{self.name}",
            actor="U1",
            correlation=f"retry {retry}" if retry else "",
        )

    def _data(self) -> ev.AnyInput:
        sender = ev.Sender(channel="fake", address="U1", proof="provider")
        blocks = (ev.Block(source="person", text=self.text),)
        if self.control:
            return ev.ControlRequested(action=self.control, by="U1")
        if self.edit_of:
            return ev.MessageEdited(place=self.edit_of, edited_at=self.name, blocks=blocks, sender=sender)
        return ev.MessageReceived(place=self.name, blocks=blocks, sender=sender)


ACTS = (
    Act("m1", "good day"),
    Act("m2", "look please"),
    Act("m3", "job for me"),
    Act("m4", "hello while you work", during="job m3"),
    Act("m5", "remind me", conversation="c2"),
    Act("m6", "look wrong"),
    Act("e6", "look right", edit_of="m6", during="think m6"),
    Act("m7", "put there"),
    Act("e7", "put elsewhere", edit_of="m7", during="put m7"),
    Act("m8", "job to be stopped"),
    Act("s8", "", control="stop", during="think m8"),
    Act("m9", "hello again"),
    Act("m10", "long", conversation="c2"),
    Act("m11", "broken", conversation="c2"),
    Act("m12", "job last"),
    Act("m13", "job under way"),
    Act("s13", "", control="stop", during="job m13"),
)


def acts_during(what: str) -> tuple[Act, ...]:
    """What arrives while this goes on."""
    return tuple(act for act in ACTS if act.during and act.during == what)


def place_in(text: str) -> str:
    """The message a text came with: each is said once."""
    return next((act.name for act in ACTS if act.text and act.text in text and not act.edit_of), "")


def think(body: Mapping[str, Any]) -> tuple[str, ModelAnswered]:
    """Which message is being answered, and the next step: a tool if the last words name one that has not run."""
    *blocks, situation = (block["text"] for block in body["messages"][0]["content"])
    last = max(n for n, block in enumerate(blocks) if block.startswith(("<message", "<reminder", "<edited")))
    done = any(block.startswith("<tool_result") for block in blocks[last:])
    asked = next((name for name in TOOLS if name in blocks[last]), "")
    about = place_in(blocks[last])
    if (
        asked
        and not done
        and "unresolved errors" not in situation
        and not blocks[last].startswith("<reminder")
    ):
        return about, call(asked, n=int(about[1:] or 0))
    if "long" in blocks[last]:
        return about, reply("first part|second part|third part")
    return about, reply(f"answer to {about}")


def request_name(body: Mapping[str, Any]) -> str:
    return digest(body)[:16]
