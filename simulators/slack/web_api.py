"""The Web API at /slack/api/: tokens and scopes, faults, then one function per method."""

import json
from collections.abc import Mapping

from aiohttp import web

from simulators.slack.arguments import Call, read_call
from simulators.slack.config import Json, SlackConfig
from simulators.slack.deliveries import Stats
from simulators.slack.faults import Fault, Faults
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.workspace import Refused


class WebApi:
    def __init__(
        self, config: SlackConfig, stats: Stats, *, methods: Mapping[str, Method], faults: Faults
    ) -> None:
        self._config = config
        self._stats = stats
        self._methods = methods
        self._faults = faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        self._stats.posts[name] = self._stats.posts.get(name, 0) + 1
        fault = self._faults.take(name)
        if fault is None:
            return await self._answer(request)
        self._stats.faults += 1
        if fault.after_accept:
            await self._answer(request)
        else:
            await request.read()
        return await self._fail(request, fault)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case "429":
                headers = {"Retry-After": str(fault.retry_after)}
                return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
            case "500":
                return web.Response(status=500, text="Internal Server Error")
            case "hang" | "hang_after_accept":
                await self._faults.hang()
            case kind if kind.startswith("not_ok:"):
                return self._respond({"ok": False, "error": kind.removeprefix("not_ok:")}, "")
            case _:
                pass  # Both resets: the connection is cut below.
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _answer(self, request: web.Request) -> web.Response:
        method = self._methods.get(request.match_info["method"])
        try:
            call = await read_call(request)
            if method is None:
                raise ApiError("unknown_method", req_method=call.method)
            self._authorize(call, method)
            body = {"ok": True, **method.run(call)}
        except ApiError as error:
            body = error.body
        except Refused as refused:
            body = {"ok": False, "error": str(refused)}
        if not body["ok"]:
            self._stats.errors[body["error"]] = self._stats.errors.get(body["error"], 0) + 1
        return self._respond(body, method.scope if method else "")

    def _authorize(self, call: Call, method: Method) -> None:
        if method.token == "none":
            return
        if not call.token or (method.token == "app" and not call.token_in_header):
            raise ApiError("not_authed")
        if call.token not in self._config.bot_tokens | self._config.app_tokens:
            raise ApiError("invalid_auth")
        accepted = self._config.app_tokens if method.token == "app" else self._config.bot_tokens
        if call.token not in accepted:
            raise ApiError("not_allowed_token_type")
        if method.scope and method.scope not in self._config.scopes:
            raise ApiError("missing_scope", needed=method.scope, provided=self._scopes())

    def _respond(self, body: Json, scope: str) -> web.Response:
        headers = {
            "X-OAuth-Scopes": self._scopes(),
            "X-Accepted-OAuth-Scopes": scope,
            "X-Slack-Req-Id": "simulated",
        }
        return web.Response(text=json.dumps(body), content_type="application/json", headers=headers)

    def _scopes(self) -> str:
        return ",".join(sorted(self._config.scopes))
