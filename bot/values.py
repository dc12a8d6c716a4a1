"""The values inside events: small, frozen, and the same wherever they stand."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

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
TimerPurpose = Literal["remind", "retry", "expiry", "level", "task"]
DeliveryStatus = Literal["sent", "failed", "unknown", "dead", "delivered", "undelivered"]
Decision = Literal["approve", "edit", "reject", "respond"]
Refusal = Literal["unauthorised", "own_request", "ambiguous", "wrong_code", "locked", "invalid_args", "late"]
ApprovalStatus = Literal[
    "approved", "edited", "rejected", "answered", "expired", "cancelled", "superseded", "withdrawn"
]
OnExpiry = Literal["deny", "pass_on"]
Risk = Literal["low", "medium", "high"]
TaskKind = Literal["background", "outside"]
TaskOutcome = Literal["ok", "failed", "unknown", "cancelled", "expired"]
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
ChannelRef = Annotated[dict[str, str | tuple[str, ...]], PRIVATE]
"""What a channel keeps with a message to answer it: texts and lists of texts by name."""


class Value(BaseModel):
    """A frozen value inside an event."""

    # What people wrote does not belong in error messages, which are logged.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


INLINE = "inline"
"""The name of a block with a person's answers between quoted lines, and with those lines: it decides nothing."""


class Block(Value):
    """A piece of content and where it comes from. Only `source` "person" may instruct the agent.

    `data` is the content of a picture or a document that the model looks at itself, as base64, with its
    `media_type`; of anything else only `ref` says where it is.
    """

    source: Source
    kind: Literal["text", "file", "image"] = "text"
    text: Private = ""
    name: Private = ""
    ref: str = ""
    media_type: str = ""
    data: Private = ""


class Sender(Value):
    """Who wrote, as the provider names them, and how we know: never a display name.

    `unproven` says what was missing for a proof, where one was to be had.
    """

    channel: str
    address: Private
    proof: Proof
    unproven: Text = ""


class Answerer(Value):
    """Who answered a request, how we know, and where from."""

    person: str = ""
    channel: str
    address: Private
    proof: Proof


class RequestFor(Value):
    """What makes an outgoing message a request: whom it asks, and what may be answered.

    `code` and `handle` are filled in just before the message is rendered; they are never stored. The handle is
    what a button carries: opaque, and good for this request and this person only. `tried` are channels on which
    the person could not be reached with it; one that may not carry this `risk` is not used.
    """

    kind: Literal["approval", "question"]
    id: str
    person: str
    decisions: tuple[Decision, ...] = ()
    options: tuple[str, ...] = ()
    args: PrivateJson = Field(default_factory=dict)
    risk: Risk = "low"
    tried: tuple[str, ...] = ()
    code: str = ""
    handle: str = ""


class Invite(Value):
    """An invitation to a meeting (iCalendar, RFC 5545); `uid` is the same for every try to send it."""

    uid: str
    title: Private
    starts_at: AwareDatetime
    minutes: int = Field(ge=1, le=24 * 60)
    timezone: str


class Outgoing(Value):
    """A message to send. Without a destination it goes nowhere else than the log (API, terminal).

    One with a `request` asks a person: its text is shown whole and as it is, or not at all. It is not sent
    before `not_before`. A `subject` and an `invite` are for channels that have such things; without a subject
    of its own a mail has that of the conversation.
    """

    text: Private
    subject: Private = ""
    invite: Invite | None = None
    kind: OutgoingKind = "reply"
    channel: str = ""
    account: str = ""
    destination: Private = ""
    link: str = ""
    request: RequestFor | None = None
    not_before: AwareDatetime | None = None


class Level(Value):
    """Who is asked besides, `after` so many seconds without a decision."""

    after: float = Field(ge=0, allow_inf_nan=False)
    approvers: tuple[str, ...]


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


class Data(Value):
    """What one type of event says; `part` tells which kind of append may write it."""

    type: ClassVar[str]
    part: ClassVar[Part]
    actor: ClassVar[ActorKind]
    v: ClassVar[int] = 1
