"""What an event changes in the index tables of requests, tasks and contacts: pure, as bot/store/index.py is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.events import (
    ApprovalAnswered,
    ApprovalPassedOn,
    ApprovalRequested,
    ApprovalResolved,
    ContactReported,
    ControlRequested,
    DeliveryReported,
    Event,
    Outgoing,
    QuestionAnswered,
    QuestionAsked,
    TaskFinished,
    TaskKind,
    TaskProgressed,
    TaskStarted,
    TimerFired,
    isoformat,
)


@dataclass(frozen=True, slots=True)
class AddRequest:
    """A request for a yes, or a question. `approvers` may answer it; `until` says by when."""

    id: str
    kind: str
    thread_id: str
    seq: int
    requester: str
    approvers: tuple[str, ...]
    quorum: int
    separate: bool
    until: str
    at: str


@dataclass(frozen=True, slots=True)
class PassOnRequest:
    id: str
    approvers: tuple[str, ...]
    until: str


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A request that is not open any more; the first end stands."""

    id: str
    kind: str
    status: str
    by: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class CloseQuestions:
    """After a stop nobody waits for an answer."""

    thread_id: str
    at: str


@dataclass(frozen=True, slots=True)
class AddAsked:
    """A person was asked on a channel, where a code of their own answers."""

    id: str
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class CountWrong:
    """A wrong code from a person on a channel: counted for a request that they could have meant."""

    id: str
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class OpenTask:
    id: str
    thread_id: str
    call_id: str
    seq: int
    tool: str
    kind: TaskKind
    token_hash: str


@dataclass(frozen=True, slots=True)
class TouchTask:
    id: str
    attempt: int
    note: str


@dataclass(frozen=True, slots=True)
class CloseTask:
    id: str
    outcome: str


@dataclass(frozen=True, slots=True)
class StopTasks:
    thread_id: str


@dataclass(frozen=True, slots=True)
class SetContact:
    channel: str
    address: str
    reachable: bool
    why: str
    at: str


RequestChange = (
    AddRequest | PassOnRequest | CloseRequest | CloseQuestions | AddAsked | CountWrong | OpenTask | TouchTask
    | CloseTask | StopTasks | SetContact
)  # fmt: skip


def project_request(event: Event) -> Iterator[RequestChange]:  # noqa: C901 - one branch for each event type
    """What the event changes, in order."""
    at = isoformat(event.time)
    match event.data:
        case ApprovalRequested() as data:
            yield AddRequest(
                data.approval_id, "approval", event.thread_id, event.seq, data.person, data.approvers,
                data.quorum, data.separation_of_duties, isoformat(data.expires_at), at,
            )  # fmt: skip
            yield from _asked(data.outgoing)
        case ApprovalPassedOn() as data:
            yield PassOnRequest(data.approval_id, data.approvers, isoformat(data.expires_at))
            yield from _asked(data.outgoing)
        case ApprovalResolved() as data:
            yield CloseRequest(data.approval_id, "approval", data.status, data.by, at)
        case ApprovalAnswered(refused="wrong_code") as data:
            yield CountWrong(data.approval_id, data.by.person, data.by.channel)
        case QuestionAsked() as data:
            yield AddRequest(
                data.question_id, "question", event.thread_id, event.seq, "", (data.to,), 1, False,
                isoformat(data.expires_at), at,
            )  # fmt: skip
            yield from _asked(data.outgoing)
        case QuestionAnswered(refused=None) as data:
            yield CloseRequest(data.question_id, "question", "answered", (data.by.person,), at)
        case TimerFired(purpose="expiry", about=about) if about:
            yield CloseRequest(about, "question", "expired", (), at)
        case DeliveryReported() as data:
            yield from _asked(data.outgoing)
            if data.unreachable:
                yield SetContact(event.channel, data.address, False, data.error, at)
        case TaskStarted() as data:
            yield OpenTask(
                data.task_id, event.thread_id, data.call_id, event.seq, data.tool, data.kind, data.token_hash
            )
        case TaskProgressed() as data:
            yield TouchTask(data.task_id, data.attempt, data.note)
        case TaskFinished() as data:
            yield CloseTask(data.task_id, data.outcome)
        case ControlRequested(action="stop"):
            yield StopTasks(event.thread_id)
            yield CloseQuestions(event.thread_id, at)
        case ContactReported() as data:
            yield SetContact(event.channel, data.address, data.reachable, data.why, at)
        case _:
            return


def _asked(messages: Iterable[Outgoing]) -> Iterator[AddAsked]:
    for message in messages:
        if message.request is not None:
            yield AddAsked(message.request.id, message.request.person, message.channel)
