"""The outermost layer: who may in, how much may be sent, and the headers that every answer carries."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.codes import Keys
from bot.web import shell
from bot.web.callers import (
    COOKIE,
    Caller,
    Knock,
    admit,
    bearer,
    check_json,
    check_loopback_host,
    check_origin,
    is_local,
)  # fmt: skip
from bot.web.problems import Problem
from bot.web.site import Site

BODY_TIME = timedelta(seconds=10)
SMALL_BODY = 4096  # all that somebody may send whom we do not know yet
TASK_BODY = 65_536  # the same, for the result of a task: its token is looked up later
WEBHOOK_BODY = 65_536  # and for a provider, whose signature is over the whole body
OPEN = ("/healthz", "/readyz", "/openapi.json", "/favicon.ico")

Refused = Callable[[HTTPConnection, Problem], Response]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # "no-referrer" would make browsers send "Origin: null" with forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Gate:
    """Lets in who may, with a whole body of bounded size, and puts the caller into the request's state."""

    def __init__(self, app: ASGIApp, *, site: Site, refused: Refused) -> None:
        self._app = app
        self._site = site
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        send = _with_headers(scope["path"], send)
        try:
            caller = await self._check(scope)
            scope.setdefault("state", {})["caller"] = caller
            receive = await self._body(scope, receive, self._most(scope, caller))
        except Problem as problem:
            return await self._refused(HTTPConnection(scope), problem)(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _check(self, scope: Scope) -> Caller | None:
        knock = _knock(scope)
        path = scope["path"]
        if path in OPEN or path.startswith("/static/") or is_webhook(path):
            return None
        if path == "/sign-in":
            check_origin(knock, self._site.public_url)
            return None
        try:
            caller = admit(knock, self._site, keys=await self._keys(knock))
        except Problem as problem:
            if problem.status != 401 or not is_task_report(scope):
                raise
            caller = None
        check_json(knock)
        if is_sim(path):
            _check_sim(knock)
        return caller

    async def _keys(self, knock: Knock) -> Keys | None:
        if not bearer(knock.headers).startswith(shell.PREFIX):
            return None
        return Keys(await self._site.secret())

    def _most(self, scope: Scope, caller: Caller | None) -> int:
        if caller is not None:
            return self._site.max_body
        if is_webhook(scope["path"]):
            return WEBHOOK_BODY
        return TASK_BODY if is_task_report(scope) else SMALL_BODY

    async def _body(self, scope: Scope, receive: Receive, limit: int) -> Receive:
        """The body read whole, so that nothing behind the gate waits for a slow or endless sender."""
        if scope["method"] in ("GET", "HEAD"):
            return receive
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(declared, limit)
        try:
            async with asyncio.timeout(BODY_TIME.total_seconds()):
                body = await _read(receive, limit)
        except TimeoutError:
            raise Problem(408, "the body took too long to arrive", headers={"Connection": "close"}) from None
        return _replayed(body, receive)


def is_task_report(scope: Scope) -> bool:
    """An outside system says how a task ended: its token is the task's own, which the route looks up."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith("/api/tasks/")


def is_webhook(path: str) -> bool:
    """Providers have no token of ours: each channel checks their signatures itself."""
    return path.startswith("/webhooks/")


def is_sim(path: str) -> bool:
    return path == "/sim" or path.startswith("/sim/")


def _check_sim(knock: Knock) -> None:
    """The simulators speak for anybody: they are for this machine alone, token or not."""
    check_loopback_host(knock)
    if not is_local(knock):
        raise Problem(403, "the simulators are for callers on this machine", found=knock.peer)


def _knock(scope: Scope) -> Knock:
    connection = HTTPConnection(scope)
    peer = connection.client.host if connection.client else ""
    return Knock(scope["method"], peer, connection.headers, connection.cookies.get(COOKIE, ""))


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the caller went away")
        chunk: bytes = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(f"more than {limit}", limit)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(found: str, limit: int) -> Problem:
    return Problem(
        413,
        "the body is too large",
        found=f"{found} bytes",
        allowed=f"{limit} bytes",
        headers={"Connection": "close"},
    )


def _replayed(body: bytes, receive: Receive) -> Receive:
    rest: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return rest.pop() if rest else await receive()

    return again


def _with_headers(path: str, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", CSP)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
        await send(message)

    return sending
