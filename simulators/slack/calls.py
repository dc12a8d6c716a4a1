"""What the calls of the control API take."""

from typing import Annotated, Any, Literal, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1, max_length=40_000)]
SocketAction = Literal[
    "disconnect",
    "warning",
    "refresh_requested",
    "too_many_websockets",
    "link_disabled",
    "close",
    "drop",
    "withhold_pongs",
    "answer_pongs",
]
DisconnectReason = Literal["warning", "refresh_requested", "too_many_websockets", "link_disabled"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SentFile(Body):
    """The type follows from the name unless it is given."""

    name: str = Field(min_length=1, max_length=255)
    content_base64: Base64Bytes
    content_type: str = ""


class Say(Body):
    """A text, files, or both."""

    from_: str = Field(alias="from", min_length=1)
    text: Annotated[str, Field(max_length=40_000)] = ""
    channel: str | None = None
    thread: str | None = None
    files: Annotated[tuple[SentFile, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.text or self.files):
            raise ValueError("a text, files, or both")
        return self


class Edit(Body):
    channel: str
    ts: str
    text: Text


class Place(Body):
    channel: str
    ts: str


class React(Body):
    from_: str = Field(alias="from", min_length=1)
    channel: str
    ts: str
    name: str
    remove: bool = False


class OpenAssistant(Body):
    """`context` is the channel that the person looks at."""

    from_: str = Field(alias="from", min_length=1)
    context: str | None = None


class LookAt(Body):
    from_: str = Field(alias="from", min_length=1)
    channel: str
    thread: str
    context: str


class Redeliver(Body):
    event_id: str
    times: int = Field(1, ge=1, le=1_000)


class AddFault(Body):
    method: str
    kind: str
    times: int = Field(1, ge=1)
    retry_after: int = Field(1, ge=0)


class Socket(Body):
    action: SocketAction
    reason: DisconnectReason = "refresh_requested"


class Click(Body):
    """Without `ts` the newest message with such a button that contains `text`, by default in the DM."""

    from_: str = Field(alias="from", min_length=1)
    channel: str | None = None
    ts: str | None = None
    text: str = ""
    action_id: str
    value: str | None = None


class Command(Body):
    from_: str = Field(alias="from", min_length=1)
    command: str = Field(pattern="^/")
    text: str = ""
    channel: str | None = None


class Submit(Body):
    """`values` by block id or label; without `view_id` the modal that this person sees."""

    from_: str = Field(alias="from", min_length=1)
    view_id: str | None = None
    values: dict[str, Any] = {}


class Close(Body):
    from_: str = Field(alias="from", min_length=1)
    view_id: str | None = None


class UseHttp(Body):
    events: str
    interactive: str = ""
    commands: str = ""
