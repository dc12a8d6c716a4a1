"""The one way in: says who wrote, refuses what cannot be taken, stores the rest and wakes its thread."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from bot.config.people import Person
from bot.errors import Overloaded
from bot.events import (
    AnyInput,
    Block,
    DeliveryReported,
    FeedbackReceived,
    Incoming,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Sender,
    ThreadOpened,
)
from bot.people import People
from bot.ports import Received, Store

LONGEST_TEXT = 200_000  # characters of one message; the raw bytes keep the whole
LONGEST_DISPLAY = 200
MOST_WAITING = 10_000

REFUSED = Received("", 0, duplicate=False)
"""The answer to what nobody may say here: nothing was stored, and the provider need not send it again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What holds for people whom the config does not know, on one channel.

    "chat" lets them talk, "refuse" does not take their messages. What they write may instruct the agent as a
    known person's words do, unless they are not `trusted`: then it is only something a stranger said.
    """

    strangers: Literal["chat", "refuse"] = "chat"
    trusted: bool = True


@dataclass(slots=True)
class Counts:
    """What came in since the start."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    overloaded: int = 0


class Inbox:
    """Adapters, timers and the API hand their inputs to `receive`, which returns once they are on disk."""

    def __init__(
        self,
        store: Store,
        people: People,
        wake: Callable[[str], None],
        *,
        rules: Mapping[str, ChannelRule] | None = None,
        simulated: Callable[[str, str], bool] = lambda channel, account: False,
        waiting: Callable[[], int] = lambda: 0,
        most_waiting: int = MOST_WAITING,
        longest_text: int = LONGEST_TEXT,
        new_trace: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._store = store
        self._people = people
        self._wake = wake
        self._rules = rules or {}
        self._simulated = simulated
        self._waiting = waiting
        self._most_waiting = most_waiting
        self._longest_text = longest_text
        self._new_trace = new_trace
        self.counts = Counts()

    async def receive(self, incoming: Incoming) -> Received:
        """Store an input and wake its thread.

        REFUSED is the answer if its sender may not write here; Overloaded is raised if there is no room.
        """
        person = self._person(incoming)
        rule = self._rules.get(incoming.channel, ChannelRule())
        if person is None and rule.strangers == "refuse" and _says_something(incoming.data):
            return self._refuse(incoming)
        self._check_room(incoming)
        data = self._prepared(incoming, person, rule)
        received = await self._store.receive(
            replace(incoming, data=data, trace_id=incoming.trace_id or self._new_trace())
        )
        self._settle(received, data)
        return received

    def _person(self, incoming: Incoming) -> Person | None:
        """The person behind an input; a sender that is only claimed is nobody."""
        sender = _sender(incoming.data)
        if sender is None or sender.proof in ("claimed", "none"):
            return None
        simulated = self._simulated(incoming.channel, incoming.account) or sender.proof == "local"
        return self._people.by_address(sender.channel, sender.address, simulated=simulated)

    def _refuse(self, incoming: Incoming) -> Received:
        self.counts.refused += 1
        log.info("refused a stranger's message", channel=incoming.channel, type=incoming.data.type)
        return REFUSED

    def _check_room(self, incoming: Incoming) -> None:
        """Only new messages are turned away: a stop, a timer or a delivery report must always get in."""
        if isinstance(incoming.data, MessageReceived) and self._waiting() >= self._most_waiting:
            self.counts.overloaded += 1
            raise Overloaded

    def _prepared(self, incoming: Incoming, person: Person | None, rule: ChannelRule) -> AnyInput:
        data = incoming.data
        raw = hashlib.sha256(incoming.raw).hexdigest() if incoming.raw else ""
        if isinstance(data, MessageDeleted):
            return data.model_copy(update={"raw": data.raw or raw})
        if not isinstance(data, MessageReceived | MessageEdited):
            return data
        blocks = clipped(data.blocks, self._longest_text)
        changes = {
            "person": person.name if person else None,
            "blocks": blocks if person or rule.trusted else tuple(map(distrusted, blocks)),
            "display": data.display[:LONGEST_DISPLAY],
            "raw": data.raw or raw,
        }
        return data.model_copy(update=changes)

    def _settle(self, received: Received, data: AnyInput) -> None:
        if received.duplicate:
            self.counts.duplicates += 1
            return
        self.counts.accepted += 1
        if not isinstance(data, DeliveryReported | FeedbackReceived | ThreadOpened):
            self._wake(received.thread_id)


def _says_something(data: AnyInput) -> bool:
    """A delete only takes something back, and not every provider says whose it was."""
    return isinstance(data, MessageReceived | MessageEdited)


def _sender(data: AnyInput) -> Sender | None:
    return data.sender if isinstance(data, MessageReceived | MessageEdited | MessageDeleted) else None


def distrusted(block: Block) -> Block:
    """A stranger's own words, marked so; what they quote or attach keeps its mark."""
    return block.model_copy(update={"source": "stranger"}) if block.source == "person" else block


def clipped(blocks: tuple[Block, ...], longest: int) -> tuple[Block, ...]:
    """The blocks with no more text than this in all; where something was cut, a marker says how much."""
    if sum(len(block.text) for block in blocks) <= longest:
        return blocks
    kept, left = [], longest
    for block in blocks:
        kept.append(_clip(block, left))
        left = max(0, left - len(block.text))
    return tuple(kept)


def _clip(block: Block, longest: int) -> Block:
    cut = len(block.text) - longest
    if cut <= 0:
        return block
    marker = f" [... {cut} characters left out]"
    return block.model_copy(update={"text": block.text[:longest] + marker})
