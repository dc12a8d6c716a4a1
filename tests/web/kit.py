"""A bot with a web side for tests: the real store, loop and inbox, a scripted model, and nothing on the network."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from bot.events import Incoming
from bot.loop import Loop
from bot.ports import Received
from bot.rules import Rules, Someone
from bot.secrets import Secret
from bot.testing import EVERYBODY, Bot, FakeClock, Known, Script, open_test_bot, reply
from bot.tools import Tool
from bot.web import Check, Readiness, Site, create_app, end_streams
from bot.web.site import FindThread

TOKEN = "tok-0123456789abcdef"
TOKENS = {f"saywhen_{known.name}": known.name for known in EVERYBODY}
"""The tokens of people, which are theirs as long as they are known."""
HOST = "127.0.0.1:8000"


def echo(request: Mapping[str, Any]) -> Any:
    """A model that always has something to say."""
    return reply("I heard **you**.")


@dataclass
class Web:
    """The application and the bot behind it. While `thinking` is not set, the model takes its time."""

    app: FastAPI
    site: Site
    bot: Bot
    client: httpx.AsyncClient
    thinking: asyncio.Event
    bell: asyncio.Event
    ready: list[Check] = field(default_factory=list)
    refusal: Exception | None = None

    async def say(self, text: str = "hello", *, wait: float = 5, **more: Any) -> httpx.Response:
        body = {"conversation": "c1", "text": text, **more}
        return await self.client.post("/api/messages", params={"wait": wait}, json=body)

    async def receive(self, incoming: Incoming) -> Received:
        if self.refusal is not None:
            raise self.refusal
        received = await self.bot.inbox.receive(incoming)
        self.bell.set()
        return received

    async def drive(self) -> None:
        """The bot at work."""
        while True:
            await self.bell.wait()
            await self.thinking.wait()
            self.bell.clear()
            await self.bot.settle()


def token_of(name: str) -> dict[str, str]:
    """The header with which this person calls."""
    return {"authorization": f"Bearer saywhen_{name}"}


def by_token(people: Mapping[str, Someone]) -> Callable[[str], str | None]:
    return lambda token: TOKENS.get(token) if TOKENS.get(token) in people else None


def find_thread(bot: Bot) -> FindThread:
    async def find(channel: str, account: str, conversation: str) -> str | None:
        row = await bot.store.thread_of(channel, account, conversation)
        return row.thread_id if row else None

    return find


@asynccontextmanager
async def open_web(
    folder: Path,
    *,
    script: Script = echo,
    tools: Sequence[Tool] = (),
    peer: str = "127.0.0.1",
    people: Sequence[Known] = (),
    demo: Collection[str] = (),
    rules: Callable[[Rules], Rules] = lambda rules: rules,
    loop_class: type[Loop] = Loop,
    clock: FakeClock | None = None,
    **changes: Any,
) -> AsyncIterator[Web]:
    """The web side of a bot in this folder; `changes` are fields of its Site. Open to loopback unless told.

    Those of its people who are named in `demo` are demo people.
    """
    known = {each.name: Someone(each.name, each.roles, demo=each.name in demo) for each in people}
    async with open_test_bot(
        folder, script=script, tools=tools, people=people, rules=rules, loop_class=loop_class, clock=clock
    ) as bot:
        web: Web
        site = Site(
            store=bot.store,
            receive=lambda incoming: web.receive(incoming),
            judge=bot.answering.judged,
            secret=bot.store.secret,
            request_at=bot.loop.request_at,
            raw_events=bot.store.raw_events,
            find_thread=find_thread(bot),
            ready=lambda: Readiness(tuple(web.ready)),
            metrics=lambda: b"agent_errors_total 0\n",
            clock=bot.clock,
            service_token=lambda: Secret(TOKEN),
            pid=4711,
            version="0.1.0",
            by_token=by_token(known),
            people=lambda: known,
            open_to_loopback=True,
            dev=True,
        )
        site = replace(site, **changes)
        app = create_app(site)
        transport = httpx.ASGITransport(app, client=(peer, 1234), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", timeout=30) as client:
            thinking = asyncio.Event()
            thinking.set()
            web = Web(app, site, bot, client, thinking, asyncio.Event())
            driver = asyncio.create_task(web.drive())
            try:
                yield web
            finally:
                driver.cancel()
                with suppress(asyncio.CancelledError):
                    await driver


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application on a real socket; gives its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        if hasattr(app.state, "watch"):
            end_streams(app)
        server.should_exit = True
        await task


async def until(told: Callable[[], bool]) -> None:
    """Wait for something to become true, for a few seconds at most."""
    async with asyncio.timeout(5):
        while not told():  # noqa: ASYNC110  # a test looks from outside
            await asyncio.sleep(0.01)
