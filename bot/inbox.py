"""The one way in: says who wrote, refuses what cannot be taken, stores the rest and wakes its thread."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, assert_never

import structlog

from bot import grammar, words
from bot.answering import Answering, own_words, word_to
from bot.claims import Claims, Redeemed, Refused, is_claim
from bot.config.people import Person
from bot.errors import Overloaded
from bot.events import (
    AnyInput,
    ApprovalAnswered,
    Block,
    ContactReported,
    ControlRequested,
    DeliveryReported,
    FeedbackReceived,
    Incoming,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Outgoing,
    QuestionAnswered,
    Sender,
    SenderTold,
    TaskProgressed,
    ThreadOpened,
    outgoing_of,
)
from bot.ports import Clock, Received, Store

LONGEST_TEXT = 200_000  # characters of one message; the raw bytes keep the whole
LONGEST_DISPLAY = 200
MOST_WAITING = 10_000
LATE = timedelta(minutes=5)
"""What comes later than this after it was written is marked so."""

REFUSED = Received("", 0, duplicate=False)
"""The answer to what nobody may say here: nothing was stored, and the provider need not send it again."""

log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What holds for people whom the config does not know, on one channel.

    "chat" lets them talk, "refuse" does not take their messages and says so once a day, "ask" also tells an
    operator. What they write may instruct the agent as a known person's words do, unless they are not `trusted`:
    then it is only something a stranger said. `dated`: the provider says when something was written, not the sender.
    """

    strangers: Literal["chat", "refuse", "ask"] = "chat"
    trusted: bool = True
    dated: bool = True


@dataclass(slots=True)
class Counts:
    """What came in since the start."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    overloaded: int = 0


class Addresses(Protocol):
    """Who is who, today."""

    def by_address(self, channel: str, address: str, *, simulated: bool = False) -> Person | None: ...


class Inbox:
    """Adapters, timers and the API hand their inputs to `receive`, which returns once they are on disk."""

    def __init__(
        self,
        store: Store,
        people: Addresses,
        wake: Callable[[str], None],
        *,
        rules: Mapping[str, ChannelRule] | None = None,
        simulated: Callable[[str, str], bool] = lambda channel, account: False,
        waiting: Callable[[], int] = lambda: 0,
        most_waiting: int = MOST_WAITING,
        longest_text: int = LONGEST_TEXT,
        answering: Answering | None = None,
        claims: Claims | None = None,
        operator: Callable[[], Outgoing | None] = lambda: None,
        elsewhere: Callable[[Outgoing], Outgoing | None] = lambda message: None,
        answer_within: timedelta | None = None,
        clock: Clock = _now,
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
        self._answering = answering
        self._claims = claims
        self._operator = operator
        self._elsewhere = elsewhere
        self._answer_within = answer_within
        self._clock = clock
        self._new_trace = new_trace
        self.counts = Counts()

    async def receive(self, incoming: Incoming) -> Received:
        """Store an input and wake its thread.

        REFUSED is the answer if its sender may not write here; Overloaded is raised if there is no room.
        """
        person = self._person(incoming)
        rule = self._rules.get(incoming.channel, ChannelRule())
        if (claimed := self._claimed(incoming)) is not None:
            return await self._store_input(claimed)
        if person is None and rule.strangers != "chat" and _says_something(incoming.data):
            return await self._refuse(incoming, rule)
        if self._is_too_late(incoming, rule):
            return await self._tell_late(incoming)
        inputs = await self._meant(incoming, person)
        if inputs is None:
            self.counts.refused += 1
            return REFUSED
        self._check_room(inputs[0])
        received = [await self._store_input(each, person, rule) for each in inputs]
        return received[0]

    async def _store_input(
        self, incoming: Incoming, person: Person | None = None, rule: ChannelRule | None = None
    ) -> Received:
        data = await self._prepared(incoming, person, rule or ChannelRule())
        received = await self._store.receive(
            replace(incoming, data=data, trace_id=incoming.trace_id or self._new_trace())
        )
        self._settle(received, data)
        return received

    # ------------------------------------------------------------ what comes late

    def _is_too_late(self, incoming: Incoming, rule: ChannelRule) -> bool:
        if incoming.sent_at is None or self._answer_within is None or not rule.dated:
            return False
        late = self._clock() - incoming.sent_at > self._answer_within
        return late and isinstance(incoming.data, MessageReceived)

    async def _tell_late(self, incoming: Incoming) -> Received:
        """What was written long ago may not hold any more: it is not acted on, and who wrote it hears so."""
        data = incoming.data
        assert isinstance(data, MessageReceived)
        assert incoming.sent_at is not None
        log.warning("a message came too late to be answered", channel=incoming.channel, place=data.place)
        said = words.too_late(incoming.sent_at)
        told = SenderTold(sender=data.sender, reason="too_late", outgoing=(word_to(incoming, said),))
        return await self._store_input(replace(incoming, data=told))

    def _written(self, incoming: Incoming, rule: ChannelRule) -> datetime | None:
        """When something was written that came late."""
        late = self._clock() - incoming.sent_at if incoming.sent_at else timedelta(0)
        unlikely = not rule.dated and self._answer_within is not None and late > self._answer_within
        return incoming.sent_at if late > LATE and not unlikely else None

    # ------------------------------------------------------------ what is meant

    async def _meant(self, incoming: Incoming, person: Person | None) -> Sequence[Incoming] | None:
        """The inputs that this is: itself, or a control, or an answer to requests; None: nothing of ours."""
        data = incoming.data
        if isinstance(data, ApprovalAnswered | QuestionAnswered) and not incoming.thread_id:
            name = person.name if person else ""
            found = await self._answering.by_button(incoming, data, name) if self._answering else None
            return (found,) if found else None
        if not isinstance(data, MessageReceived | MessageEdited):
            return (incoming,)
        if (control := _control(incoming, data, person)) is not None:
            return (control,)
        if self._answering is None:
            return (incoming,)
        name = person.name if person else ""
        return await self._answering.by_words(incoming, data, name) or (incoming,)

    def _claimed(self, incoming: Incoming) -> Incoming | None:
        """`claim CODE` and `link CODE`, said where nobody reads along, make an address somebody's."""
        data = incoming.data
        if self._claims is None or not isinstance(data, MessageReceived):
            return None
        if not incoming.direct:
            return self._overheard(incoming, data)
        if data.sender.proof in ("claimed", "none"):
            return None
        found = self._claims.redeem(
            own_words(data),
            data.sender.channel,
            data.sender.address,
            display=data.display,
            simulated=self._simulated(incoming.channel, incoming.account),
        )
        reason: Literal["owner", "linked", "wrong_code"]
        match found:
            case None:
                return None
            case Redeemed(person=name, owner=owner):
                said, reason = words.known_from_now(name, owner=owner), "owner" if owner else "linked"
            case Refused(why=why):
                said, reason = why, "wrong_code"
            case _:
                assert_never(found)
        told = SenderTold(sender=data.sender, reason=reason, outgoing=(word_to(incoming, said),))
        return replace(incoming, data=told, raw=b"")

    def _person(self, incoming: Incoming) -> Person | None:
        """The person behind an input; a sender that is only claimed is nobody."""
        sender = _sender(incoming.data)
        if sender is None or sender.proof in ("claimed", "none"):
            return None
        simulated = self._simulated(incoming.channel, incoming.account) or sender.proof == "local"
        return self._people.by_address(sender.channel, sender.address, simulated=simulated)

    def _overheard(self, incoming: Incoming, data: MessageReceived) -> Incoming | None:
        """A claim that others can read is worth nothing any more, and is not kept."""
        text = own_words(data)
        if self._claims is None or not is_claim(text):
            return None
        self._claims.void(text)
        told = SenderTold(
            sender=data.sender, reason="wrong_code", outgoing=(word_to(incoming, words.CLAIM_OVERHEARD),)
        )
        return replace(incoming, data=told, raw=b"")

    async def _refuse(self, incoming: Incoming, rule: ChannelRule) -> Received:
        """A stranger is not taken in, and hears so once a day; with "ask" an operator hears of it too."""
        self.counts.refused += 1
        log.info("refused a stranger's message", channel=incoming.channel, type=incoming.data.type)
        data, operator = incoming.data, self._operator()
        if not isinstance(data, MessageReceived) or not incoming.direct:
            return REFUSED
        asks = rule.strangers == "ask" and operator is not None
        said = [word_to(incoming, words.STRANGER_ASKED if asks else words.STRANGER)]
        if operator is not None and asks:
            text = words.operator_stranger(incoming.channel, data.sender.address, own_words(data))
            said.append(operator.model_copy(update={"text": text, "kind": "notice"}))
        told = SenderTold(
            sender=data.sender, reason="operator_asked" if asks else "refused", outgoing=tuple(said)
        )
        key = f"stranger:{incoming.channel}:{data.sender.address}:{self._clock():%Y-%m-%d}"
        await self._store_input(replace(incoming, data=told, dedupe=key, raw=b""))
        return REFUSED

    def _check_room(self, incoming: Incoming) -> None:
        """Only new messages are turned away: a stop, a timer or a delivery report must always get in."""
        if isinstance(incoming.data, MessageReceived) and self._waiting() >= self._most_waiting:
            self.counts.overloaded += 1
            raise Overloaded

    async def _prepared(self, incoming: Incoming, person: Person | None, rule: ChannelRule) -> AnyInput:
        data = incoming.data
        if isinstance(data, DeliveryReported) and data.status == "undelivered":
            return await self._rerouted(data, incoming.thread_id)
        raw = hashlib.sha256(incoming.raw).hexdigest() if incoming.raw else ""
        if isinstance(data, MessageDeleted):
            return data.model_copy(update={"raw": data.raw or raw})
        if not isinstance(data, MessageReceived | MessageEdited):
            return data
        blocks = clipped(data.blocks, self._longest_text)
        if self._answering is not None:
            blocks = await self._answering.without_codes(blocks)
        trusted = person is not None or (rule.trusted and not incoming.outside)
        changes: dict[str, object] = {
            "person": person.name if person else None,
            "blocks": blocks if trusted else tuple(map(distrusted, blocks)),
            "display": data.display[:LONGEST_DISPLAY],
            "raw": data.raw or raw,
        }
        if isinstance(data, MessageReceived):
            changes["sent_at"] = self._written(incoming, rule)
        return data.model_copy(update=changes)

    async def _rerouted(self, data: DeliveryReported, thread_id: str) -> DeliveryReported:
        """A request that did not arrive after all is put to the same person elsewhere."""
        seq, _, number = data.outbox_id.removeprefix(f"{thread_id}:").partition(":")
        if not (seq.isdigit() and number.isdigit()):
            return data
        events = await self._store.events_at(thread_id, [int(seq)])
        messages = outgoing_of(events[0].data) if events else ()
        lost = messages[int(number)] if int(number) < len(messages) else None
        request = await self._store.request(lost.request.id) if lost and lost.request else None
        if lost is None or request is None or request.status != "pending":
            return data
        again = self._elsewhere(lost)
        if again is None and (operator := self._operator()) is not None:
            text = words.operator_unreached(
                lost.request.person if lost.request else "", lost.channel, thread_id
            )
            again = operator.model_copy(update={"text": text, "kind": "notice"})
        return data.model_copy(update={"outgoing": (again,) if again else ()})

    def _settle(self, received: Received, data: AnyInput) -> None:
        if received.duplicate:
            self.counts.duplicates += 1
            return
        self.counts.accepted += 1
        if not isinstance(data, _ANSWERLESS):
            self._wake(received.thread_id)


def _control(
    incoming: Incoming, data: MessageReceived | MessageEdited, person: Person | None
) -> Incoming | None:
    """One word that steers. Anybody may stop; to let it go on among others one has to be known."""
    action = grammar.control(own_words(data)) if isinstance(data, MessageReceived) else None
    if action is None or not (action == "stop" or person is not None or incoming.direct):
        return None
    by = f"{data.sender.channel}:{data.sender.address}"
    return replace(incoming, data=ControlRequested(action=action, by=by, by_text=True))


_ANSWERLESS = (
    ContactReported, DeliveryReported, FeedbackReceived, SenderTold, TaskProgressed, ThreadOpened,
)  # fmt: skip


def _says_something(data: AnyInput) -> bool:
    """A delete only takes something back, and not every provider says whose it was."""
    rated = isinstance(data, FeedbackReceived) and data.sender is not None
    return rated or isinstance(data, MessageReceived | MessageEdited)


def _sender(data: AnyInput) -> Sender | None:
    match data:
        case MessageReceived() | MessageEdited() | MessageDeleted() | FeedbackReceived():
            return data.sender
        case ApprovalAnswered(by=by) | QuestionAnswered(by=by):
            return Sender(channel=by.channel, address=by.address, proof=by.proof)
        case _:
            return None


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
