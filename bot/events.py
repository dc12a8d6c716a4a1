"""The one event type: an envelope that is the same for all, and typed data for each kind of event.

The table of event types stands at the end. Inputs come from outside and never conflict; results say what the
world answered; decisions say what the loop chose and announce what it is about to do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from bot.errors import BrokenEvent, UnknownEvent

ActorKind = Literal["person", "model", "system", "tool", "timer", "operator"]
Source = Literal["person", "stranger", "quoted", "attachment", "tool", "knowledge", "model"]
Part = Literal["input", "result", "decision"]
Proof = Literal["provider", "token", "local", "claimed", "none"]
Intent = Literal[
    "reply", "need_clarification", "call_tool", "need_approval", "hand_off", "escalate", "task_complete"
]
FailureKind = Literal["unavailable", "too_large", "invalid", "refusal", "budget"]
Effect = Literal["read", "idempotent", "unsafe", "stored"]
Then = Literal["continue", "finish"]
ToolStatus = Literal["ok", "failed", "denied", "unknown", "cancelled"]
ControlAction = Literal["stop", "pause", "resume", "take_over", "hand_back"]
TimerPurpose = Literal["remind", "retry"]
DeliveryStatus = Literal["sent", "failed", "unknown", "dead"]
Outcome = Literal["replied", "waiting", "handed_off", "capped", "failed", "cancelled"]
TakeoverReason = Literal[
    "asked", "consecutive_errors", "repeated_call", "unknown_outcome", "not_retryable", "invalid_answers",
    "refusal", "too_large", "model_unavailable",
]  # fmt: skip
OutgoingKind = Literal["reply", "notice"]


def clean(value: object) -> object:
    """Text without what UTF-8 cannot carry: a lone surrogate becomes U+FFFD, other values pass through."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


class _PrivateMark:
    """Marks a field that can hold a person's words or address: what erasing a person blanks."""


PRIVATE = _PrivateMark()
Text = Annotated[str, BeforeValidator(clean)]
Private = Annotated[str, BeforeValidator(clean), PRIVATE]
PrivateJson = Annotated[dict[str, JsonValue], PRIVATE]


class Value(BaseModel):
    """A frozen value inside an event."""

    # What people wrote does not belong in error messages, which are logged.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Data(Value):
    """What one type of event says; `part` tells which kind of append may write it."""

    type: ClassVar[str]
    part: ClassVar[Part]
    actor: ClassVar[ActorKind]
    v: ClassVar[int] = 1


class InputData(Data):
    part: ClassVar[Part] = "input"
    actor: ClassVar[ActorKind] = "person"


class ResultData(Data):
    part: ClassVar[Part] = "result"


class DecisionData(Data):
    part: ClassVar[Part] = "decision"
    actor: ClassVar[ActorKind] = "system"


# ---------------------------------------------------------------- values


class Block(Value):
    """A piece of content and where it comes from. Only `source` "person" may instruct the agent."""

    source: Source
    kind: Literal["text", "file", "image"] = "text"
    text: Private = ""
    name: Private = ""
    ref: str = ""


class Sender(Value):
    """Who wrote, as the provider names them, and how we know: never a display name."""

    channel: str
    address: Private
    proof: Proof


class Outgoing(Value):
    """A message to send. Without a destination it goes nowhere else than the log (API, terminal)."""

    text: Private
    kind: OutgoingKind = "reply"
    channel: str = ""
    account: str = ""
    destination: Private = ""
    link: str = ""


class ProposedAction(Value):
    """A typed call the model asks for (`tool`, `args`), or the agent it hands over to (`agent`)."""

    tool: str = ""
    args: PrivateJson = Field(default_factory=dict)
    agent: str = ""


class Step(Value):
    """What the model answered: one step, validated."""

    intent: Intent
    message: Private
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)
    proposed_action: ProposedAction | None = None


class Failure(Value):
    """Why there is no step. `message` is one short line without secrets; `retry_after` is in seconds."""

    kind: FailureKind
    message: Text
    retryable: bool = True
    retry_after: float | None = Field(default=None, allow_inf_nan=False)


class Usage(Value):
    """Tokens of one model call; `input` leaves out what was read from or written to the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0


class AskSettings(Value):
    """Everything besides the log and the texts that shapes a request."""

    render_version: int
    max_tokens: int
    structured: bool
    timezone: str
    block_clip: int
    cache_ttl: str = "5m"


# ---------------------------------------------------------------- inputs


class ThreadOpened(InputData):
    type: ClassVar[str] = "thread.opened"
    actor: ClassVar[ActorKind] = "system"
    conversation: Private
    agent: str
    account: str = ""
    destination: Private = ""


class MessageReceived(InputData):
    type: ClassVar[str] = "message.received"
    place: Private
    blocks: tuple[Block, ...]
    sender: Sender
    person: str | None = None
    display: Private = ""
    reply_to: Private = ""
    raw: str = ""


class MessageEdited(InputData):
    type: ClassVar[str] = "message.edited"
    place: Private
    edited_at: str
    blocks: tuple[Block, ...]
    sender: Sender
    person: str | None = None
    display: Private = ""
    raw: str = ""


class MessageDeleted(InputData):
    type: ClassVar[str] = "message.deleted"
    place: Private
    sender: Sender
    raw: str = ""


class ControlRequested(InputData):
    type: ClassVar[str] = "control.requested"
    action: ControlAction
    by: Private
    because: Private = ""


class TimerFired(InputData):
    type: ClassVar[str] = "timer.fired"
    actor: ClassVar[ActorKind] = "timer"
    timer_id: str
    purpose: TimerPurpose
    due_at: AwareDatetime
    text: Private = ""


class DeliveryReported(InputData):
    """One part of an outgoing message was sent, or not. `outgoing` tells an operator of a dead one."""

    type: ClassVar[str] = "delivery.reported"
    actor: ClassVar[ActorKind] = "system"
    outbox_id: str
    part_number: int
    parts: int
    status: DeliveryStatus
    attempt: int = 1
    provider_id: str = ""
    error: Text = ""
    not_before: AwareDatetime | None = None
    outgoing: tuple[Outgoing, ...] = ()


class FeedbackReceived(InputData):
    """`rating` runs from 1 (bad) to 5 (good); thumbs are 1 and 5."""

    type: ClassVar[str] = "feedback.received"
    rating: float = Field(ge=1, le=5, allow_inf_nan=False)
    comment: Private = ""
    about: int | None = None


# ---------------------------------------------------------------- results


class ModelAnswered(ResultData):
    type: ClassVar[str] = "model.answered"
    actor: ClassVar[ActorKind] = "model"
    step: Step | None = None
    failure: Failure | None = None
    model: str = ""
    stop_reason: str = ""
    usage: Usage = Usage()
    request_id: str = ""
    duration_ms: int = 0


class ToolFinished(ResultData):
    """`result` is what the tool said, clipped, or one line saying why it failed."""

    type: ClassVar[str] = "tool.finished"
    actor: ClassVar[ActorKind] = "tool"
    call_id: str
    tool: str
    args_digest: str
    status: ToolStatus
    result: Private = ""
    then: Then = "continue"
    retryable: bool = True
    duration_ms: int = 0
    outgoing: tuple[Outgoing, ...] = ()


class TimerSet(ResultData):
    """A result when a `stored` tool set it, a decision when the loop will try again later."""

    type: ClassVar[str] = "timer.set"
    actor: ClassVar[ActorKind] = "system"
    timer_id: str
    due_at: AwareDatetime
    purpose: TimerPurpose
    text: Private = ""


# ---------------------------------------------------------------- decisions


class TurnStarted(DecisionData):
    """`input` is the seq of what is answered; `version` that of the edit actually read (else the same)."""

    type: ClassVar[str] = "turn.started"
    input: int
    version: int


class TurnRead(DecisionData):
    type: ClassVar[str] = "turn.read"
    input: int
    version: int


class TurnResumed(DecisionData):
    type: ClassVar[str] = "turn.resumed"
    of: int


class TurnEnded(DecisionData):
    type: ClassVar[str] = "turn.ended"
    outcome: Outcome
    reply: Private = ""
    reason: Text = ""
    steps: int = 0
    outgoing: tuple[Outgoing, ...] = ()


class ModelAsked(DecisionData):
    """Texts are named by hash; `now` is the only clock the prompt sees; `request` hashes the body."""

    type: ClassVar[str] = "model.asked"
    model: str
    now: AwareDatetime
    settings: AskSettings
    prompt: str
    tools: str
    output_schema: str
    request: str
    estimated_tokens: int
    degraded: bool = False


class ToolStarted(DecisionData):
    type: ClassVar[str] = "tool.started"
    call_id: str
    tool: str
    args: PrivateJson
    args_digest: str
    effect: Effect
    key: str


class ContextCompacted(DecisionData):
    type: ClassVar[str] = "context.compacted"
    from_seq: int
    to_seq: int
    summary: Private = ""
    tokens_before: int
    tokens_after: int
    trigger: Literal["budget", "too_large"]


class TakeoverStarted(DecisionData):
    type: ClassVar[str] = "takeover.started"
    to: str
    reason: TakeoverReason
    summary: Private = ""
    outgoing: tuple[Outgoing, ...] = ()


class ThreadParked(DecisionData):
    type: ClassVar[str] = "thread.parked"
    reason: Text
    tries: int = 0
    outgoing: tuple[Outgoing, ...] = ()


# ---------------------------------------------------------------- the table

AnyInput = (
    ThreadOpened | MessageReceived | MessageEdited | MessageDeleted | ControlRequested | TimerFired
    | DeliveryReported | FeedbackReceived
)  # fmt: skip
AnyData = (
    AnyInput | ModelAnswered | ToolFinished | TimerSet | TurnStarted | TurnRead | TurnResumed | TurnEnded
    | ModelAsked | ToolStarted | ContextCompacted | TakeoverStarted | ThreadParked
)  # fmt: skip

TYPES: Mapping[str, type[AnyData]] = {
    cls.type: cls
    for cls in (
        ThreadOpened, MessageReceived, MessageEdited, MessageDeleted, ControlRequested, TimerFired,
        DeliveryReported, FeedbackReceived,
        ModelAnswered, ToolFinished, TimerSet,
        TurnStarted, TurnRead, TurnResumed, TurnEnded, ModelAsked, ToolStarted, ContextCompacted,
        TakeoverStarted, ThreadParked,
    )
}  # fmt: skip

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""From (type, stored v) to the function that turns its data into those of v + 1."""


def decode(type_: str, v: int, data: str) -> AnyData:
    """The data of a stored event.

    Raises UnknownEvent for a type or version of a newer program and BrokenEvent for data that cannot be read.
    """
    cls = TYPES.get(type_)
    if cls is None or v > cls.v:
        raise UnknownEvent(f"{type_} v{v} is not known to this version of Saywhen; a newer one wrote it")
    try:
        if v == cls.v:
            return cls.model_validate_json(data)
        return cls.model_validate(_upcast(type_, v, cls.v, data))
    except (ValidationError, ValueError, LookupError, RecursionError) as error:
        raise BrokenEvent(f"{type_} v{v} cannot be read: {str(error).splitlines()[0]}") from error


def _upcast(type_: str, v: int, to: int, data: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(data)
    for version in range(v, to):
        value = UPCASTS[type_, version](value)
    return value


# ---------------------------------------------------------------- envelopes


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the log."""

    thread_id: str
    seq: int
    id: str
    time: datetime
    data: AnyData
    actor: str = ""
    channel: str = ""
    run: str = ""
    correlation: str = ""
    dedupe: str | None = None
    trace_id: str = ""

    @property
    def type(self) -> str:
        return self.data.type

    def to_json(self) -> dict[str, JsonValue]:
        """The event as people and programs outside see it: the envelope, then the data with full texts."""
        return {
            "thread_id": self.thread_id,
            "seq": self.seq,
            "id": self.id,
            "type": self.data.type,
            "v": self.data.v,
            "time": isoformat(self.time),
            "actor_kind": self.data.actor,
            "actor": self.actor,
            "channel": self.channel,
            "run": self.run,
            "correlation": self.correlation,
            "dedupe": self.dedupe,
            "trace_id": self.trace_id,
            "data": self.data.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Incoming:
    """An input before the store has stamped it.

    It names either the `thread_id`, or the `conversation` of a `channel` and `account`; a conversation seen for
    the first time opens a thread whose replies go to `destination`. `dedupe` is its place and version, for ever.
    """

    data: AnyInput
    channel: str
    dedupe: str | None = None
    thread_id: str = ""
    account: str = ""
    conversation: str = ""
    destination: str = ""
    actor: str = ""
    run: str = ""
    correlation: str = ""
    trace_id: str = ""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the loop appends, before the store has stamped it."""

    data: AnyData
    run: str = ""
    correlation: str = ""


def isoformat(time: datetime) -> str:
    """UTC with six decimals and a Z, so that text order is time order."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
