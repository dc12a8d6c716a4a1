"""A bot in Slack with a real store, by socket or by HTTP: the real web side, and calls signed by Slack's own SDK."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.errors import ChannelRefused
from bot.events import Event, MessageReceived
from bot.ports import Webhook, WebhookRequest
from channels.slack import SlackChannel
from simulators.slack import SlackSimulator
from simulators.slack.deliveries import Outcome
from simulators.slack.state import Delivery
from tests.web.kit import Web, open_web, serving

SECRET = "demo-signing-secret"
FORM = "application/x-www-form-urlencoded"
Headers = dict[str, str]


@dataclass
class SocketBot:
    slack: SlackSimulator
    channel: SlackChannel
    web: Web

    async def events(self) -> list[Event]:
        """Everything that was stored, in all threads."""
        threads = await self.web.bot.store.threads()
        found = [await self.web.bot.store.events(thread.thread_id) for thread in threads]
        return [event for events in found for event in events]

    async def stored(self, type_: str = "message.received") -> list[Event]:
        return [event for event in await self.events() if event.type == type_]

    async def texts(self) -> list[str]:
        data = [event.data for event in await self.stored()]
        return [each.blocks[0].text for each in data if isinstance(each, MessageReceived)]

    async def turns(self) -> int:
        """How often it has answered, once all that was heard is."""
        self.web.thinking.set()
        await self.web.bot.settle()
        return len(await self.stored("turn.ended"))

    async def until_heard(self, *texts: str, timeout: float = 30.0) -> None:
        async with asyncio.timeout(timeout):
            while set(texts) - set(await self.texts()):  # noqa: ASYNC110 - the store rings no bell of ours
                await asyncio.sleep(0.02)


@dataclass
class HttpBot(SocketBot):
    url: str
    client: httpx.AsyncClient

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return await self.client.post(
            f"{self.url}/webhooks/slack/{path}", content=body, headers=dict(headers)
        )

    async def event(self, payload: Mapping[str, Any], **more: Any) -> httpx.Response:
        body = json.dumps(payload).encode()
        return await self.post("events", body, signed(body, **more))


def signed(
    body: bytes, *, secret: str = SECRET, at: float | None = None, kind: str = "application/json", **more: str
) -> Headers:
    """The headers of a call of Slack's, but for what is changed."""
    when = str(int(time.time() if at is None else at))
    if body.isascii():
        signature = SignatureVerifier(secret).generate_signature(timestamp=when, body=body)
        assert signature is not None
    else:  # the SDK's own check breaks on what is no UTF-8
        signed_bytes = f"v0:{when}:".encode() + body
        signature = f"v0={hmac.new(secret.encode(), signed_bytes, 'sha256').hexdigest()}"
    return {
        "content-type": kind,
        "x-slack-request-timestamp": when,
        "x-slack-signature": signature,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def message(text: str = "hello", ts: str = "1700000000.000100", **more: Any) -> dict[str, Any]:
    """A direct message of Ann's, as Slack sends it."""
    event = {"type": "message", "user": "U0ANN", "text": text, "ts": ts, "event_ts": ts, "team": "T0DEMO",
             "channel": "D0ANN", "channel_type": "im", **more}  # fmt: skip
    return {
        "token": "demo-verification-token", "team_id": "T0DEMO", "api_app_id": "A0DEMO", "event": event,
        "type": "event_callback", "event_id": f"Ev{ts}", "event_time": 1700000000,
        "authorizations": [{"enterprise_id": None, "team_id": "T0DEMO", "user_id": "U0BOT", "is_bot": True}],
    }  # fmt: skip


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def request(path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> WebhookRequest:
    return WebhookRequest(method=method, path=f"/webhooks/{path}", query="", headers=dict(headers), body=body)


@asynccontextmanager
async def socket_bot(folder: Path, slack: SlackSimulator, **changes: Any) -> AsyncIterator[SocketBot]:
    """Stores what comes by socket, and does nothing with it."""
    given = {"app_token": "xapp-demo", "signing_secret": "", **changes}
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a test's own folder
    async with open_web(folder) as web, _running(slack, web, **given) as channel:
        yield SocketBot(slack, channel, web)


@asynccontextmanager
async def http_bot(folder: Path, slack: SlackSimulator, **changes: Any) -> AsyncIterator[HttpBot]:
    """Stores what comes by HTTP, and does nothing with it. Slack is told its addresses."""
    webhooks: dict[str, Webhook] = {}
    async with (
        open_web(folder, webhooks=lambda: webhooks) as web,
        serving(web.app) as url,
        httpx.AsyncClient(timeout=30) as client,
        _running(slack, web, **changes) as channel,
    ):
        webhooks |= channel.webhooks
        hooks = f"{url}/webhooks/slack"
        assert await slack.use_http(
            f"{hooks}/events", interactive=f"{hooks}/interactive", commands=f"{hooks}/commands"
        )
        yield HttpBot(slack, channel, web, url, client)


class Nowhere:
    """A way to the app on which everything is lost."""

    async def ready(self) -> None:
        pass

    async def carry(self, kind: str, delivery: Delivery, *, timeout: float) -> Outcome:
        return Outcome("timeout")


@asynccontextmanager
async def outage(slack: SlackSimulator) -> AsyncIterator[None]:
    """Ends when Slack has given up all that was said in it, which takes it six minutes in earnest."""
    deliveries = slack.deliveries
    before = deliveries.carrier, deliveries.retry_delays
    deliveries.carrier, deliveries.retry_delays = Nowhere(), (0.0, 0.0, 0.0)
    yield
    await slack.until(lambda: not slack.state.pending_deliveries(), timeout=20)
    deliveries.carrier, deliveries.retry_delays = before


@asynccontextmanager
async def _running(slack: SlackSimulator, web: Web, **changes: Any) -> AsyncIterator[SlackChannel]:
    store = web.bot.store
    web.thinking.clear()

    async def knows(account: str, conversation: str) -> bool:
        return await store.thread_of("slack", account, conversation) is not None

    given = {"bot_token": "xoxb-demo", "signing_secret": SECRET, "api_url": slack.api_url, "knows": knows,
             "places": lambda: store.places("slack")}  # fmt: skip
    channel = SlackChannel(**{**given, **changes})
    task = asyncio.create_task(channel.run(web.receive))
    try:
        await slack.until(lambda: channel.health().state == "connected")
        yield channel
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ChannelRefused):
            await task
