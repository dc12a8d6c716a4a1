"""What the tests of the SMS channel share: an inbox, Twilio's signed calls, and a socket that takes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from bot.errors import ChannelRefused, SendFailed
from bot.events import (
    ContactReported,
    ControlRequested,
    DeliveryReported,
    Incoming,
    MessageReceived,
    Outgoing,
)
from bot.ports import Part, Received, WebhookAnswer, WebhookRequest
from channels.sms import SmsChannel
from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioSimulator
from simulators.twilio.faults import Fault

ANN, BOB = "+15550100001", "+15550100002"
PUBLIC = "https://bot.example.org"
SID = "SM" + "0123456789abcdef" * 2
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
Fields = list[tuple[str, str]]


class Inbox:
    """Keeps what it receives, each dedupe key once; fails first as often as it has `errors`."""

    def __init__(self) -> None:
        self.got: list[Incoming] = []
        self.handed_in = 0
        self.errors: list[Exception] = []

    async def receive(self, incoming: Incoming) -> Received:
        self.handed_in += 1
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        if incoming.dedupe in {each.dedupe for each in self.got}:
            return Received("t1", 1, duplicate=True)
        self.got.append(incoming)
        return Received("t1", len(self.got), duplicate=False)

    @property
    def texts(self) -> list[str]:
        return [i.data.blocks[0].text for i in self.got if isinstance(i.data, MessageReceived)]

    @property
    def stops(self) -> list[str]:
        return [i.data.by for i in self.got if isinstance(i.data, ControlRequested)]

    @property
    def contacts(self) -> list[tuple[str, bool]]:
        return [(d.address, d.reachable) for i in self.got if isinstance(d := i.data, ContactReported)]

    @property
    def reports(self) -> list[DeliveryReported]:
        return [i.data for i in self.got if isinstance(i.data, DeliveryReported)]


def channel_to(api_url: str = "http://127.0.0.1:9", **changes: Any) -> SmsChannel:
    """The channel as tests want it: no pauses, and lists read without end in poll mode."""
    given: dict[str, Any] = {
        "account_sid": ACCOUNT_SID,
        "auth_token": AUTH_TOKEN,
        "number": NUMBER,
        "api_url": api_url,
        "public_url": PUBLIC,
        "pace": 0.0,
        "poll_every": 0.01,
        "poll_idle": 0.02,
    }
    return SmsChannel(**{**given, **changes})


def polling(api_url: str, **changes: Any) -> SmsChannel:
    return channel_to(api_url, inbound="poll", public_url="", **changes)


@asynccontextmanager
async def running(channel: SmsChannel, inbox: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.run(inbox.receive))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ChannelRefused):
            await task


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - any condition of a test, so there is no event
            await asyncio.sleep(0.005)


def heard_at(time: datetime | None) -> Any:
    async def since() -> datetime | None:
        return time

    return since


def part_to(destination: str = ANN, text: str = "hello", outbox_id: str = "t1:4:0", **more: Any) -> Part:
    (part,) = channel_to().render(outbox_id, Outgoing(text=text, destination=destination, **more))
    return part


async def failure(sending: Awaitable[object]) -> SendFailed:
    with pytest.raises(SendFailed) as failed:
        await sending
    return failed.value


def sent_texts(twilio: TwilioSimulator) -> list[str]:
    return [message["text"] for message in twilio.messages() if message["direction"] == "outbound-api"]


def fail_once(twilio: TwilioSimulator, kind: str, **more: object) -> None:
    twilio.faults.add(Fault(kind, **more))  # type: ignore[arg-type]  # the kinds of a table


# ---------------------------------------------------------------- Twilio's calls, made by hand


def text_form(body: str = "hi", **changes: str) -> Fields:
    """The fields of an incoming text, named and ordered as in a recorded one."""
    form = {
        "ToCountry": "US", "ToState": "CA", "SmsMessageSid": SID, "NumMedia": "0", "ToCity": "", "FromZip": "94514",
        "SmsSid": SID, "FromState": "CA", "SmsStatus": "received", "FromCity": "BRENTWOOD", "Body": body,
        "FromCountry": "US", "To": NUMBER, "ToZip": "", "NumSegments": "1", "MessageSid": SID,
        "AccountSid": ACCOUNT_SID, "From": ANN, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return list({**form, **changes}.items())


def status_form(status: str, *, sid: str = SID, **changes: str) -> Fields:
    form = {
        "SmsSid": sid, "SmsStatus": status, "MessageStatus": status, "To": ANN, "MessageSid": sid,
        "AccountSid": ACCOUNT_SID, "From": NUMBER, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return list({**form, **changes}.items())


def sign(url: str, form: Iterable[tuple[str, str]], token: str = AUTH_TOKEN) -> str:
    values: dict[str, list[str]] = {}
    for name, value in form:
        values.setdefault(name, []).append(value)
    found: str = RequestValidator(token).compute_signature(url, _Repeated(values))
    return found


class _Repeated(dict[str, list[str]]):
    def getlist(self, name: str) -> list[str]:
        return self[name]


def call(
    form: Fields,
    *,
    webhook: str = "twilio/sms",
    query: str = "",
    signature: str | None = None,
    signed_url: str = "",
    token: str = AUTH_TOKEN,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    method: str = "POST",
) -> WebhookRequest:
    """A request that Twilio would make, but for what is changed."""
    url = signed_url or f"{PUBLIC}/webhooks/{webhook}" + (f"?{query}" if query else "")
    found = {
        "content-type": FORM_TYPE,
        "host": "bot.example.org",
        "x-twilio-signature": sign(url, form, token) if signature is None else signature,
        **(headers or {}),
    }
    return WebhookRequest(
        method=method,
        path=f"/webhooks/{webhook}",
        query=query,
        headers=found,
        body=urlencode(form).encode() if body is None else body,
    )


async def post(channel: SmsChannel, inbox: Inbox, request: WebhookRequest) -> WebhookAnswer:
    return await channel.webhooks[request.path.removeprefix("/webhooks/")](request, inbox.receive)


# ---------------------------------------------------------------- a socket


class Door:
    """A web server that hands what is posted to the channel, as the bot's own does."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self._channel: SmsChannel | None = None
        self._inbox = Inbox()

    def lead_to(self, channel: SmsChannel, inbox: Inbox) -> None:
        self._channel, self._inbox = channel, inbox

    async def handle(self, request: web.Request) -> web.Response:
        assert self._channel is not None
        handler = self._channel.webhooks[request.path.removeprefix("/webhooks/")]
        found = WebhookRequest(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        answer = await handler(found, self._inbox.receive)
        self.answers.append(answer.status)
        return web.Response(status=answer.status, text=answer.body, content_type=answer.content_type)


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    door = Door()
    app = web.Application()
    app.router.add_route("*", "/webhooks/{rest:.*}", door.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
