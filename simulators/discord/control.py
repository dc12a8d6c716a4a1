"""POST and GET /sim/discord/*: scripts, tests and the page make simulated people act and see results."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from simulators.discord import faults
from simulators.discord.calls import (
    AddFault,
    Body,
    Delete,
    Dms,
    Edit,
    Permissions,
    Press,
    React,
    Say,
    Slash,
    StartThread,
    Submit,
    Switch,
    Unusable,
)
from simulators.discord.config import Json
from simulators.discord.guild import EVERYWHERE, Refused
from simulators.discord.interactions import Outcome
from simulators.discord.state import Message
from simulators.guard import refuse

if TYPE_CHECKING:
    from simulators.discord.simulator import DiscordSimulator

Shape = TypeVar("Shape", bound=Body)


class Unreadable(Exception):
    """The body is not what this call takes."""

    def __init__(self, problems: list[Json], fields: list[str]) -> None:
        super().__init__("this call takes other fields")
        self.problems, self.fields = problems, fields


class Control:
    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord

    # People

    async def say(self, request: web.Request) -> Json:
        body = await _read(request, Say)
        files = [each.upload() for each in body.files]
        return _written(
            self._discord.say(
                body.from_,
                body.text,
                body.channel,
                reply_to=body.reply_to,
                mention=body.mention,
                files=files,
                bot=body.bot,
            )
        )

    async def edit(self, request: web.Request) -> Json:
        body = await _read(request, Edit)
        return _written(self._discord.edit(body.message, body.text))

    async def delete(self, request: web.Request) -> Json:
        body = await _read(request, Delete)
        return _written(self._discord.delete(body.message))

    async def unfurl(self, request: web.Request) -> Json:
        body = await _read(request, Delete)
        return _written(self._discord.unfurl(body.message))

    async def react(self, request: web.Request) -> Json:
        body = await _read(request, React)
        return _written(self._discord.react(body.from_, body.message, body.emoji, remove=body.remove))

    async def thread(self, request: web.Request) -> Json:
        body = await _read(request, StartThread)
        thread = self._discord.start_thread(body.from_, body.name, message=body.message, channel=body.channel)
        return {"ok": True, "channel": str(thread.id), "name": thread.name}

    async def press(self, request: web.Request) -> Json:
        body = await _read(request, Press)
        return _outcome(await self._discord.press(body.from_, body.message, body.button))

    async def slash(self, request: web.Request) -> Json:
        body = await _read(request, Slash)
        return _outcome(await self._discord.slash(body.from_, body.command, body.options, body.channel))

    async def submit(self, request: web.Request) -> Json:
        body = await _read(request, Submit)
        return _outcome(await self._discord.submit(body.from_, body.fields))

    async def close(self, request: web.Request) -> Json:
        """Somebody closes the form that is open for them; the app is not told."""
        body = await _read(request, Submit)
        known = self._discord.interactions.modal_of(self._discord.guild.person(body.from_))
        if known is not None:
            self._discord.interactions.close_modal(known)
        return {"ok": True}

    # What goes wrong

    async def add_fault(self, request: web.Request) -> Json:
        body = await _read(request, AddFault)
        fault = faults.Fault(**body.model_dump())
        if problem := faults.problem(fault):
            raise Unusable(problem, found=body.model_dump())
        self._discord.faults.add(fault)
        return self._faults()

    async def clear_faults(self, _request: web.Request) -> Json:
        self._discord.faults.clear()
        return self._faults()

    async def show_faults(self, _request: web.Request) -> Json:
        return self._faults()

    def _faults(self) -> Json:
        return {"ok": True, "faults": [asdict(fault) for fault in self._discord.faults.waiting]}

    async def switch(self, request: web.Request) -> Json:
        body = await _read(request, Switch)
        return {"ok": True, "connections": await self._switched(body)}

    async def _switched(self, body: Switch) -> int:
        gateway = self._discord.gateway
        match body.action:
            case "drop":
                return await gateway.drop()
            case "outage":
                return await gateway.outage(body.seconds)
            case "deaf":
                return await gateway.deaf()
            case "close":
                return await gateway.close(body.code)
            case "reconnect":
                return await gateway.reconnect()
            case "invalidate":
                return await gateway.invalidate(resumable=body.resumable)
            case _:
                self._set(body)
        return len(gateway.connections)

    def _set(self, body: Switch) -> None:
        gateway = self._discord.gateway
        match body.action:
            case "end_outage":
                gateway.end_outage()
            case "resume_fails":
                gateway.fail_resumes = body.times
            case "intents":
                self._discord.state.set("granted", list(body.granted))
            case _:
                gateway.reset_token(valid=body.action == "restore_token")

    async def permissions(self, request: web.Request) -> Json:
        body = await _read(request, Permissions)
        guild = self._discord.guild
        where = EVERYWHERE if body.channel == EVERYWHERE else str(guild.place(body.channel).id)
        guild.deny(where, list(body.denied))
        return {"ok": True, "channel": where, "denied": list(body.denied)}

    async def dms(self, request: web.Request) -> Json:
        body = await _read(request, Dms)
        guild = self._discord.guild
        guild.take_dms(int(guild.person(body.from_).discord), open_=body.open)
        return {"ok": True}

    # What can be seen

    async def messages(self, request: web.Request) -> Json:
        query = request.query
        found = self._discord.messages(query.get("channel"), from_=query.get("from"), to=query.get("to"))
        return {"messages": found, "typing": self._discord.typing()}

    async def pings(self, _request: web.Request) -> Json:
        return {"pings": self._discord.pings()}

    async def requests(self, _request: web.Request) -> Json:
        return {"requests": [asdict(each) for each in self._discord.rest.requests]}

    async def stats(self, _request: web.Request) -> Json:
        return self._discord.numbers()

    async def commands(self, _request: web.Request) -> Json:
        scopes = (0, self._discord.config.guild_id)
        return {"commands": [each for scope in scopes for each in self._discord.commands.listed(scope)]}

    async def forms(self, request: web.Request) -> Json:
        """The form that is open for each person."""
        interactions, people = self._discord.interactions, self._discord.guild.people()
        open_ = {person.name: interactions.modal_of(person) for person in people}
        return {"forms": [{"from": name, "form": each["modal"]} for name, each in open_.items() if each]}

    def allowed(self) -> Json:
        """Everybody and every place there is, for the answer to a call that named another."""
        guild = self._discord.guild
        places = [*guild.text_channels(), *guild.threads()]
        return {
            "from": [*(person.name for person in guild.people()), "a Discord user id of 15 to 20 digits"],
            "channel": ["dm", *(channel.name for channel in places), "the id of a thread"],
        }


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


def _written(message: Message) -> Json:
    return {"ok": True, "id": str(message.id), "channel": str(message.channel), "text": message.text}


def _outcome(outcome: Outcome) -> Json:
    error = None if outcome.ok else "the app did not respond in time"
    return {"ok": outcome.ok, "error": error, **asdict(outcome)}


def add_routes(app: web.Application, discord: "DiscordSimulator") -> None:
    control = Control(discord)

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

        app.router.add_route(method, f"/sim/discord/{path}", handle)

    route("POST", "say", control.say)
    route("POST", "edit", control.edit)
    route("POST", "delete", control.delete)
    route("POST", "unfurl", control.unfurl)
    route("POST", "react", control.react)
    route("POST", "thread", control.thread)
    route("POST", "press", control.press)
    route("POST", "slash", control.slash)
    route("POST", "submit", control.submit)
    route("POST", "close", control.close)
    route("POST", "faults", control.add_fault)
    route("GET", "faults", control.show_faults)
    route("POST", "faults/clear", control.clear_faults)
    route("POST", "gateway", control.switch)
    route("POST", "permissions", control.permissions)
    route("POST", "dms", control.dms)
    route("GET", "messages", control.messages)
    route("GET", "pings", control.pings)
    route("GET", "requests", control.requests)
    route("GET", "stats", control.stats)
    route("GET", "commands", control.commands)
    route("GET", "forms", control.forms)
