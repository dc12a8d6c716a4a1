"""POST and GET /sim/email/*: scripts, tests and the page write mails and see what arrived."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.guard import refuse
from simulators.mail import faults
from simulators.mail.config import Json
from simulators.mail.invitations import Answer, Program
from simulators.mail.simulator import AWAY, Refused
from simulators.mail.state import Letter
from simulators.mail.writing import Enclosed, Unwritable

if TYPE_CHECKING:
    from simulators.mail.simulator import MailSimulator

Ref: TypeAlias = Annotated[str | int, Field(description="number, id or Message-ID")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attachment(Body):
    name: str = Field("file", min_length=1)
    content_type: str = Field("application/octet-stream", pattern=r"^[a-z]+/[a-z0-9.+-]+$")
    base64: str


class Say(Body):
    from_: str | None = Field(None, alias="from", min_length=1)
    subject: str | None = None
    text: str = ""
    html: str = ""
    headers: dict[str, str] | tuple[tuple[str, str], ...] = ()
    in_reply_to: Ref | None = None
    quote: bool = True
    to: str | tuple[str, ...] = ()
    cc: str | tuple[str, ...] = ()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=100)] = ()
    spoofed: bool = False
    mail_from: str | None = None
    raw: str | None = None


class AnswerInvite(Body):
    to_message: Ref
    from_: str = Field(alias="from", min_length=1)
    answer: Answer
    text: str = ""
    program: Program = "google"


class Bounce(Body):
    message: Ref
    recipient: str | None = None
    status: str = Field("5.1.1", pattern=r"^[45]\.\d{1,3}\.\d{1,3}$")
    diagnostic: str = Field("", pattern=r"^[ -~]*$")


class AutoReply(Body):
    message: Ref
    from_: str | None = Field(None, alias="from", min_length=1)
    text: str = AWAY


class Redeliver(Body):
    message: Ref
    times: int = Field(1, ge=1, le=1_000)


class AddFault(Body):
    kind: faults.Kind
    on: faults.Operation | None = None
    times: int = Field(1, ge=1)
    to: str = ""
    seconds: float = Field(1.0, ge=0)


class Disconnect(Body):
    goodbye: bool = False


class Nothing(Body):
    pass


Shape = TypeVar("Shape", bound=Body)


class Unusable(Exception):
    """The request was understood, but what it asks for cannot be."""

    def __init__(self, error: str, *, found: object = None, allowed: object = None) -> None:
        super().__init__(error)
        self.found, self.allowed = found, allowed


class Unreadable(Exception):
    """The body is not what this call takes."""

    def __init__(self, problems: list[Json], fields: list[str]) -> None:
        super().__init__("this call takes other fields")
        self.problems, self.fields = problems, fields


class Control:
    def __init__(self, mail: "MailSimulator") -> None:
        self._mail = mail

    async def say(self, request: web.Request) -> Json:
        body = await _read(request, Say)
        if body.raw is not None:
            return await self._say_raw(body, body.raw)
        if body.from_ is None:
            raise Unusable("`from` says who writes", allowed=self.allowed()["from"])
        letter, uid = await self._mail.say(
            body.from_,
            body.text,
            subject=body.subject,
            html=body.html,
            headers=tuple(body.headers.items()) if isinstance(body.headers, dict) else body.headers,
            in_reply_to=body.in_reply_to,
            quote=body.quote,
            to=_several(body.to),
            cc=_several(body.cc),
            attachments=tuple(_enclosed(each) for each in body.attachments),
            spoofed=body.spoofed,
            mail_from=body.mail_from,
        )
        return _arrived(letter, uid)

    async def _say_raw(self, body: Say, raw: str) -> Json:
        more = body.model_fields_set - {"raw", "from_", "spoofed", "mail_from"}
        if more:
            raise Unusable("a raw mail has all of this in itself", found=sorted(more))
        letter, uid = await self._mail.say_raw(
            _bytes(raw, "raw"), from_=body.from_, spoofed=body.spoofed, mail_from=body.mail_from
        )
        return _arrived(letter, uid)

    async def answer_invite(self, request: web.Request) -> Json:
        body = await _read(request, AnswerInvite)
        return _arrived(
            *await self._mail.answer_invitation(
                body.to_message, body.from_, body.answer, text=body.text, program=body.program
            )
        )

    async def bounce(self, request: web.Request) -> Json:
        body = await _read(request, Bounce)
        return _arrived(
            *await self._mail.bounce(
                body.message, recipient=body.recipient, status=body.status, diagnostic=body.diagnostic
            )
        )

    async def auto_reply(self, request: web.Request) -> Json:
        body = await _read(request, AutoReply)
        return _arrived(*await self._mail.auto_reply(body.message, from_=body.from_, text=body.text))

    async def redeliver(self, request: web.Request) -> Json:
        body = await _read(request, Redeliver)
        return {"ok": True, "uids": await self._mail.redeliver(body.message, times=body.times)}

    async def messages(self, request: web.Request) -> Json:
        to, from_ = _plus(request.query.get("to")), _plus(request.query.get("from"))
        all_ = request.query.get("all", "") in ("1", "true")
        return {"messages": self._mail.messages(to=to, from_=from_, all_=all_)}

    async def raw(self, request: web.Request) -> web.Response:
        letter = self._mail.letter(request.query.get("message", ""))
        return web.Response(body=letter.raw, content_type="application/octet-stream")

    async def add_fault(self, request: web.Request) -> Json:
        body = await _read(request, AddFault)
        fault = faults.Fault.usual(body.kind, body.on, times=body.times, to=body.to, seconds=body.seconds)
        if problem := faults.problem(fault):
            raise Unusable(problem, found=body.model_dump())
        self._mail.faults.add(fault)
        return self._faults()

    async def clear_faults(self, _request: web.Request) -> Json:
        self._mail.faults.clear()
        return self._faults()

    async def show_faults(self, _request: web.Request) -> Json:
        return self._faults()

    async def disconnect(self, request: web.Request) -> Json:
        body = await _read(request, Disconnect)
        return {"ok": True, "closed": await self._mail.provider.disconnect(goodbye=body.goodbye)}

    async def change_validity(self, request: web.Request) -> Json:
        await _read(request, Nothing)
        return {"ok": True, "uidvalidity": await self._mail.provider.change_validity()}

    def allowed(self) -> Json:
        """Everybody there is, for the answer to a call that named somebody else."""
        config = self._mail.config
        names = [person.name for person in config.people]
        return {"from": [*names, "an address such as dora@example.com"], "to": [config.address]}

    def _faults(self) -> Json:
        return {"ok": True, "faults": [asdict(fault) for fault in self._mail.faults.waiting]}


async def _read(request: web.Request, shape: type[Shape]) -> Shape:
    fields = [field.alias or name for name, field in shape.model_fields.items()]
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, e["loc"])), "problem": e["msg"]}
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Unreadable(problems, fields) from None


def _arrived(letter: Letter, uid: int) -> Json:
    return {"ok": True, "n": letter.number, "id": letter.id, "message_id": letter.message_id, "uid": uid}


def _enclosed(attachment: Attachment) -> Enclosed:
    content = _bytes(attachment.base64, "an attachment")
    return Enclosed(attachment.name, attachment.content_type, content)


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unusable(f"{what} is not base64: {error}", found=text[:40]) from None


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _plus(ref: str | None) -> str | None:
    """In a query, a plus that was not escaped arrives as a space; no name or address has one inside."""
    return ref.replace(" ", "+") if ref and "@" in ref and "<" not in ref else ref


def add_routes(app: web.Application, mail: "MailSimulator") -> None:
    control = Control(mail)

    def route(method: str, path: str, answer: Callable[[web.Request], Awaitable[Any]]) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                found = await answer(request)
            except Unreadable as error:
                return refuse(422, str(error), found=error.problems, allowed=error.fields)
            except Unusable as error:
                return refuse(400, str(error), found=error.found, allowed=error.allowed)
            except (Refused, Unwritable) as error:
                return refuse(400, str(error), allowed=control.allowed())
            return found if isinstance(found, web.StreamResponse) else web.json_response(found)

        app.router.add_route(method, f"/sim/email/{path}", handle)

    route("POST", "say", control.say)
    route("POST", "answer_invite", control.answer_invite)
    route("POST", "bounce", control.bounce)
    route("POST", "autoreply", control.auto_reply)
    route("POST", "redeliver", control.redeliver)
    route("GET", "messages", control.messages)
    route("GET", "raw", control.raw)
    route("POST", "faults", control.add_fault)
    route("GET", "faults", control.show_faults)
    route("POST", "faults/clear", control.clear_faults)
    route("POST", "disconnect", control.disconnect)
    route("POST", "uidvalidity", control.change_validity)
