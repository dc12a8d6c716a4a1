"""What comes from outside, as the data of events. Inputs never conflict: each takes the next place in its log."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from bot.values import (
    ActorKind,
    Answerer,
    Block,
    ChannelRef,
    ControlAction,
    Data,
    Decision,
    DeliveryStatus,
    Outgoing,
    Part,
    Private,
    PrivateJson,
    Refusal,
    Sender,
    TaskOutcome,
    Text,
    TimerPurpose,
)


class InputData(Data):
    part: ClassVar[Part] = "input"
    actor: ClassVar[ActorKind] = "person"


class ThreadOpened(InputData):
    type: ClassVar[str] = "thread.opened"
    actor: ClassVar[ActorKind] = "system"
    conversation: Private
    agent: str
    account: str = ""
    destination: Private = ""


class MessageReceived(InputData):
    """What somebody wrote. `channel_ref` is what the channel needs to answer it; nobody else reads it.

    `sent_at` is when it was written, of one that came late.
    """

    type: ClassVar[str] = "message.received"
    place: Private
    blocks: tuple[Block, ...]
    sender: Sender
    person: str | None = None
    display: Private = ""
    reply_to: Private = ""
    channel_ref: ChannelRef = Field(default_factory=dict)
    raw: str = ""
    sent_at: AwareDatetime | None = None


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
    """Somebody steers the thread. One word `by_text` ends a pause, and neither takes a thread back nor unparks it."""

    type: ClassVar[str] = "control.requested"
    action: ControlAction
    by: Private
    because: Private = ""
    by_text: bool = False


class ApprovalAnswered(InputData):
    """Somebody's answer to a request for approval, or why it was refused at the door.

    Whether one that was let in still counts (first, in time) is for the fold to say. `outgoing` tells who
    answered what became of it, if that is clear at once.
    """

    type: ClassVar[str] = "approval.answered"
    approval_id: str
    decision: Decision | None = None
    edited_args: PrivateJson | None = None
    message: Private = ""
    by: Answerer
    refused: Refusal | None = None
    outgoing: tuple[Outgoing, ...] = ()


class QuestionAnswered(InputData):
    """A person's answer to a question of the agent; `option` is the one they chose, if they chose one."""

    type: ClassVar[str] = "question.answered"
    question_id: str
    text: Private = ""
    option: Private = ""
    by: Answerer
    refused: Refusal | None = None
    outgoing: tuple[Outgoing, ...] = ()


class TimerFired(InputData):
    """`about` is the approval, question or task whose time has come."""

    type: ClassVar[str] = "timer.fired"
    actor: ClassVar[ActorKind] = "timer"
    timer_id: str
    purpose: TimerPurpose
    due_at: AwareDatetime
    text: Private = ""
    about: str = ""


class TaskProgressed(InputData):
    """How far a background task has come; `attempt` goes up when it is started again after a crash."""

    type: ClassVar[str] = "task.progressed"
    actor: ClassVar[ActorKind] = "tool"
    task_id: str
    note: Private = ""
    attempt: int = 1


class TaskFinished(InputData):
    """The end of a background task or of what an outside system was asked to do.

    `outgoing` tells the requester how one ended that was stopped, since no turn follows.
    """

    type: ClassVar[str] = "task.finished"
    actor: ClassVar[ActorKind] = "tool"
    task_id: str
    outcome: TaskOutcome
    result: Private = ""
    outgoing: tuple[Outgoing, ...] = ()


class ContactReported(InputData):
    """An address takes messages from us, or not any more (opted out, bounced)."""

    type: ClassVar[str] = "contact.reported"
    actor: ClassVar[ActorKind] = "system"
    address: Private
    reachable: bool
    why: Text = ""


class DeliveryReported(InputData):
    """One part of an outgoing message was sent, or not; `delivered` and `undelivered` come later, if at all.

    `outgoing` tells an operator of a dead one, or asks the same person elsewhere. `unreachable` says that the
    `address` takes nothing from us any more.
    """

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
    unreachable: bool = False
    address: Private = ""


class SenderTold(InputData):
    """What somebody heard at the door whose words went no further: a stranger, or one who said a code."""

    type: ClassVar[str] = "sender.told"
    sender: Sender
    reason: Literal["refused", "operator_asked", "owner", "linked", "wrong_code", "nothing_open", "too_late"]
    outgoing: tuple[Outgoing, ...] = ()


class FeedbackReceived(InputData):
    """`rating` runs from 1 (bad) to 5 (good); thumbs are 1 and 5. `withdrawn`: it was given before, and taken back."""

    type: ClassVar[str] = "feedback.received"
    rating: float = Field(ge=1, le=5, allow_inf_nan=False)
    comment: Private = ""
    about: int | None = None
    sender: Sender | None = None
    withdrawn: bool = False
