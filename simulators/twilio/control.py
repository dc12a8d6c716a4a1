"""POST and GET /sim/sms/*: scripts, tests and the page text from phones and see what arrived."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.guard import refuse
from simulators.twilio import faults
from simulators.twilio.config import Json
from simulators.twilio.network import Picture
from simulators.twilio.outgoing import is_web_address
from simulators.twilio.simulator import Refused

if TYPE_CHECKING:
    from simulators.twilio.simulator import TwilioSimulator

Status = Literal["queued", "sending", "sent", "delivered", "undelivered", "failed"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attachment(Body):
    content_type: str = Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")
    base64: str


class Say(Body):
    from_: str = Field(alias="from", min_length=1)
    text: str = ""
    to: str | None = None
    media: Annotated[tuple[Attachment, ...], Field(max_length=10)] = ()


class Redeliver(Body):
    sid: str
    times: int = Field(1, ge=1, le=1_000)


class AddFault(Body):
    kind: faults.Kind
    on: faults.Operation = "send"
    times: int = Field(1, ge=1)
    code: int | None = Field(None, ge=10_000, le=99_999)
    retry_after: int = Field(1, ge=0)
    statuses: tuple[Status, ...] = ()


class UseWebhook(Body):
    url: str
    status_url: str | None = None


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
    def __init__(self, twilio: "TwilioSimulator") -> None:
        self._twilio = twilio

    async def say(self, request: web.Request) -> Json:
        body = await _read(request, Say)
        pictures = tuple(Picture(each.content_type, _content(each)) for each in body.media)
        message = self._twilio.say(body.from_, body.text, to=body.to, pictures=pictures)
        return {"ok": True, "sid": message.sid, "from": message.sender, "to": message.recipient}

    async def redeliver(self, request: web.Request) -> Json:
        body = await _read(request, Redeliver)
        taken = await self._twilio.redeliver(body.sid, times=body.times)
        return {"ok": True, "sid": body.sid, "times": body.times, "taken": taken}

    async def add_fault(self, request: web.Request) -> Json:
        body = await _read(request, AddFault)
        fault = faults.Fault(**body.model_dump())
        if problem := faults.problem(fault):
            raise Unusable(problem, found=body.model_dump())
        self._twilio.faults.add(fault)
        return self._faults()

    async def clear_faults(self, _request: web.Request) -> Json:
        self._twilio.faults.clear()
        return self._faults()

    async def show_faults(self, _request: web.Request) -> Json:
        return self._faults()

    async def use_webhook(self, request: web.Request) -> Json:
        body = await _read(request, UseWebhook)
        for url in (body.url, body.status_url):
            if url and not is_web_address(url):
                raise Unusable(
                    "that is not a web address", found=url, allowed=["http://...", "https://...", ""]
                )
        self._twilio.use_webhook(body.url, status_url=body.status_url)
        return {"ok": True, **self._webhook()}

    async def show_webhook(self, _request: web.Request) -> Json:
        return {"ok": True, **self._webhook()}

    async def messages(self, request: web.Request) -> Json:
        to, from_ = request.query.get("to"), request.query.get("from")
        return {"messages": self._twilio.messages(to=_plus(to), from_=_plus(from_))}

    async def posts(self, _request: web.Request) -> Json:
        return {"posts": [{**asdict(post), "form": dict(post.form)} for post in self._twilio.posts()]}

    def allowed(self) -> Json:
        """Everybody there is, for the answer to a call that named somebody else."""
        config = self._twilio.config
        names = [person.name for person in config.people]
        return {"from": [*names, "a number such as +15550100009"], "to": [config.number]}

    def _faults(self) -> Json:
        return {"ok": True, "faults": [asdict(fault) for fault in self._twilio.faults.waiting]}

    def _webhook(self) -> Json:
        state = self._twilio.state
        return {"url": state.get("webhook"), "status_url": state.get("status_webhook")}


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


def _content(attachment: Attachment) -> bytes:
    try:
        return base64.b64decode(attachment.base64, validate=True)
    except binascii.Error as error:
        raise Unusable(f"media is not base64: {error}", found=attachment.base64[:40]) from None


def _plus(ref: str | None) -> str | None:
    """In a query, a plus that was not escaped arrives as a space."""
    return f"+{ref[1:]}" if ref and ref.startswith(" ") else ref


def add_routes(app: web.Application, twilio: "TwilioSimulator") -> None:
    control = Control(twilio)

    def route(method: str, path: str, answer: Callable[[web.Request], Awaitable[Any]]) -> None:
        async def handle(request: web.Request) -> web.Response:
            try:
                return web.json_response(await answer(request))
            except Unreadable as error:
                return refuse(422, str(error), found=error.problems, allowed=error.fields)
            except Unusable as error:
                return refuse(400, str(error), found=error.found, allowed=error.allowed)
            except Refused as error:
                return refuse(400, str(error), allowed=control.allowed())

        app.router.add_route(method, f"/sim/sms/{path}", handle)

    route("POST", "say", control.say)
    route("POST", "redeliver", control.redeliver)
    route("POST", "faults", control.add_fault)
    route("GET", "faults", control.show_faults)
    route("POST", "faults/clear", control.clear_faults)
    route("POST", "webhook", control.use_webhook)
    route("GET", "webhook", control.show_webhook)
    route("GET", "messages", control.messages)
    route("GET", "posts", control.posts)
