"""A thread: what its log says, as far as it matters for what happens next. bot/fold.py makes it from the log.

Bounded, and free of conversation text between turns, but for the arguments of calls that wait for a yes.
Collections keep the order of seqs, so that a snapshot read back is the same thread. What is copied with changes
all the time has no slots: a dict is copied at once, slots one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.events import (
    Decision,
    Effect,
    Failure,
    Level,
    OnExpiry,
    Step,
    TaskKind,
    TaskOutcome,
    Then,
    TimerPurpose,
    ToolStatus,
    Usage,
)

UnreadKind = Literal["stop", "answer", "question", "message", "reminder", "retry", "task"]
ANSWERS: tuple[UnreadKind, ...] = ("answer", "question")
"""What is answered before anything else that waits."""

Void = Literal["", "superseded", "cancelled", "withdrawn"]
Status = Literal[
    "idle", "working", "waiting_for_approval", "waiting_for_person", "background", "paused", "with_person",
    "parked", "closed",
]  # fmt: skip


@dataclass(frozen=True)
class Unread:
    """An input that waits for its turn. `ref` is the run that it goes on with, `about` what it answers or ends.

    `tool`, `outcome` and `approvers` are those of a task that has ended.
    """

    seq: int
    kind: UnreadKind
    by: str = ""
    person: str = ""
    ref: str = ""
    size: int = 0
    about: str = ""
    tool: str = ""
    outcome: TaskOutcome | None = None
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """What is known of a message that is unread or in the window. `run` is "" while nobody has read it.

    `unproven` says what its sender lacked to be known as somebody.
    """

    place: str
    by: str
    person: str
    size: int
    version: int
    edited_at: str = ""
    run: str = ""
    taint: str = ""
    unproven: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """An edit or delete that came before its message."""

    place: str
    seq: int
    edited_at: str
    deleted: bool
    size: int
    taint: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """The announcement of a model call that has no answer yet."""

    seq: int
    degraded: bool


@dataclass(frozen=True, slots=True)
class Calling:
    """The announcement of a tool call that has no result yet."""

    seq: int
    call_id: str
    tool: str
    args: Mapping[str, JsonValue]
    args_digest: str
    effect: Effect
    key: str
    background: bool = False

    @property
    def may_have_acted(self) -> bool:
        """Whether nobody knows what it did, if it was cut off: a background call has only been put in line."""
        return self.effect == "unsafe" and not self.background


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model said last in this turn."""

    seq: int
    step: Step | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a tool said last in this turn."""

    seq: int
    tool: str
    status: ToolStatus
    result: str
    then: Then
    retryable: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The call goes on outside this turn: it waits for a yes, or runs in the background. `text` says so."""

    seq: int
    tool: str
    text: str = ""


@dataclass(frozen=True)
class Turn:
    """The one input being answered. `corrected` counts invalid answers in a row.

    `approvers` said yes or no to what it does, and hear how it ended; `task` is that of a call that goes on.
    """

    input: int
    run: str
    by: str
    person: str
    started: int
    pending: Asking | Calling | None = None
    last: Answered | Finished | Waiting | None = None
    approvers: tuple[str, ...] = ()
    dirty: bool = False
    stopped: str = ""
    corrected: int = 0
    compacted: bool = False
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Fails:
    """Failures of one tool in a row; `repeated` says that the last two were the same call."""

    count: int
    args_digest: str
    repeated: bool
    seqs: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """What one request has used so far, over all its turns. `told`: its requester knows that it has to wait.

    `origin` is the seq of the message it came from.
    """

    origin: int = 0
    steps: int = 0
    fails: Mapping[str, Fails] = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    retries: int = 0
    retrying_since: datetime | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """An open timer. `seq` is that of its timer.set, `about` the approval, question or task it is for."""

    seq: int
    due_at: datetime
    purpose: TimerPurpose
    run: str
    by: str
    person: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody who may decide said about an open request."""

    seq: int
    time: datetime
    decision: Decision
    person: str
    channel: str
    args: Mapping[str, JsonValue] | None = None
    message: str = ""


@dataclass(frozen=True)
class Approval:
    """A call that waits for a person's yes. `seq` and `requested_at` are those of its approval.requested.

    `answers` counted so far; with `decided` the last of them settled it, and those in `late` came too late.
    `void` says why it can no longer be decided. `told` have been asked at some time.
    """

    seq: int
    requested_at: datetime
    call_id: str
    tool: str
    args: Mapping[str, JsonValue]
    args_digest: str
    effect: Effect
    run: str
    origin: int
    by: str
    person: str
    approvers: tuple[str, ...]
    told: tuple[str, ...]
    quorum: int
    separation_of_duties: bool
    expires_at: datetime
    lifetime: float
    start_within: float
    on_expiry: OnExpiry
    levels: tuple[Level, ...]
    level: int = 0
    answers: tuple[Answer, ...] = ()
    decided: bool = False
    late: tuple[Answer, ...] = ()
    void: Void = ""

    @property
    def decision(self) -> Answer | None:
        """The answer that settled it."""
        return self.answers[-1] if self.decided else None


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a person that has no answer yet."""

    seq: int
    call_id: str
    to: str
    run: str
    by: str
    person: str
    expires_at: datetime


@dataclass(frozen=True)
class Task:
    """A call that goes on outside any turn. `void`: it was stopped, and its result starts nothing."""

    seq: int
    call_id: str
    tool: str
    args_digest: str
    kind: TaskKind
    run: str
    by: str
    person: str
    approvers: tuple[str, ...] = ()
    attempt: int = 1
    void: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that the prompt shows, and how many bytes it takes there if it is not clipped.

    `taint` names whose words, other than a known person's own, it brings in.
    """

    seq: int
    size: int
    taint: str = ""


@dataclass(frozen=True)
class Thread:
    """The state of one conversation. `head` is the seq of the last event that the loop wrote."""

    id: str
    seq: int = 0
    head: int = 0
    agent: str = ""
    channel: str = ""
    account: str = ""
    destination: str = ""
    turn: Turn | None = None
    unread: tuple[Unread, ...] = ()
    messages: Mapping[int, Message] = field(default_factory=dict)
    edits_ahead: tuple[Ahead, ...] = ()
    runs: Mapping[str, Run] = field(default_factory=dict)
    timers: Mapping[str, Timer] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    window: tuple[Entry, ...] = ()
    window_from: int = 0
    paused: bool = False
    with_person: bool = False
    parked: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def status(self) -> Status:
        """One word for where the thread stands, the same in log, API, CLI and metrics."""
        if self.parked:
            return "parked"
        if self.with_person:
            return "with_person"
        if self.paused:
            return "paused"
        if self.turn or self.unread or any(timer.purpose == "retry" for timer in self.timers.values()):
            return "working"
        if self.approvals:
            return "waiting_for_approval"
        if self.questions:
            return "waiting_for_person"
        return "background" if self.tasks else "idle"

    @property
    def open_turn(self) -> Turn:
        """The turn that must be open here; a log in which it is not is broken."""
        if self.turn is None:
            raise ValueError(f"thread {self.id}: no turn is open after seq {self.seq}")
        return self.turn
