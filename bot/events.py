"""The one event type: an envelope that is the same for all, and typed data for each kind of event.

Inputs (bot/inputs.py) come from outside and never conflict; results and decisions (bot/decisions.py) are what the
loop writes. The table of event types stands here, and all of their names can be had from here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from bot.decisions import (
    ApprovalPassedOn as ApprovalPassedOn,
    ApprovalRequested as ApprovalRequested,
    ApprovalResolved as ApprovalResolved,
    ContextCompacted as ContextCompacted,
    DecisionData as DecisionData,
    ModelAnswered as ModelAnswered,
    ModelAsked as ModelAsked,
    QuestionAsked as QuestionAsked,
    ResultData as ResultData,
    TakeoverStarted as TakeoverStarted,
    TaskStarted as TaskStarted,
    ThreadParked as ThreadParked,
    TimerSet as TimerSet,
    ToolFinished as ToolFinished,
    ToolStarted as ToolStarted,
    TurnEnded as TurnEnded,
    TurnRead as TurnRead,
    TurnResumed as TurnResumed,
    TurnStarted as TurnStarted,
)
from bot.errors import BrokenEvent, UnknownEvent
from bot.inputs import (
    ApprovalAnswered as ApprovalAnswered,
    ContactReported as ContactReported,
    ControlRequested as ControlRequested,
    DeliveryReported as DeliveryReported,
    FeedbackReceived as FeedbackReceived,
    InputData as InputData,
    MessageDeleted as MessageDeleted,
    MessageEdited as MessageEdited,
    MessageReceived as MessageReceived,
    QuestionAnswered as QuestionAnswered,
    SenderTold as SenderTold,
    TaskFinished as TaskFinished,
    TaskProgressed as TaskProgressed,
    ThreadOpened as ThreadOpened,
    TimerFired as TimerFired,
)
from bot.values import (
    INLINE as INLINE,
    PRIVATE as PRIVATE,
    ActorKind as ActorKind,
    Answerer as Answerer,
    ApprovalStatus as ApprovalStatus,
    AskSettings as AskSettings,
    Block as Block,
    ControlAction as ControlAction,
    Data as Data,
    Decision as Decision,
    DeliveryStatus as DeliveryStatus,
    Effect as Effect,
    Failure as Failure,
    FailureKind as FailureKind,
    Intent as Intent,
    Invite as Invite,
    Level as Level,
    OnExpiry as OnExpiry,
    Outcome as Outcome,
    Outgoing as Outgoing,
    OutgoingKind as OutgoingKind,
    Part as Part,
    Private as Private,
    PrivateJson as PrivateJson,
    Proof as Proof,
    ProposedAction as ProposedAction,
    Refusal as Refusal,
    RequestFor as RequestFor,
    Risk as Risk,
    Sender as Sender,
    Source as Source,
    Step as Step,
    TakeoverReason as TakeoverReason,
    TaskKind as TaskKind,
    TaskOutcome as TaskOutcome,
    Text as Text,
    Then as Then,
    TimerPurpose as TimerPurpose,
    ToolStatus as ToolStatus,
    Usage as Usage,
    Value as Value,
    clean as clean,
)

# ---------------------------------------------------------------- the table

AnyInput = (
    ThreadOpened | MessageReceived | MessageEdited | MessageDeleted | ControlRequested |
    ApprovalAnswered | QuestionAnswered | TimerFired | TaskProgressed | TaskFinished |
    ContactReported | DeliveryReported | SenderTold | FeedbackReceived
)  # fmt: skip
AnyData = (
    AnyInput | ModelAnswered | ToolFinished | TaskStarted | QuestionAsked | TimerSet | TurnStarted |
    TurnRead | TurnResumed | TurnEnded | ModelAsked | ToolStarted | ApprovalRequested |
    ApprovalPassedOn | ApprovalResolved | ContextCompacted | TakeoverStarted | ThreadParked
)  # fmt: skip

TYPES: Mapping[str, type[AnyData]] = {
    cls.type: cls
    for cls in (
        ThreadOpened, MessageReceived, MessageEdited, MessageDeleted, ControlRequested,
        ApprovalAnswered, QuestionAnswered, TimerFired, TaskProgressed, TaskFinished, ContactReported,
        DeliveryReported, SenderTold, FeedbackReceived, ModelAnswered, ToolFinished, TaskStarted, QuestionAsked,
        TimerSet, TurnStarted, TurnRead, TurnResumed, TurnEnded, ModelAsked, ToolStarted,
        ApprovalRequested, ApprovalPassedOn, ApprovalResolved, ContextCompacted, TakeoverStarted,
        ThreadParked,
    )
}  # fmt: skip

SENDING = (
    ToolFinished, TurnEnded, TakeoverStarted, ThreadParked, DeliveryReported, ApprovalRequested, ApprovalPassedOn,
    ApprovalResolved, ApprovalAnswered, QuestionAsked, QuestionAnswered, SenderTold, TaskFinished,
)  # fmt: skip
"""The events that can send messages."""


def outgoing_of(data: AnyData) -> tuple[Outgoing, ...]:
    """The messages that the event sends."""
    return data.outgoing if isinstance(data, SENDING) else ()


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
            "data": shown_data(self.data),
        }


def shown_data(data: AnyData) -> JsonValue:
    """The data for people and programs outside: of a picture or document only how much of it there is."""
    shown: dict[str, Any] = data.model_dump(mode="json")
    for block in shown.get("blocks", ()):
        if block["data"]:
            block["data"] = f"({len(block['data']) * 3 // 4} bytes)"
    return shown


@dataclass(frozen=True, slots=True)
class Incoming:
    """An input before the store has stamped it.

    It names either the `thread_id`, or the `conversation` of a `channel` and `account`; a conversation seen for
    the first time opens a thread whose replies go to `destination`. `dedupe` is its place and version, for ever.
    `direct`: nobody else reads this conversation; `outside`: whoever wrote is not of the organisation we are in.

    An answer given by a button names neither: its `approval_id` or `question_id` is the button's handle.
    `sent_at`: when it was written, if the channel can tell.
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
    direct: bool = False
    outside: bool = False
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the loop appends, before the store has stamped it."""

    data: AnyData
    run: str = ""
    correlation: str = ""


def isoformat(time: datetime) -> str:
    """UTC with six decimals and a Z, so that text order is time order."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
