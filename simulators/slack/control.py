"""POST and GET /sim/slack/*: scripts, tests and the page make simulated people act and see results."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from simulators.guard import refuse
from simulators.slack import faults
from simulators.slack.calls import (
    AddFault,
    Body,
    Click,
    Close,
    Command,
    Edit,
    LookAt,
    OpenAssistant,
    Place,
    React,
    Redeliver,
    Say,
    Socket,
    Submit,
    UseHttp,
)
from simulators.slack.config import Json
from simulators.slack.deliveries import Outcome
from simulators.slack.files import Upload
from simulators.slack.workspace import Refused

if TYPE_CHECKING:
    from simulators.slack.simulator import SlackSimulator

Shape = TypeVar("Shape", bound=Body)
Answer = Callable[[web.Request], Awaitable[Json]]


class Control:
    def __init__(self, slack: "SlackSimulator") -> None:
        self._slack = slack

    async def say(self, request: web.Request) -> Json:
        body = await _read(request, Say)
        files = [Upload(each.name, each.content_base64, each.content_type) for each in body.files]
        said = self._slack.say(body.from_, body.text, body.channel, body.thread, files=files)
        return {"ok": True, **asdict(said)}

    async def edit(self, request: web.Request) -> Json:
        body = await _read(request, Edit)
        return {"ok": True, **asdict(self._slack.edit(body.channel, body.ts, body.text))}

    async def delete(self, request: web.Request) -> Json:
        body = await _read(request, Place)
        return {"ok": True, **asdict(self._slack.delete(body.channel, body.ts))}

    async def unfurl(self, request: web.Request) -> Json:
        body = await _read(request, Place)
        return {"ok": True, **asdict(self._slack.unfurl(body.channel, body.ts))}

    async def react(self, request: web.Request) -> Json:
        body = await _read(request, React)
        said = self._slack.react(body.from_, body.channel, body.ts, body.name, add=not body.remove)
        return {"ok": True, **asdict(said)}

    async def open_assistant(self, request: web.Request) -> Json:
        body = await _read(request, OpenAssistant)
        return {"ok": True, **asdict(self._slack.open_assistant(body.from_, body.context))}

    async def look_at(self, request: web.Request) -> Json:
        body = await _read(request, LookAt)
        said = self._slack.look_at(body.from_, body.channel, body.thread, body.context)
        return {"ok": True, **asdict(said)}

    async def redeliver(self, request: web.Request) -> Json:
        body = await _read(request, Redeliver)
        acked = await self._slack.redeliver(body.event_id, body.times)
        return {"ok": True, "event_id": body.event_id, "times": body.times, "acked": acked}

    async def click(self, request: web.Request) -> Json:
        body = await _read(request, Click)
        person = self._slack.person(body.from_)
        where = self._slack.channel(body.channel or person.slack_user_id)
        interactions = self._slack.interactions
        message = interactions.message_with(where, body.action_id, body.value, ts=body.ts, text=body.text)
        outcome = await interactions.click(person, message, body.action_id, value=body.value)
        return {**_outcome(outcome), "channel": message.channel, "ts": message.ts}

    async def command(self, request: web.Request) -> Json:
        body = await _read(request, Command)
        person = self._slack.person(body.from_)
        channel = self._slack.channel(body.channel or person.name)
        return _outcome(await self._slack.interactions.command(person, channel, body.command, body.text))

    async def submit(self, request: web.Request) -> Json:
        body = await _read(request, Submit)
        person = self._slack.person(body.from_)
        return _outcome(await self._slack.interactions.submit(person, body.view_id, body.values))

    async def close(self, request: web.Request) -> Json:
        body = await _read(request, Close)
        self._slack.interactions.close(self._slack.person(body.from_), body.view_id)
        return {"ok": True}

    async def views(self, request: web.Request) -> list[Json]:
        """The modals that are open: all, or those of one person."""
        name = request.query.get("from")
        people = [self._slack.person(name)] if name else self._slack.workspace.people()
        return [
            {"from": person.name, "view": modal.view, "errors": modal.errors}
            for person in people
            for modal in self._slack.interactions.modals_of(person)
        ]

    async def add_fault(self, request: web.Request) -> Json:
        body = await _read(request, AddFault)
        if not faults.is_kind(body.kind):
            raise Unusable("unknown kind of fault", found=body.kind, allowed=faults.KINDS)
        self._slack.faults.add(body.method, body.kind, times=body.times, retry_after=body.retry_after)
        return {"ok": True, "faults": [asdict(fault) for fault in self._slack.faults.waiting]}

    async def clear_faults(self, _request: web.Request) -> Json:
        self._slack.faults.clear()
        return {"ok": True, "faults": []}

    async def socket(self, request: web.Request) -> Json:
        body = await _read(request, Socket)
        sockets = self._slack.sockets
        match body.action:
            case "disconnect":
                touched = await sockets.disconnect(body.reason)
            case "close":
                touched = await sockets.close()
            case "drop":
                touched = await sockets.drop()
            case "withhold_pongs" | "answer_pongs":
                sockets.answers_pings = body.action == "answer_pongs"
                touched = len(sockets.connections)
            case reason:
                touched = await sockets.disconnect(reason)
        return {"ok": True, "connections": touched}

    async def use_http(self, request: web.Request) -> Json:
        body = await _read(request, UseHttp)
        if not await self._slack.use_http(body.events, interactive=body.interactive, commands=body.commands):
            raise Unusable("that address did not answer the url_verification challenge", found=body.events)
        return {"ok": True}

    async def messages(self, request: web.Request) -> list[Json]:
        channel, thread = request.query.get("channel"), request.query.get("thread")
        return self._slack.messages(channel or None, thread or None)

    async def conversation(self, request: web.Request) -> list[Json]:
        channel = request.query.get("channel")
        if not channel:
            raise Unusable("say which channel", allowed="?channel=NAME or ID")
        return self._slack.conversation(channel)

    async def events(self, _request: web.Request) -> list[Json]:
        return [
            {"event_id": d.event_id, "state": d.state, "attempt": d.attempt, "payload": d.payload}
            for d in self._slack.state.all_deliveries()
        ]

    async def stats(self, _request: web.Request) -> Json:
        return dict(self._slack.numbers())

    def allowed(self) -> Json:
        """Everybody and every place there is, for the answer to a call that named another."""
        workspace = self._slack.workspace
        return {
            "from": [*(p.name for p in workspace.people()), "a Slack user id such as U0STRANGER"],
            "channel": [c.name for c in self._slack.state.channels() if c.kind != "im"],
        }


class Unusable(Exception):
    """The request was understood, but what it asks for is not there."""

    def __init__(self, error: str, *, found: object = None, allowed: object = None) -> None:
        super().__init__(error)
        self.found, self.allowed = found, allowed


class Unreadable(Exception):
    """The body is not what this call takes."""

    def __init__(self, problems: list[Json], fields: list[str]) -> None:
        super().__init__("this call takes other fields")
        self.problems, self.fields = problems, fields


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


def _outcome(outcome: Outcome) -> Json:
    return {"ok": outcome.failure is None, "error": outcome.failure, "response": outcome.response}


def add_routes(app: web.Application, slack: "SlackSimulator") -> None:
    control = Control(slack)

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

        app.router.add_route(method, f"/sim/slack/{path}", handle)

    route("POST", "say", control.say)
    route("POST", "edit", control.edit)
    route("POST", "delete", control.delete)
    route("POST", "unfurl", control.unfurl)
    route("POST", "react", control.react)
    route("POST", "assistant", control.open_assistant)
    route("POST", "assistant/look_at", control.look_at)
    route("POST", "redeliver", control.redeliver)
    route("POST", "click", control.click)
    route("POST", "command", control.command)
    route("POST", "submit", control.submit)
    route("POST", "close", control.close)
    route("POST", "faults", control.add_fault)
    route("POST", "faults/clear", control.clear_faults)
    route("POST", "socket", control.socket)
    route("POST", "http", control.use_http)
    route("GET", "views", control.views)
    route("GET", "messages", control.messages)
    route("GET", "conversation", control.conversation)
    route("GET", "events", control.events)
    route("GET", "stats", control.stats)
