"""discord.py pointed at the simulator, and hands that speak to its gateway and its REST API without it."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from simulators.discord import BOT_ID, BOT_TOKEN, NO_LIMITS, DiscordConfig, DiscordSimulator

ANN, BOB, CAROL = "200000000000000101", "200000000000000102", "200000000000000103"
GENERAL, SUPPORT = "300000000000000010", "300000000000000011"
WITH_CONTENT = (1 << 0) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 15)
PLAIN = WITH_CONTENT & ~(1 << 15)
UNLIMITED = DiscordConfig(limits=NO_LIMITS)
DEADLINE = 30.0


@dataclass
class Clock:
    """A time that only a test moves."""

    time: datetime = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


# discord.py


class Bot(discord.Client):
    """Remembers what it hears; nothing of what it writes notifies anybody."""

    def __init__(self, intents: discord.Intents, **options: Any) -> None:
        super().__init__(intents=intents, allowed_mentions=discord.AllowedMentions.none(), **options)
        self.heard: list[discord.Message] = []
        self.changed: list[discord.RawMessageUpdateEvent] = []
        self.reactions: list[discord.RawReactionActionEvent] = []
        self.interactions: list[discord.Interaction] = []
        self.resumes = 0
        self.answer: Callable[[discord.Interaction], Any] | None = None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library waits for five seconds here before it identifies again."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author.id != BOT_ID and message.type is not discord.MessageType.thread_starter_message:
            self.heard.append(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.changed.append(event)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        self.reactions.append(event)

    async def on_resumed(self) -> None:
        self.resumes += 1

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)
        if self.answer is not None:
            await self.answer(interaction)

    def texts(self) -> list[str]:
        return [message.content for message in self.heard]


def intents(*, content: bool = True) -> discord.Intents:
    return discord.Intents(guilds=True, messages=True, reactions=True, message_content=content)


def point_at(simulator: DiscordSimulator) -> None:
    """The library has its addresses in two class attributes."""
    Route.BASE = simulator.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulator.gateway_url)


@asynccontextmanager
async def connected(simulator: DiscordSimulator, **options: Any) -> AsyncIterator[Bot]:
    """A bot with a session, until the end of the block."""
    point_at(simulator)
    bot = Bot(options.pop("intents", intents()), **options)
    task = asyncio.create_task(bot.start(BOT_TOKEN))
    try:
        await simulator.until(lambda: task.done() or (simulator.gateway.ready and bot.guilds))
        if task.done():
            task.result()
        yield bot
    finally:
        await bot.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# The REST API by hand


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Hand:
    """REST calls with the bot's token."""

    session: aiohttp.ClientSession
    simulator: DiscordSimulator
    token: str = BOT_TOKEN

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bot {self.token}"}
        request = {"json": body} if body is not None else {}
        url = self.simulator.api_url + path
        async with self.session.request(method, url, headers=headers, **request, **options) as response:
            text = await response.text()
            is_json = response.headers.get("Content-Type") == "application/json"
            return Answer(
                response.status, json.loads(text) if is_json and text else text, dict(response.headers)
            )

    async def send(self, channel: str, content: str, **more: Any) -> Answer:
        return await self.call("POST", f"/channels/{channel}/messages", {"content": content, **more})

    async def control(self, path: str, body: Any = None) -> Answer:
        method = "GET" if body is None else "POST"
        url = f"{self.simulator.base_url}/sim/discord/{path}"
        async with self.session.request(method, url, json=body) as response:
            return Answer(response.status, await response.json(), dict(response.headers))


@asynccontextmanager
async def hand(simulator: DiscordSimulator, **options: Any) -> AsyncIterator[Hand]:
    async with aiohttp.ClientSession() as session:
        yield Hand(session, simulator, **options)


# The gateway by hand


@dataclass
class Line:
    """One WebSocket; events and other frames in the order in which they came."""

    ws: aiohttp.ClientWebSocketResponse
    frames: list[dict[str, Any]] = field(default_factory=list)
    _inflate: Any = field(default_factory=zlib.decompressobj)

    async def next(self, timeout: float = DEADLINE) -> dict[str, Any]:
        message = await asyncio.wait_for(self.ws.receive(), timeout)
        if message.type == aiohttp.WSMsgType.BINARY:
            frame = json.loads(self._inflate.decompress(message.data))
        elif message.type == aiohttp.WSMsgType.TEXT:
            frame = json.loads(message.data)
        else:
            raise ConnectionResetError(f"closed with {self.ws.close_code}")
        self.frames.append(frame)
        return dict(frame)

    async def until(self, *, op: int | None = None, event: str | None = None) -> dict[str, Any]:
        while True:
            frame = await self.next()
            if op in (None, frame["op"]) and event in (None, frame["t"]):
                return frame

    async def send(self, op: int, data: Any = None) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def identify(self, wanted: int = WITH_CONTENT, **more: Any) -> dict[str, Any]:
        """Returns the data of READY."""
        await self.send(2, {"token": BOT_TOKEN, "intents": wanted, "properties": {}, **more})
        ready = await self.until(event="READY")
        await self.until(event="GUILD_CREATE")
        return dict(ready["d"])

    async def resume(self, session: str, seq: int, *, token: str = BOT_TOKEN) -> None:
        await self.send(6, {"token": token, "session_id": session, "seq": seq})

    async def closed(self) -> int | None:
        """Wait for the other side to close; returns the code."""
        while True:
            try:
                await self.next()
            except ConnectionResetError:
                return self.ws.close_code

    @property
    def seq(self) -> int:
        return max(frame["s"] or 0 for frame in self.frames)


@asynccontextmanager
async def line(simulator: DiscordSimulator, *, compress: bool = False) -> AsyncIterator[Line]:
    """A connection after Hello."""
    query = "?v=10&encoding=json" + ("&compress=zlib-stream" if compress else "")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(simulator.gateway_url + query, autoclose=False) as ws,
    ):
        opened = Line(ws)
        hello = await opened.next()
        assert hello["op"] == 10
        yield opened
