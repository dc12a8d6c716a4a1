"""What the loop writes, as the data of events: results say what the world answered, decisions what follows."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from bot.values import (
    ActorKind,
    ApprovalStatus,
    AskSettings,
    Data,
    Effect,
    Failure,
    Level,
    OnExpiry,
    Outcome,
    Outgoing,
    Part,
    Private,
    PrivateJson,
    Step,
    TakeoverReason,
    TaskKind,
    Text,
    Then,
    TimerPurpose,
    ToolStatus,
    Usage,
)


class ResultData(Data):
    part: ClassVar[Part] = "result"


class DecisionData(Data):
    part: ClassVar[Part] = "decision"
    actor: ClassVar[ActorKind] = "system"


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
    """`result` is what the tool said, clipped, or one line saying why it failed.

    `answered_by` names the person who answered instead of the tool; `withdraws` are the seqs of open requests
    for approval that the agent takes back.
    """

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
    answered_by: str = ""
    withdraws: tuple[int, ...] = ()


class TaskStarted(ResultData):
    """A call that goes on outside the turn: in the background here, or in an outside system.

    `token_hash` is the SHA-256 of the one-time token with which an outside system reports the end.
    """

    type: ClassVar[str] = "task.started"
    actor: ClassVar[ActorKind] = "tool"
    task_id: str
    call_id: str
    tool: str
    args_digest: str
    kind: TaskKind
    text: Private = ""
    expires_at: AwareDatetime | None = None
    token_hash: str = ""


class QuestionAsked(ResultData):
    """A question to a person, asked by a `stored` tool; `options` are answers to choose from."""

    type: ClassVar[str] = "question.asked"
    actor: ClassVar[ActorKind] = "tool"
    question_id: str
    call_id: str
    to: str
    text: Private
    options: tuple[Private, ...] = ()
    expires_at: AwareDatetime
    outgoing: tuple[Outgoing, ...] = ()


class TimerSet(ResultData):
    """A result when a `stored` tool set it, a decision when the loop will look again later.

    `about` is the approval, question or task that it is for.
    """

    type: ClassVar[str] = "timer.set"
    actor: ClassVar[ActorKind] = "system"
    timer_id: str
    due_at: AwareDatetime
    purpose: TimerPurpose
    text: Private = ""
    about: str = ""


# ---------------------------------------------------------------- decisions


class TurnStarted(DecisionData):
    """`input` is the seq of what is answered; `version` that of the edit actually read (else the same).

    `timezone` is the requester's: a prompt shows in it when they wrote.
    """

    type: ClassVar[str] = "turn.started"
    input: int
    version: int
    timezone: str = ""


class TurnRead(DecisionData):
    type: ClassVar[str] = "turn.read"
    input: int
    version: int
    timezone: str = ""


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
    approval_id: str = ""
    background: bool = False


class ApprovalRequested(DecisionData):
    """A call waits for a person's yes. It is bound to these arguments and to what was shown of them.

    `origin` is the seq of the message it comes from, `why` what makes it need a yes, `influenced_by` the
    sources that may have put words into the agent's mouth. Any of `approvers` may decide; `asked` were told.
    The call must start within `start_within` seconds of the decision.
    """

    type: ClassVar[str] = "approval.requested"
    approval_id: str
    call_id: str
    tool: str
    args: PrivateJson
    args_digest: str
    effect: Effect
    origin: int
    by: Private = ""
    person: str = ""
    why: Text
    influenced_by: tuple[Private, ...] = ()
    shown: Private
    shown_hash: str
    approvers: tuple[str, ...]
    asked: tuple[str, ...] = ()
    quorum: int = 1
    separation_of_duties: bool = False
    expires_at: AwareDatetime
    lifetime: float
    start_within: float
    on_expiry: OnExpiry = "deny"
    levels: tuple[Level, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()


class ApprovalPassedOn(DecisionData):
    """Nobody has decided yet, so further people may, from `level` on; `asked` were told now."""

    type: ClassVar[str] = "approval.passed_on"
    approval_id: str
    level: int
    approvers: tuple[str, ...]
    asked: tuple[str, ...] = ()
    expires_at: AwareDatetime
    outgoing: tuple[Outgoing, ...] = ()


class ApprovalResolved(DecisionData):
    """How a request ended; `of` is its seq. `by` names who decided, `message` is what they said."""

    type: ClassVar[str] = "approval.resolved"
    approval_id: str
    of: int
    call_id: str
    tool: str
    status: ApprovalStatus
    args_digest: str
    final_args: PrivateJson | None = None
    by: tuple[str, ...] = ()
    message: Private = ""
    reason: Text = ""
    outgoing: tuple[Outgoing, ...] = ()


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
