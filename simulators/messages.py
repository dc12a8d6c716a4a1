"""A stand-in for the Messages API: as strict as the real one; scripted by tests, else the demo brain.

`add_routes` puts it into a server; `MessagesSimulator` runs it on a port of its own for a test.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from simulators.brain import answer
from simulators.messages_answer import DoesNotFit, compose
from simulators.messages_cache import PromptCache
from simulators.messages_checks import MAX_BODY, check_headers, check_request, invalid, parse
from simulators.messages_control import add_control
from simulators.messages_faults import ApiError, Faults
from simulators.messages_models import CONTEXT_WINDOW, MODELS
from simulators.messages_prompt import Block, blocks, total
from simulators.messages_record import Call
from simulators.messages_script import Answer, Reply, Request, Script, ScriptEmpty
from simulators.messages_wire import refuse_or_wait, send

KEPT_CALLS = 100
DEMO_MODEL = "demo-brain"


def add_routes(app: web.Application, *, prefix: str, now: Callable[[], datetime]) -> None:
    """Serve the Messages API under a prefix, answered by the demo brain unless it is told otherwise."""
    api = MessagesApi(Script(otherwise=demo_brain), now=now, keep=KEPT_CALLS)
    api.add_to(app, prefix=prefix)
    add_control(app, api, prefix=prefix)


def demo_brain(request: Request) -> Reply:
    return Reply(step=answer(request), model=DEMO_MODEL)


class MessagesApi:
    """The endpoints and what they remember: calls, waiting faults, the script, the prompt cache."""

    def __init__(
        self,
        script: Script,
        *,
        now: Callable[[], datetime],
        context_window: int = CONTEXT_WINDOW,
        min_cacheable_tokens: int = 1_024,
        keep: int | None = None,
    ) -> None:
        self.script = script
        self.faults = Faults()
        self.calls: deque[Call] = deque(maxlen=keep)
        self.problems: list[str] = []  # what only a mistake of the script explains
        self._now = now
        self._window = context_window
        self._cache = PromptCache(min_cacheable_tokens)
        self._count = 0

    def add_to(self, app: web.Application, *, prefix: str) -> None:
        app.add_routes(
            [
                web.post(f"{prefix}/v1/messages", self._handler("messages", self._create)),
                web.post(
                    f"{prefix}/v1/messages/count_tokens", self._handler("count_tokens", self._count_tokens)
                ),
                web.get(f"{prefix}/v1/models", self._handler("models", self._list_models)),
                web.get(f"{prefix}/v1/models/{{id}}", self._handler("models", self._get_model)),
            ]
        )

    def _handler(
        self, endpoint: str, work: Callable[[web.Request, Call], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(http: web.Request) -> web.StreamResponse:
            self._count += 1
            call = Call(
                endpoint,
                self._now().isoformat(),
                f"req_sim{self._count:017d}",
                {name.lower(): value for name, value in http.headers.items()},
            )
            self.calls.append(call)
            try:
                response = await self._guarded(http, call, work)
            except ApiError as error:
                call.error = error.message
                response = web.json_response(
                    error.as_json(call.request_id),
                    status=error.status,
                    headers={**self._headers(call), **error.headers},
                )
            call.status = response.status
            return response

        return handle

    async def _guarded(
        self,
        http: web.Request,
        call: Call,
        work: Callable[[web.Request, Call], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        call.raw = await _read(http)
        check_headers(http.headers)
        return await work(http, call)

    async def _create(self, http: web.Request, call: Call) -> web.StreamResponse:
        request = call.json = parse(call.raw)
        check_request(request)
        row = blocks(request)
        self._check_length(row)
        reply = self._next_reply(request)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.fault and (early := await refuse_or_wait(http, reply.fault)):
            return early
        if reply.body is not None:
            headers = {**self._headers(call), "content-type": "application/json", **reply.headers}
            return web.Response(status=reply.status, headers=headers, body=reply.body)
        call.reply = self._compose(request, row, reply)
        return await send(
            http,
            call.reply,
            stream=bool(request.get("stream")),
            fault=reply.fault,
            headers=self._headers(call),
        )

    def _next_reply(self, request: Request) -> Reply:
        """A fault that waits comes before the script and, unless it only delays, leaves it where it is."""
        fault = self.faults.take("messages", request["model"])
        if fault is None:
            return self._ask(self.script.next, request)
        if fault.kind == "delay":
            reply = self._ask(self.script.next, request)
            return replace(reply, delay=reply.delay + fault.seconds)
        if fault.is_early:
            return Reply(fault=fault)
        return replace(self._ask(self.script.peek, request), fault=fault)

    def _ask(self, source: Callable[[Request], Reply], request: Request) -> Reply:
        try:
            return source(request)
        except ScriptEmpty as empty:
            self.problems.append(str(empty))
            invalid(str(empty))

    def _compose(self, request: Request, row: list[Block], reply: Reply) -> dict[str, Any]:
        message_id = f"msg_sim{self._count:017d}"
        asked_why = (request.get("diagnostics") or {}).get("previous_message_id")
        missed = self._cache.why_missed(asked_why, request["model"], row) if asked_why else None
        room = self._window - total(row)
        usage = self._cache.use(request, row, self._now()).as_usage()
        try:
            message = compose(request, reply, message_id=message_id, usage=usage, room=room)
        except DoesNotFit as problem:
            self.problems.append(f"simulator: the scripted answer does not fit the schema: {problem}")
            raise ApiError(500, "api_error", self.problems[-1]) from None
        self._cache.remember(message_id, request["model"], row)
        return {**message, "diagnostics": {"cache_miss_reason": missed} if missed else None}

    def _check_length(self, row: list[Block]) -> None:
        if (length := total(row)) > self._window:
            invalid(f"prompt is too long: {length} tokens > {self._window} maximum")

    async def _count_tokens(self, http: web.Request, call: Call) -> web.StreamResponse:
        request = call.json = parse(call.raw)
        check_request(request, counting=True)
        fault = self.faults.take("count_tokens", request["model"])
        if fault and (early := await refuse_or_wait(http, fault)):
            return early
        return web.json_response({"input_tokens": total(blocks(request))}, headers=self._headers(call))

    async def _list_models(self, http: web.Request, call: Call) -> web.StreamResponse:
        fault = self.faults.take("models", None)
        if fault and (early := await refuse_or_wait(http, fault)):
            return early
        names = list(MODELS)
        after, limit = http.query.get("after_id"), int(http.query.get("limit", "20"))
        start = names.index(after) + 1 if after in names else 0
        page = names[start : start + limit]
        listed = {
            "data": [MODELS[name].as_json(self._window) for name in page],
            "has_more": start + limit < len(names),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
        return web.json_response(listed, headers=self._headers(call))

    async def _get_model(self, http: web.Request, call: Call) -> web.StreamResponse:
        name = http.match_info["id"]
        fault = self.faults.take("models", name)
        if fault and (early := await refuse_or_wait(http, fault)):
            return early
        if name not in MODELS:
            raise ApiError(404, "not_found_error", f"model: {name}")
        return web.json_response(MODELS[name].as_json(self._window), headers=self._headers(call))

    def _headers(self, call: Call) -> dict[str, str]:
        return {
            "request-id": call.request_id,
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": call.time,
        }


class MessagesSimulator(MessagesApi):
    """The library form: `async with MessagesSimulator([{...step...}, Fault("overloaded")]) as sim:`."""

    def __init__(
        self,
        script: Iterable[Any] | Answer | None = None,
        *,
        now: Callable[[], datetime] | None = None,
        context_window: int = CONTEXT_WINDOW,
        min_cacheable_tokens: int = 1_024,
        strict: bool = True,
    ) -> None:
        """Without a script the demo brain answers; strict fails the test when the script was at fault."""
        super().__init__(
            Script(demo_brain if script is None else script),
            now=now or (lambda: datetime.now(UTC)),
            context_window=context_window,
            min_cacheable_tokens=min_cacheable_tokens,
        )
        self.base_url = ""
        self._strict = strict
        self._runner: web.AppRunner | None = None

    @property
    def requests(self) -> list[Call]:
        """The calls of POST /v1/messages, in order."""
        return [call for call in self.calls if call.endpoint == "messages"]

    async def __aenter__(self) -> Self:
        app = web.Application()
        self.add_to(app, prefix="")
        add_control(app, self, prefix="")
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._strict and self.problems and error is None:
            raise AssertionError("; ".join(dict.fromkeys(self.problems)))


async def _read(http: web.Request) -> bytes:
    """Read past aiohttp's own limit of a megabyte, up to that of the API."""
    body = bytearray()
    async for piece in http.content.iter_any():
        body += piece
        if len(body) > MAX_BODY:
            raise ApiError(413, "request_too_large", "Request exceeds the maximum size")
    return bytes(body)
