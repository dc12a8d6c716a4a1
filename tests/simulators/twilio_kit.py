"""Twilio's own SDK pointed at the simulator, and an app that receives its webhooks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioSimulator

ANN, BOB = "+15550100001", "+15550100002"
CREDENTIALS = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}


class ToSimulator(AsyncTwilioHttpClient):
    """The SDK's own client; only the host is another."""

    def __init__(self, api_url: str) -> None:
        super().__init__()
        self._api_url = api_url

    async def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        parts = urlsplit(url)
        assert parts.netloc == "api.twilio.com"
        query = f"?{parts.query}" if parts.query else ""
        return await super().request(method, f"{self._api_url}{parts.path}{query}", *args, **options)


@asynccontextmanager
async def sdk(twilio: TwilioSimulator, *, token: str = AUTH_TOKEN) -> AsyncIterator[Client]:
    async with ToSimulator(twilio.api_url) as http:
        yield Client(ACCOUNT_SID, token, http_client=http)


async def send(client: Client, body: str = "hello", **more: Any) -> Any:
    return await client.messages.create_async(**{"to": ANN, "from_": NUMBER, "body": body, **more})


@dataclass
class Call:
    """One request that the app received; `genuine` is what the SDK's validator says of it."""

    path: str
    form: dict[str, str]
    headers: dict[str, str]
    genuine: bool


@dataclass
class App:
    """Answers 200 with nothing, or what `answers` says next."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[Callable[[web.Request], Any]] = field(default_factory=list)

    @property
    def forms(self) -> list[dict[str, str]]:
        return [call.form for call in self.calls]

    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for form in self.forms if "MessageStatus" in form]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        url = f"http://{request.host}{request.raw_path}"
        genuine = RequestValidator(AUTH_TOKEN).validate(url, form, request.headers["X-Twilio-Signature"])
        self.calls.append(Call(request.raw_path, form, dict(request.headers), genuine))
        if not self.answers:
            return web.Response()
        answer = self.answers.pop(0)(request)
        result = await answer if hasattr(answer, "__await__") else answer
        assert isinstance(result, web.StreamResponse)
        return result


def status(code: int) -> Callable[[web.Request], web.Response]:
    return lambda _request: web.Response(status=code)


def twiml(text: str, content_type: str = "text/xml") -> Callable[[web.Request], web.Response]:
    return lambda _request: web.Response(text=text, content_type=content_type)


@asynccontextmanager
async def app() -> AsyncIterator[App]:
    found = App()
    server = web.Application()
    server.router.add_route("*", "/{rest:.*}", found.receive)
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    try:
        yield found
    finally:
        await runner.cleanup()


async def post(twilio: TwilioSimulator, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    request = options or {"json": body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{twilio.base_url}/sim/sms/{path}", **request) as response,
    ):
        return response.status, await response.json()


async def get(twilio: TwilioSimulator, path: str, **options: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{twilio.base_url}/sim/sms/{path}", **options) as response,
    ):
        return response.status, await response.json()
