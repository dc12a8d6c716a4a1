"""The shapes the core needs from others. Fakes satisfy them too."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.events import Draft, Event, Incoming, ModelAnswered, Outgoing, Step, TaskKind, TimerPurpose

Clock = Callable[[], datetime]
Receive = Callable[[Incoming], Awaitable["Received"]]
ChannelState = Literal["off", "connecting", "connected", "failing"]


# ---------------------------------------------------------------- store


@dataclass(frozen=True, slots=True)
class Received:
    """Where an input went. `duplicate` means it was there before: the seq is that of the first."""

    thread_id: str
    seq: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A thread as stored: a snapshot, if one fits this program, and all events after it.

    `broken` says why the events end early: the first one that could not be read.
    """

    thread_id: str
    snapshot: str | None
    events: tuple[Event, ...]
    tries: int
    head: int = 0
    last_seq: int = 0
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Appended:
    """All events after the one the loop had seen, in order; `decided` is False if an input came in between,
    so that the decisions were left out."""

    events: tuple[Event, ...]
    decided: bool


@dataclass(frozen=True, slots=True)
class DueTimer:
    thread_id: str
    timer_id: str
    due_at: datetime
    purpose: TimerPurpose
    text: str
    run: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way. `parts_sent` counts the parts already delivered; `unsure` marks a part that may have
    arrived (an unknown outcome, or the process died while sending)."""

    id: str
    thread_id: str
    seq: int
    outgoing: Outgoing
    created_at: datetime
    run: str = ""
    parts_sent: int = 0
    attempts: int = 0
    unsure: bool = False
    not_before: datetime | None = None
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread in a list."""

    thread_id: str
    channel: str
    account: str
    conversation: str
    agent: str
    last_seq: int
    settled_seq: int
    tries: int
    opened_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request for a yes, or a question. `status` is "pending" until it has ended."""

    id: str
    kind: Literal["approval", "question"]
    thread_id: str
    seq: int
    requester: str
    approvers: tuple[str, ...]
    quorum: int
    separation_of_duties: bool
    expires_at: datetime
    asked_at: datetime
    status: str
    decided_by: tuple[str, ...] = ()
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A person was asked on a channel; `wrong` counts the wrong codes that came from there since."""

    request: RequestRow
    person: str
    channel: str
    wrong: int


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A call outside any turn. `stopped`: its thread was stopped; `outcome` is "" while it runs."""

    task_id: str
    thread_id: str
    call_id: str
    seq: int
    tool: str
    kind: TaskKind
    token_hash: str
    attempt: int
    stopped: bool
    note: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a conversation by mail when something is to be sent in it.

    `answers` is the channel_ref of the mail that is answered, if there is one; `known`: a person of the
    configuration sent it. `first` is the outbox id of our own first mail to that address, and `subject` its subject.
    """

    answers: Mapping[str, str | tuple[str, ...]]
    known: bool = False
    first: str = ""
    subject: str = ""


class Correspondence(Protocol):
    """What a channel by mail may look up: which thread a mail belongs to, and what one of ours answers."""

    async def thread_by_token(self, token: str) -> str | None: ...

    async def thread_by_letter(self, message_ids: Sequence[str], address: str) -> str | None:
        """The thread that one of these mails of the same sender went into."""
        ...

    async def corresponds(self, thread_id: str, addresses: Sequence[str]) -> bool:
        """Whether one of these wrote a mail into the thread, or was written one from there."""
        ...

    async def sent_in(self, thread_id: str) -> tuple[tuple[str, str], ...]:
        """The mails that a thread sends: outbox id and address."""
        ...

    async def said_to(self, thread_id: str, address: str) -> tuple[str, ...]:
        """What was written to somebody in a thread last, the newest first."""
        ...

    async def letter(self, outbox_id: str, address: str) -> Letter:
        """What a mail that is to be sent answers."""
        ...


class Store(Protocol):
    """The log, and the index tables that follow from it."""

    async def receive(self, incoming: Incoming) -> Received:
        """Append an input in its own transaction; returns only once it is on disk."""
        ...

    async def append(
        self,
        thread_id: str,
        *,
        head: int,
        seen: int,
        results: Sequence[Draft] = (),
        decisions: Sequence[Draft] = (),
        texts: Mapping[str, str] | None = None,
        settled: bool = False,
        now: datetime | None = None,
        trace_id: str = "",
    ) -> Appended:
        """Append what the loop brings, in one transaction of two parts, or raise Fenced.

        `head` is the seq of the last event the loop wrote, `seen` the last it folded. `settled` says that
        nothing is left to do after this; it is ignored if the decisions are left out.
        """
        ...

    async def load(self, thread_id: str) -> Loaded: ...

    async def take_over(self, limit: int = 64) -> list[str]:
        """Threads with work left by an earlier process, oldest first, their tries raised in one commit."""
        ...

    async def events(
        self, thread_id: str, *, after: int = 0, limit: int | None = None
    ) -> tuple[Event, ...]: ...

    async def events_at(self, thread_id: str, seqs: Iterable[int]) -> tuple[Event, ...]: ...

    async def texts(self, hashes: Iterable[str]) -> Mapping[str, str]: ...

    async def save_snapshot(self, thread_id: str, seq: int, fold_version: str, body: str) -> None: ...

    async def due_timers(self, now: datetime, limit: int = 256) -> list[DueTimer]: ...

    async def next_timer(self) -> datetime | None: ...

    async def outbox_due(
        self, now: datetime, *, limit: int = 256, held: datetime | None = None
    ) -> list[OutboxRow]:
        """The first unfinished message of each destination that may be sent now, oldest first.

        Messages that are not to be sent before `held` (by default now) stand in nobody's way.
        """
        ...

    async def next_outbox(self) -> datetime | None: ...

    async def threads(self, *, limit: int = 100, before: str | None = None) -> list[ThreadRow]: ...

    async def thread(self, thread_id: str) -> ThreadRow | None: ...

    async def tokens_since(self, time: datetime) -> int:
        """All tokens that model calls used since then."""
        ...

    async def thread_of(self, channel: str, account: str, conversation: str) -> ThreadRow | None:
        """The thread of a conversation, if there is one."""
        ...

    async def requests(self, *, pending: bool = True, limit: int = 100) -> list[RequestRow]:
        """Requests, the oldest first: the open ones, or the newest of all."""
        ...

    async def request(self, id_: str) -> RequestRow | None: ...

    async def requests_of(self, thread_id: str) -> list[RequestRow]:
        """The open requests of one thread."""
        ...

    async def asked(self, person: str, channel: str, limit: int = 50) -> list[AskedRow]:
        """What a person was asked on a channel: what is open first, then what was decided last."""
        ...

    async def wrong_tries(self, id_: str, person: str, channel: str) -> int: ...

    async def task(self, task_id: str) -> TaskRow | None: ...

    async def open_tasks(self) -> list[TaskRow]: ...

    async def call(self, thread_id: str, call_id: str) -> Event | None:
        """The tool.started of a call."""
        ...

    async def unreachable(self) -> Mapping[tuple[str, str], str]:
        """Addresses that take nothing from us, by (channel, address), and why."""
        ...

    def listen(self, callback: Callable[[tuple[Event, ...]], None]) -> Callable[[], None]:
        """Call back with every committed event of this process, on the event loop; returns the way to stop."""
        ...

    async def close(self) -> None: ...


# ---------------------------------------------------------------- channels


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel stands.

    `age` is the time in seconds since the provider last gave a sign of life, `quiet` since it last told us that
    something happened: long in a place where nobody writes.
    """

    state: ChannelState
    detail: str = ""
    age: float | None = None
    quiet: float | None = None

    def __str__(self) -> str:
        alive = "" if self.age is None else f"last sign of life {self.age:.0f} s ago"
        told = "" if self.quiet is None else f"last event {self.quiet:.0f} s ago"
        return "; ".join(filter(None, (self.detail, alive, told)))


@dataclass(frozen=True, slots=True)
class Part:
    """One message as the provider takes it, rendered. `text` is what a person reads, `body` the rest."""

    outbox_id: str
    number: int
    count: int
    destination: str
    text: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What a provider posted: the query and the body as they came, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the provider gets back."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"


Webhook = Callable[[WebhookRequest, Receive], Awaitable[WebhookAnswer]]
"""Handles one webhook: answers only once `receive` has stored what came. Never raises for bad input."""


class Channel(Protocol):
    """Carries messages in and out of one provider account.

    A channel that providers call has `webhooks`, from the path under /webhooks/ ("twilio/sms") to its handler. One
    that is `blind` cannot find out whether a message has arrived: after two unknown outcomes it is given up. One that
    `answers_sender` replies to whoever wrote, not to one place for the whole conversation. One that has
    `show_progress(destination, text)` is told what runs, and how far it is; "" takes that away, also what an earlier
    process left there.
    """

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str:
        """Our account at the provider; "" until the provider has said who we are."""
        ...

    async def run(self, receive: Receive) -> None:
        """Connect and hand over what arrives; acknowledge only what `receive` has stored. Until cancelled."""
        ...

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]: ...

    async def send(self, part: Part) -> str:
        """Send one part and return the provider's id of it, or raise SendFailed."""
        ...

    async def find(self, part: Part) -> str | None:
        """The provider's id of a part that may have been sent before, or None."""
        ...

    async def show_status(self, destination: str, text: str) -> None:
        """Show that the agent is at work ("" takes it away); best effort, never raises SendFailed."""
        ...

    def health(self) -> Health: ...


# ---------------------------------------------------------------- model and tools


class Model(Protocol):
    """Answers one request; every failure is an answer too."""

    @property
    def name(self) -> str: ...

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        """Send the request body once; `check` turns the answer's text into a step or raises InvalidStep."""
        ...
