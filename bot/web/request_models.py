"""The bodies about what waits for people: approvals, questions, tasks, and codes that link an address."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from bot.canonical import canonical
from bot.events import Decision, TaskKind, Text
from bot.web.models import WORD, Body

Which = Literal["pending", "all"]
Said = Annotated[Text, Field(max_length=10_000)]


def _storable(args: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """JSON has no NaN, and UTF-8 no lone surrogates."""
    canonical(args).encode()
    return args


Args = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
As = Annotated[Text, Field(min_length=1, max_length=100)]

PLAYED = "In `bot dev`, for a caller without a token on its own machine: the demo person who answers."


class ApprovalOut(BaseModel):
    """A call that waits for a person's yes, or waited; an undecided one is `pending`."""

    approval_id: str
    thread_id: str
    tool: str
    args: dict[str, JsonValue] = Field(description="The exact arguments that are asked for.")
    status: str = Field(
        description="pending, approved, edited, rejected, answered, expired, cancelled, superseded or withdrawn."
    )
    expires_at: datetime
    requester: str
    why: str = Field(description="Why it needs a person's yes.")
    approvers: list[str] = Field(description="Who may decide.")
    asked_at: datetime
    decided_by: list[str]
    decided_at: datetime | None


class ApprovalsOut(BaseModel):
    approvals: list[ApprovalOut] = Field(description="The oldest first.")


class DecisionIn(Body):
    """What a person decides."""

    decision: Decision = Field(
        description="approve; edit: approve with other `args`; reject, with a reason in `message`; respond: the "
        "`message` goes to the agent instead of the call."
    )
    args: Args | None = Field(default=None, description="All arguments, for edit.")
    message: Said = ""
    as_: As | None = Field(default=None, alias="as", description=PLAYED)


class RulingOut(BaseModel):
    """What became of a decision. With a quorum the request may still be pending."""

    approval_id: str
    status: str
    decided_by: list[str]
    message: str


class QuestionOut(BaseModel):
    """A question of the agent to a person."""

    question_id: str
    thread_id: str
    to: str
    text: str
    options: list[str]
    status: str = Field(description="pending, answered, expired or cancelled.")
    expires_at: datetime
    asked_at: datetime
    answered_by: list[str]
    answered_at: datetime | None


class QuestionsOut(BaseModel):
    questions: list[QuestionOut] = Field(description="The oldest first.")


class AnswerIn(Body):
    text: Annotated[Said, Field(min_length=1, pattern=WORD)] = Field(
        description="The answer; the number of an option, or its words, chooses it."
    )
    as_: As | None = Field(default=None, alias="as", description=PLAYED)


class AnswerOut(BaseModel):
    question_id: str
    status: str
    answered_by: list[str]
    message: str


class TaskOut(BaseModel):
    """A call that goes on outside any turn."""

    task_id: str
    thread_id: str
    tool: str
    kind: TaskKind = Field(
        description="background: it runs here; outside: another system will report its end."
    )
    attempt: int
    stopped: bool = Field(description="Its thread was stopped: its result will start nothing.")
    note: str = Field(description="The last it said about its progress.")
    started_at: datetime | None
    expires_at: datetime | None


class TasksOut(BaseModel):
    tasks: list[TaskOut]


class TaskIn(Body):
    """How a task ended."""

    status: Literal["ok", "failed"]
    result: Text = Field(default="", description="What the agent reads; a long one is clipped.")


class TaskEnded(BaseModel):
    task_id: str
    status: Literal["ok", "failed"]


class LinkOut(BaseModel):
    """`link CODE`, sent to the bot from the new address, adds it to the person."""

    person: str
    code: str
    expires_in: int = Field(description="Seconds.")
