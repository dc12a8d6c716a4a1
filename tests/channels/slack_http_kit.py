"""A bot that Slack calls over HTTP: the real web side, the real store, and calls signed by Slack's own SDK."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.errors import ChannelRefused
from bot.events import Event
from bot.ports import WebhookRequest
from channels.slack import SlackChannel
from simulators.slack import SlackSimulator
from tests.web.kit import Web, open_web, serving

SECRET = "demo-signing-secret"
FORM = "application/x-www-form-urlencoded"
Headers = dict[str, str]


@dataclass
class HttpBot:
    slack: SlackSimulator
    channel: SlackChannel
    web: Web
    url: str
    client: httpx.AsyncClient
    task: asyncio.Task[None]

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return await self.client.post(
            f"{self.url}/webhooks/slack/{path}", content=body, headers=dict(headers)
        )

    async def event(self, payload: Mapping[str, Any], **more: Any) -> httpx.Response:
        body = json.dumps(payload).encode()
        return await self.post("events", body, signed(body, **more))

    async def events(self) -> list[Event]:
        """Everything that was stored, in all threads."""
        threads = await self.web.bot.store.threads()
        found = [await self.web.bot.store.events(thread.thread_id) for thread in threads]
        return [event for events in found for event in events]

    async def stored(self, type_: str = "message.received") -> list[Event]:
        return [event for event in await self.events() if event.type == type_]


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
async def http_bot(folder: Path, slack: SlackSimulator, **changes: Any) -> AsyncIterator[HttpBot]:
    """Stores what comes, and does nothing with it. Slack is told its addresses."""

    async def knows(account: str, conversation: str) -> bool:
        return await web.bot.store.thread_of("slack", account, conversation) is not None

    given = {"bot_token": "xoxb-demo", "signing_secret": SECRET, "api_url": slack.api_url, "knows": knows}
    channel = SlackChannel(**{**given, **changes})
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(open_web(folder, webhooks=lambda: channel.webhooks))
        web.thinking.clear()
        url = await stack.enter_async_context(serving(web.app))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        task = asyncio.create_task(channel.run(web.receive))
        try:
            await slack.until(lambda: channel.health().state == "connected")
            hooks = f"{url}/webhooks/slack"
            assert await slack.use_http(
                f"{hooks}/events", interactive=f"{hooks}/interactive", commands=f"{hooks}/commands"
            )
            yield HttpBot(slack, channel, web, url, client, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, ChannelRefused):
                await task
