"""The bodies that the control API takes."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulators.discord import faults
from simulators.discord.bodies import content_type
from simulators.discord.config import MEMBERS, MESSAGE_CONTENT, PRESENCES, Json
from simulators.discord.outgoing import Upload

Granted = Literal["message_content", "members", "presences"]
assert {MESSAGE_CONTENT, MEMBERS, PRESENCES} == set(Granted.__args__)  # type: ignore[attr-defined]
Permission = Literal["view", "send", "threads", "history", "react", "attach"]


class Unusable(Exception):
    """The request was understood, but what it asks for cannot be."""

    def __init__(self, error: str, *, found: object = None, allowed: object = None) -> None:
        super().__init__(error)
        self.found, self.allowed = found, allowed


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SentFile(Body):
    """The type follows from the name unless it is given."""

    name: str = Field(min_length=1, max_length=260)
    content_base64: str
    content_type: str | None = None

    def upload(self) -> Upload:
        try:
            content = base64.b64decode(self.content_base64, validate=True)
        except binascii.Error as error:
            raise Unusable(f"a file is not base64: {error}", found=self.content_base64[:40]) from None
        return Upload(self.name, self.content_type or content_type(self.name), content)


class Acted(Body):
    from_: str = Field(alias="from", min_length=1)


class Say(Acted):
    text: str = ""
    channel: str = "dm"
    reply_to: str | None = None
    mention: bool | None = None
    bot: bool = False
    files: Annotated[tuple[SentFile, ...], Field(max_length=10)] = ()


class Edit(Body):
    message: str
    text: str = Field(min_length=1)


class Delete(Body):
    message: str


class React(Acted):
    message: str
    emoji: str = Field(min_length=1)
    remove: bool = False


class StartThread(Acted):
    name: str = Field(min_length=1, max_length=100)
    message: str | None = None
    channel: str = "general"


class Press(Acted):
    message: str
    button: str


class Submit(Acted):
    fields: dict[str, Any] = Field(default_factory=dict)


class Slash(Acted):
    command: str = Field(min_length=1)
    options: Json = Field(default_factory=dict)
    channel: str = "dm"


class AddFault(Body):
    kind: faults.Kind
    on: faults.Operation = "send"
    times: int = Field(1, ge=1)
    skip: int = Field(0, ge=0)
    code: int | None = None
    status: int | None = Field(None, ge=400, le=599)
    retry_after: float | str | None = 1.0
    scope: faults.Scope = "user"


class Switch(Body):
    """`seconds` goes with outage, `code` with close, `granted` with intents."""

    action: Literal[
        "drop", "outage", "end_outage", "deaf", "resume_fails", "close", "reconnect", "invalidate",
        "intents", "reset_token", "restore_token",
    ]  # fmt: skip
    seconds: float = Field(3_600.0, gt=0)
    code: int = Field(4_000, ge=1_000, le=4_999)
    resumable: bool = False
    times: int = Field(1, ge=1)
    granted: tuple[Granted, ...] = ()


class Permissions(Body):
    """What the bot may not do in a channel, or everywhere with "*"; replaces what was said before."""

    channel: str = "*"
    denied: tuple[Permission, ...] = ()


class Dms(Acted):
    """Whether a person takes direct messages."""

    open: bool
