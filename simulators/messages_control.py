"""Steering the simulated Messages API over HTTP: faults, scripted replies, and what it was asked."""

from collections import deque
from typing import Any, Protocol

from aiohttp import web

from simulators.messages_faults import Fault, Faults
from simulators.messages_record import Call
from simulators.messages_script import Script


class Steered(Protocol):
    faults: Faults
    script: Script
    calls: deque[Call]


def add_control(app: web.Application, api: Steered, *, prefix: str) -> None:
    """Add POST, GET and DELETE of {prefix}/control/faults and /script, GET and DELETE of /requests."""
    control = _Control(api)
    for name, post, get, delete in (
        ("faults", control.add_faults, control.show_faults, control.clear_faults),
        ("script", control.add_script, control.show_script, control.clear_script),
        ("requests", None, control.show_requests, control.clear_requests),
    ):
        path = f"{prefix}/control/{name}"
        app.add_routes([web.get(path, get), web.delete(path, delete)])
        if post is not None:
            app.router.add_post(path, post)


class _Control:
    def __init__(self, api: Steered) -> None:
        self._api = api

    async def add_faults(self, http: web.Request) -> web.Response:
        given = await _json(http)
        try:
            faults = [Fault.from_json(each) for each in (given if isinstance(given, list) else [given])]
        except (TypeError, ValueError) as error:
            return _refuse(error)
        self._api.faults.waiting.extend(faults)
        return await self.show_faults(http)

    async def show_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"waiting": [vars(fault) for fault in self._api.faults.waiting]})

    async def clear_faults(self, http: web.Request) -> web.Response:
        self._api.faults.clear()
        return await self.show_faults(http)

    async def add_script(self, http: web.Request) -> web.Response:
        given = await _json(http)
        try:
            self._api.script.add(*given["replies"])
        except (KeyError, TypeError, ValueError) as error:
            return _refuse(error)
        return await self.show_script(http)

    async def show_script(self, _: web.Request) -> web.Response:
        return web.json_response({"left": self._api.script.left})

    async def clear_script(self, http: web.Request) -> web.Response:
        self._api.script.clear()
        return await self.show_script(http)

    async def show_requests(self, _: web.Request) -> web.Response:
        return web.json_response({"requests": [call.as_json() for call in self._api.calls]})

    async def clear_requests(self, http: web.Request) -> web.Response:
        self._api.calls.clear()
        return await self.show_requests(http)


async def _json(http: web.Request) -> Any:
    try:
        return await http.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"not JSON: {error}") from None


def _refuse(error: Exception) -> web.Response:
    return web.json_response({"error": str(error) or type(error).__name__}, status=400)
