"""A bolt app as a bot would run it, pointed at the simulated Slack."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackSimulator


class Bot:
    """Records what arrives. `acks` False leaves every event unanswered; `delay` answers late."""

    def __init__(self, slack: SlackSimulator) -> None:
        self.client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, retry_handlers=[])
        self.app = AsyncApp(
            client=self.client,
            signing_secret=slack.config.signing_secret,
            process_before_response=True,
            # Bolt drops the bot's own messages before any middleware of ours; the kit wants to see them.
            ignoring_self_events_enabled=False,
        )
        self.acks = True
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[tuple[str | None, str | None]] = []
        self.app.use(self._middleware)

    async def _middleware(self, req: AsyncBoltRequest, body: dict[str, Any], next: Any) -> None:
        self.bodies.append(body)
        self.headers.append((_first(req, "x-slack-retry-num"), _first(req, "x-slack-retry-reason")))
        if not self.acks:
            raise RuntimeError("this bot does not acknowledge")
        await next()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What people did; the bot's own messages come back too but are left out here."""
        events = [body["event"] for body in self.bodies if "event" in body]
        return [event for event in events if event.get("bot_id") is None]


def _first(req: AsyncBoltRequest, header: str) -> str | None:
    return next(iter(req.headers.get(header, [])), None)


@asynccontextmanager
async def socket_bot(slack: SlackSimulator, *, ping_interval: float = 5) -> AsyncIterator[Bot]:
    """A bot connected over Socket Mode."""
    bot = Bot(slack)

    @bot.app.event("message")
    @bot.app.event("app_mention")
    async def listen() -> None:
        """The middleware has recorded it; a listener makes bolt acknowledge."""

    handler = AsyncSocketModeHandler(bot.app, "xapp-demo", ping_interval=ping_interval)
    connected_before = len(slack.sockets.connections)
    await handler.connect_async()
    await slack.until(lambda: len(slack.sockets.connections) > connected_before)
    try:
        yield bot
    finally:
        await handler.close_async()
        await asyncio.sleep(0)


@asynccontextmanager
async def http_bot(slack: SlackSimulator) -> AsyncIterator[tuple[Bot, str]]:
    """A bot that is called over HTTP, and its address. Bolt checks every signature."""
    bot = Bot(slack)

    @bot.app.event("message")
    @bot.app.event("app_mention")
    async def listen() -> None:
        """As above."""

    async def receive(request: web.Request) -> web.Response:
        headers: dict[str, str | Sequence[str]] = {name: [value] for name, value in request.headers.items()}
        found = AsyncBoltRequest(body=(await request.read()).decode(), headers=headers)
        answer = await bot.app.async_dispatch(found)
        return web.Response(status=answer.status, text=answer.body, headers=answer.first_headers())

    app = web.Application()
    app.router.add_post("/slack/events", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield bot, f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()
