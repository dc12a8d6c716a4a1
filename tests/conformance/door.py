"""A web server that hands what a provider posts to the adapter, as the bot's own does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from bot.ports import Receive, Webhook, WebhookRequest


@dataclass
class Door:
    url: str = ""
    receive: Receive | None = None
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        if self.receive is None:
            return web.Response(status=503)
        found = WebhookRequest(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        answer = await self.webhooks[request.path.removeprefix("/webhooks/")](found, self.receive)
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
