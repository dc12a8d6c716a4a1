"""The REST API at /discord/api/v10: who may, faults and limits; then one function for each call."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import hdrs, web

from simulators.discord.config import API, Json
from simulators.discord.errors import DiscordError
from simulators.discord.faults import Fault, Faults
from simulators.discord.limits import Pass, RateLimits, refused_headers

KEEP_REQUESTS = 5_000
NO_BODY = object()
Answer: TypeAlias = tuple[int, Any]
Handler: TypeAlias = Callable[[web.Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One call. An operation names it for faults and limits; some calls need no bot token."""

    method: str
    path: str
    operation: str
    handler: Handler
    open: bool = False


@dataclass(frozen=True)
class Request:
    """One request that came in, for those who count."""

    operation: str
    method: str
    path: str
    status: int


class Rest:
    def __init__(self, limits: RateLimits, faults: Faults, *, is_token: Callable[[str], bool]) -> None:
        self._limits = limits
        self._faults = faults
        self._is_token = is_token
        self.requests: deque[Request] = deque(maxlen=KEEP_REQUESTS)

    def add_routes(self, app: web.Application, routes: list[Route]) -> None:
        for route in routes:
            app.router.add_route(route.method, API + route.path, self._guarded(route))
        nothing = Route("*", "/{rest:.*}", "read", self._nothing, open=True)
        app.router.add_route("*", API + nothing.path, self._guarded(nothing))

    def _guarded(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            response = await self._answer(route, request)
            self._limits.note_refusal(response.status)
            path = request.path.removeprefix(API)
            self.requests.append(Request(route.operation, request.method, path, response.status))
            return response

        return handle

    async def _answer(self, route: Route, request: web.Request) -> web.Response:
        if self._limits.banned():
            return _cloudflare()
        if not route.open and not self._is_token(_token(request)):
            return json_response(DiscordError(0).body, status=401)
        major = request.match_info.get("channel") or request.match_info.get("token") or ""
        passed = self._limits.enter(route.operation, major, counts_globally=not route.open)
        if passed.retry_after is not None:
            return _too_many(passed)
        fault = self._faults.take(route.operation)
        if fault is None:
            return await self._handle(route, request, passed)
        return await self._fail(route, request, fault, passed)

    async def _handle(self, route: Route, request: web.Request, passed: Pass) -> web.Response:
        try:
            status, body = await route.handler(request)
        except DiscordError as error:
            return json_response(error.body, status=error.status, headers=passed.headers())
        if body is NO_BODY:
            return web.Response(status=status, headers=passed.headers())
        return json_response(body, status=status, headers=passed.headers())

    async def _fail(self, route: Route, request: web.Request, fault: Fault, passed: Pass) -> web.Response:
        if fault.after_accept:
            await self._handle(route, request, passed)
        else:
            await request.read()
        match fault.kind:
            case "429":
                return _told_to_wait(fault, passed)
            case "cloudflare":
                return _cloudflare()
            case "500" | "502" | "503":
                return web.Response(
                    status=int(fault.kind), text=f"<html>{fault.kind}</html>", content_type="text/html"
                )
            case "garbage":
                return web.Response(text="<html>This is no JSON</html>", content_type="text/html")
            case "error":
                error = DiscordError(fault.code or 0, status=fault.status)
                return json_response(error.body, status=error.status, headers=passed.headers())
            case "hang" | "hang_after_accept":
                await self._faults.hang()
            case _:
                pass  # Both resets: the connection is cut below.
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _nothing(self, _request: web.Request) -> Answer:
        return 404, {"message": "404: Not Found", "code": 0}


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token if scheme == "Bot" else ""


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Clients look for `application/json` alone, without a charset."""
    headers = {hdrs.CONTENT_TYPE: "application/json", **(headers or {})}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)


def _too_many(passed: Pass) -> web.Response:
    body = _wait(passed.retry_after or 0.0, passed.scope)
    return json_response(body, status=429, headers=passed.headers())


def _wait(retry_after: float | str | None, scope: str) -> Json:
    told = {} if retry_after is None else {"retry_after": retry_after}
    return {"message": "You are being rate limited.", **told, "global": scope == "global"}


def _told_to_wait(fault: Fault, passed: Pass) -> web.Response:
    headers = passed.headers() | refused_headers(1.0, fault.scope)
    del headers["Retry-After"]
    if isinstance(fault.retry_after, str):
        headers["Retry-After"] = fault.retry_after
    elif fault.retry_after is not None:
        headers["Retry-After"] = f"{fault.retry_after:g}"
    return json_response(_wait(fault.retry_after, fault.scope), status=429, headers=headers)


def _cloudflare() -> web.Response:
    """A ban of the address: no JSON, and no `Via` header."""
    return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "600"})
