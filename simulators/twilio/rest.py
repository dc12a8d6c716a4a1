"""The REST API at /twilio/2010-04-01/Accounts/{sid}/Messages: who may, faults, then one function each."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import hdrs, web

from simulators.twilio.config import Json, TwilioConfig
from simulators.twilio.errors import TwilioError
from simulators.twilio.faults import Fault, Faults, Operation
from simulators.twilio.listing import find, page_uris, parse_query
from simulators.twilio.network import Network
from simulators.twilio.outgoing import Outgoing
from simulators.twilio.resources import API_VERSION, media_json, message_json, messages_path, page_json
from simulators.twilio.state import Media, Message, TwilioState

PREFIX = "/twilio"
Handler: TypeAlias = Callable[[web.Request, Fault | None], Awaitable[web.Response]]


class Rest:
    def __init__(self, config: TwilioConfig, state: TwilioState, network: Network, faults: Faults) -> None:
        self._config = config
        self._state = state
        self._network = network
        self._faults = faults

    def add_routes(self, app: web.Application) -> None:
        messages = f"{PREFIX}/{API_VERSION}/Accounts/{{account}}/Messages"
        sid, media = "{sid:(?:SM|MM)[0-9a-f]{32}}", "{media:ME[0-9a-f]{32}}"
        routes: tuple[tuple[str, str, Operation, Handler], ...] = (
            ("POST", f"{messages}.json", "send", self._create),
            ("GET", f"{messages}.json", "list", self._list),
            ("GET", f"{messages}/{sid}.json", "fetch", self._fetch),
            ("GET", f"{messages}/{sid}/Media.json", "media", self._media_list),
            ("GET", f"{messages}/{sid}/Media/{media}.json", "media", self._media_fetch),
            ("GET", f"{messages}/{sid}/Media/{media}", "media", self._media_content),
        )
        for method, path, operation, handler in routes:
            app.router.add_route(method, path, self._guarded(operation, handler))
        app.router.add_route("*", PREFIX + "/{rest:.*}", self._guarded(None, self._nothing))

    def _guarded(
        self, operation: Operation | None, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                self._authenticate(request)
                fault = self._faults.take(operation) if operation else None
                if fault is None or fault.is_outcome():
                    return await handler(request, fault)
                if fault.after_accept:
                    await handler(request, None)
                else:
                    await request.read()
                return await self._fail(request, fault)
            except TwilioError as error:
                return _refusal(error)

        return handle

    async def _fail(self, request: web.Request, fault: Fault) -> web.Response:
        match fault.kind:
            case "429":
                return _refusal(TwilioError(20429), {"Retry-After": str(fault.retry_after)})
            case "500":
                return _refusal(TwilioError(20500))
            case "error":
                raise TwilioError(fault.code or 20500)
            case "hang" | "hang_after_accept":
                await self._faults.hang()
            case _:
                pass  # Both resets: the connection is cut below.
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _authenticate(self, request: web.Request) -> None:
        account, token = self._config.account_sid, self._config.auth_token
        ours = base64.b64encode(f"{account}:{token}".encode())
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        right = scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), ours)
        if not right or request.match_info.get("account", account) != account:
            raise TwilioError(20003)

    # Messages

    async def _create(self, request: web.Request, fault: Fault | None) -> web.Response:
        form = await request.post()
        values = {name: value for name, value in form.items() if isinstance(value, str)}
        outgoing = Outgoing(
            to=values.get("To", "").strip(),
            from_=values.get("From", "").strip(),
            body=values.get("Body", ""),
            media_urls=tuple(str(url) for url in form.getall("MediaUrl", [])),
            callback=values.get("StatusCallback", ""),
        )
        message = self._network.send(outgoing, fault)
        return web.json_response(self._shown(message), status=201)

    async def _list(self, request: web.Request, _fault: Fault | None) -> web.Response:
        query = parse_query(request.query)
        found = find(self._state.messages(), query)
        uris = page_uris(f"{messages_path(self._config.account_sid)}.json", query, found)
        items = [self._shown(message) for message in found.messages]
        return web.json_response(page_json("messages", items, page=query.page, size=query.size, uris=uris))

    async def _fetch(self, request: web.Request, _fault: Fault | None) -> web.Response:
        return web.json_response(self._shown(self._message(request)))

    # Media of what people sent

    async def _media_list(self, request: web.Request, _fault: Fault | None) -> web.Response:
        message = self._message(request)
        account = self._config.account_sid
        items = [media_json(media, message, account) for media in self._state.media_of(message.sid)]
        here = f"{messages_path(account)}/{message.sid}/Media.json?PageSize=50&Page=0"
        uris: dict[str, str | None] = {"first": here, "this": here}
        return web.json_response(page_json("media_list", items, page=0, size=50, uris=uris))

    async def _media_fetch(self, request: web.Request, _fault: Fault | None) -> web.Response:
        message = self._message(request)
        return web.json_response(media_json(self._media(request, message), message, self._config.account_sid))

    async def _media_content(self, request: web.Request, _fault: Fault | None) -> web.Response:
        media = self._media(request, self._message(request))
        return web.Response(body=media.content, headers={"Content-Type": media.content_type})

    async def _nothing(self, request: web.Request, _fault: Fault | None) -> web.Response:
        raise _not_found(request)

    def _message(self, request: web.Request) -> Message:
        message = self._state.message(request.match_info["sid"])
        if message is None:
            raise _not_found(request)
        return message

    def _media(self, request: web.Request, message: Message) -> Media:
        for media in self._state.media_of(message.sid):
            if media.sid == request.match_info["media"]:
                return media
        raise _not_found(request)

    def _shown(self, message: Message) -> Json:
        count = len(message.media_urls) + len(self._state.media_of(message.sid))
        return message_json(message, self._config.account_sid, num_media=count)


def _not_found(request: web.Request) -> TwilioError:
    return TwilioError(20404, request.path.removeprefix(PREFIX))


def _refusal(error: TwilioError, headers: dict[str, str] | None = None) -> web.Response:
    headers = dict(headers or {})
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return web.json_response(error.body, status=error.status, headers=headers)
