"""The bodies of the API's requests and answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from bot.events import Text
from bot.thread import Status

MOST_SEQ = 2**63 - 1
WORD = r"\S"  # something besides white space

Seq = Annotated[int, Field(ge=0, le=MOST_SEQ)]
Name = Annotated[Text, Field(min_length=1, max_length=200, pattern=WORD)]
Rating = Literal[1, 2, 3, 4, 5, "up", "down"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MessageIn(Body):
    """A message to the agent."""

    conversation: Name = Field(description="Your name for the conversation. A new name begins a new thread.")
    text: Annotated[Text, Field(min_length=1, pattern=WORD)]
    id: Name | None = Field(
        default=None,
        description="Your id of this message: sent again, it is answered like the first time and never taken "
        "twice. The header Idempotency-Key does the same.",
    )
    after: Seq | None = Field(
        default=None,
        description="The last seq you know: the message is refused with 409 if the thread has moved on.",
    )
    sender: Annotated[Text, Field(min_length=1, max_length=100, pattern=WORD)] | None = Field(
        default=None, description="Who speaks, as you say: recorded as claimed. It gives no rights."
    )


class OpenApproval(BaseModel):
    """A call that waits for a person's yes."""

    approval_id: str
    tool: str
    args: dict[str, JsonValue]
    status: str
    expires_at: datetime


class MessageOut(BaseModel):
    """Where the message went and, once the turn that read it has ended, the answer."""

    thread_id: str
    seq: int = Field(description="The place of the message in its thread.")
    status: Status
    reply: str | None = Field(description="The text of the reply; null while there is none.")
    next_action: str | None = Field(
        description="How it ended: reply, need_clarification, task_complete, waiting, handed_off, capped, "
        "failed or cancelled; null while it is not done."
    )
    approvals: list[OpenApproval] = Field(description="What waits for a person's yes in this thread.")


class ThreadOut(BaseModel):
    """A thread and where it stands."""

    thread_id: str
    status: Status
    approvals: int = Field(description="How many requests for a person's yes are open.")
    channel: str
    account: str
    conversation: str
    agent: str
    last_seq: int
    opened_at: datetime
    updated_at: datetime


class ThreadsOut(BaseModel):
    threads: list[ThreadOut]


class EventOut(BaseModel):
    """One row of the log, its texts in full. A row that cannot be read says so in `broken`."""

    model_config = ConfigDict(extra="allow")

    thread_id: str
    seq: int
    type: str
    time: str
    data: JsonValue


class EventsOut(BaseModel):
    events: list[EventOut]


class ControlIn(Body):
    because: Annotated[Text, Field(max_length=2000)] = ""


class ControlOut(BaseModel):
    """The thread's status once the request is obeyed, or after 5 seconds."""

    thread_id: str
    seq: int
    status: Status


class FeedbackIn(Body):
    """How good an answer was."""

    rating: Rating = Field(description="From 1 (bad) to 5 (good), or up or down.")
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    about: Annotated[int, Field(ge=1, le=MOST_SEQ)] | None = Field(
        default=None, description="The seq of the event it is about."
    )


class Stored(BaseModel):
    thread_id: str
    seq: int


class Health(BaseModel):
    status: Literal["ok"]
    pid: int
    version: str


class CheckOut(BaseModel):
    name: str
    ok: bool
    detail: str


class ReadyOut(BaseModel):
    status: Literal["ready", "not ready"]
    missing: list[str] = Field(description="The names of the checks that failed.")
    checks: list[CheckOut]
