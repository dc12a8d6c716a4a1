"""What an event changes in the index tables: pure, the same for a new one and for a rebuild from the log."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.events import (
    SENDING,
    AnyData,
    ApprovalAnswered,
    ApprovalPassedOn,
    ApprovalRequested,
    ApprovalResolved,
    ContactReported,
    ControlRequested,
    DeliveryReported,
    DeliveryStatus,
    Event,
    FeedbackReceived,
    MessageReceived,
    QuestionAnswered,
    QuestionAsked,
    SenderTold,
    TakeoverStarted,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
    ThreadOpened,
    TimerFired,
    TimerPurpose,
    TimerSet,
    isoformat,
    outgoing_of,
)
from bot.ids import outbox_id
from bot.store.index_letters import LetterChange, project_letters
from bot.store.index_requests import RequestChange, project_request


@dataclass(frozen=True, slots=True)
class OpenThread:
    thread_id: str
    channel: str
    account: str
    conversation: str
    agent: str
    opened_at: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    thread_id: str
    timer_id: str
    due_at: str
    purpose: TimerPurpose
    text: str
    run: str


@dataclass(frozen=True, slots=True)
class DropTimer:
    thread_id: str
    timer_id: str


@dataclass(frozen=True, slots=True)
class DropRetries:
    """After a stop nothing is tried again; reminders stay."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class DropTimersAbout:
    """What a request or a task waited for does not matter once it is closed."""

    thread_id: str
    about: str


@dataclass(frozen=True, slots=True)
class AddOutbox:
    id: str
    thread_id: str
    seq: int
    number: int
    channel: str
    account: str
    destination: str
    created_at: str
    run: str
    trace_id: str
    not_before: str | None = None


@dataclass(frozen=True, slots=True)
class ReportPart:
    """How the sending of one part went; `done` with the last part."""

    outbox_id: str
    part: int
    done: bool
    status: DeliveryStatus
    attempts: int
    not_before: str | None


Change = (
    OpenThread
    | SetTimer
    | DropTimer
    | DropRetries
    | DropTimersAbout
    | AddOutbox
    | ReportPart
    | RequestChange
    | LetterChange
)

# Most events change nothing. To ask for the type is 3 us cheaper than to let `match` ask each pydantic class.
_REQUESTS = frozenset(
    {
        ApprovalRequested, ApprovalPassedOn, ApprovalResolved, ApprovalAnswered, QuestionAsked, QuestionAnswered,
        TimerFired, TaskStarted, TaskProgressed, TaskFinished, ControlRequested, ContactReported,
    }
)  # fmt: skip
_CHANGING = frozenset({*SENDING, *_REQUESTS, ThreadOpened, TimerSet})
_ANSWERLESS = frozenset(
    {ContactReported, DeliveryReported, FeedbackReceived, SenderTold, TaskProgressed, ThreadOpened}
)


def project(event: Event) -> tuple[Change, ...]:
    """What the event changes, in order."""
    if type(event.data) not in _CHANGING:
        return tuple(project_letters(event)) if isinstance(event.data, MessageReceived) else ()
    requests = project_request(event) if _concerns_requests(event.data) else ()
    return (*_plain(event), *requests, *_outbox(event), *project_letters(event))


def _concerns_requests(data: AnyData) -> bool:
    return type(data) in _REQUESTS or (
        isinstance(data, DeliveryReported) and (bool(data.outgoing) or data.unreachable)
    )


def _plain(event: Event) -> tuple[Change, ...]:
    match event.data:
        case DeliveryReported() as data:
            return (_report(data),)
        case ThreadOpened() as data:
            return (_opened(event, data),)
        case TimerSet() as data:
            due = isoformat(data.due_at)
            return (SetTimer(event.thread_id, data.timer_id, due, data.purpose, data.text, event.run),)
        case TimerFired() as data:
            return (DropTimer(event.thread_id, data.timer_id),)
        case ControlRequested(action="stop" | "take_over") | TakeoverStarted():
            return (DropRetries(event.thread_id),)
        case ApprovalResolved() as data:
            return (DropTimersAbout(event.thread_id, data.approval_id),)
        case QuestionAnswered(refused=None) as data:
            return (DropTimersAbout(event.thread_id, data.question_id),)
        case TaskFinished() as data:
            return (DropTimersAbout(event.thread_id, data.task_id),)
        case _:
            return ()


def needs_no_answer(data: AnyData) -> bool:
    """Whether the loop has nothing to do about this input, so that a settled thread stays settled."""
    return type(data) in _ANSWERLESS


def _opened(event: Event, data: ThreadOpened) -> OpenThread:
    return OpenThread(
        event.thread_id, event.channel, data.account, data.conversation, data.agent, isoformat(event.time)
    )


def _outbox(event: Event) -> Iterable[AddOutbox]:
    """One row per message that goes to a provider; one without a destination lives in the log only."""
    for number, message in enumerate(outgoing_of(event.data)):
        if message.channel and message.destination:
            yield AddOutbox(
                outbox_id(event.thread_id, event.seq, number),
                event.thread_id,
                event.seq,
                number,
                message.channel,
                message.account,
                message.destination,
                isoformat(event.time),
                event.run,
                event.trace_id,
                isoformat(message.not_before) if message.not_before else None,
            )


def _report(data: DeliveryReported) -> ReportPart:
    return ReportPart(
        data.outbox_id,
        data.part_number,
        data.part_number >= data.parts,
        data.status,
        data.attempt,
        isoformat(data.not_before) if data.not_before else None,
    )
