"""The simulated Discord as one thing: routes for a server, and the calls of tests and of the control API."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from simulators.discord.cdn import Cdn
from simulators.discord.commands import Commands
from simulators.discord.config import API, DiscordConfig, Json
from simulators.discord.faults import Faults
from simulators.discord.gateway import Gateway
from simulators.discord.guild import Guild
from simulators.discord.interactions import Interactions, Outcome
from simulators.discord.limits import RateLimits
from simulators.discord.outgoing import Upload
from simulators.discord.persons import Persons
from simulators.discord.posting import Posting
from simulators.discord.rest import Rest
from simulators.discord.rest_interactions import Calls
from simulators.discord.rest_messages import Messages
from simulators.discord.rest_places import Places
from simulators.discord.shown import Shown
from simulators.discord.state import Channel, DiscordState, Message
from simulators.discord.threads import Threads
from simulators.guard import guard


def utc_now() -> datetime:
    return datetime.now(UTC)


class DiscordSimulator:
    """Discord for one bot. `async with DiscordSimulator() as discord:` runs it on a free port of its own."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        config: DiscordConfig | None = None,
        now: Callable[[], datetime] = utc_now,
        time_scale: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.config = config or DiscordConfig()
        self.state = DiscordState(state)
        self.faults = Faults()
        self.cdn = Cdn(self.state, now=now, faults=self.faults)
        self.gateway = Gateway(self.config, self.state, now=now, time_scale=time_scale)
        self.guild = Guild(self.config, self.state, now=now, cdn=self.cdn, emit=self.gateway.emit)
        self.gateway.serve(self.guild)
        self.posting = Posting(self.guild, time_scale=time_scale)
        self.threads = Threads(self.guild, self.posting)
        self.commands = Commands(self.guild)
        self.interactions = Interactions(self.guild, self.posting, time_scale=time_scale)
        self._shown = Shown(self.guild, now=now, time_scale=time_scale)
        self.people = Persons(self.guild, self.posting, self.threads, self.commands, self.interactions)
        self._limits = RateLimits(self.config.limits, time=lambda: now().timestamp(), time_scale=time_scale)
        self.rest = Rest(self._limits, self.faults, is_token=self.gateway.is_token)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    @property
    def api_url(self) -> str:
        """For `discord.http.Route.BASE`, in place of https://discord.com/api/v10."""
        return f"{self.base_url}{API}"

    @property
    def gateway_url(self) -> str:
        """For `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`, in place of wss://gateway.discord.gg/."""
        return self.gateway.url

    # Running

    def add_routes(self, app: web.Application) -> None:
        from simulators.discord import control, pane

        self.gateway.add_routes(app)
        self.cdn.add_routes(app)
        calls = Calls(self.guild, self.commands, self.interactions)
        places = Places(
            self.guild,
            self.threads,
            gateway_url=lambda: self.gateway_url,
            identifies_left=lambda: self.gateway.identifies_left,
        )
        messages = Messages(self.guild, self.posting, note_typing=self._shown.note_typing)
        self.rest.add_routes(app, [*places.routes(), *messages.routes(), *calls.routes()])
        control.add_routes(app, self)
        pane.add_routes(app, self)

    def start(self, base_url: str) -> None:
        """The server that has our routes is listening at this address."""
        self.base_url = self.cdn.base_url = base_url
        self.gateway.start(base_url)

    async def stop(self) -> None:
        self.faults.clear()
        await self.gateway.stop()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[guard()], client_max_size=64 << 20)
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.start(f"http://{self._host}:{self._port}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.state.close()

    # What people do

    def say(
        self,
        from_: str,
        text: str,
        channel: str = "dm",
        *,
        reply_to: str | None = None,
        mention: bool | None = None,
        files: Sequence[Upload] = (),
        bot: bool = False,
    ) -> Message:
        """A person writes to the bot alone or in a place; in a channel they mention it unless told not to."""
        return self.people.say(from_, text, channel, reply_to=reply_to, mention=mention, files=files, bot=bot)

    def edit(self, message: str, text: str) -> Message:
        return self.people.edit(message, text)

    def unfurl(self, message: str) -> Message:
        return self.people.unfurl(message)

    def delete(self, message: str) -> Message:
        return self.people.delete(message)

    def react(self, from_: str, message: str, emoji: str, *, remove: bool = False) -> Message:
        return self.people.react(from_, message, emoji, add=not remove)

    def start_thread(
        self, from_: str, name: str, *, message: str | None = None, channel: str = "general"
    ) -> Channel:
        return self.people.start_thread(from_, name, message=message, channel=channel)

    async def press(self, from_: str, message: str, button: str) -> Outcome:
        return await self.people.press(from_, message, button)

    async def slash(
        self, from_: str, command: str, options: Json | None = None, channel: str = "dm"
    ) -> Outcome:
        return await self.people.slash(from_, command, options or {}, channel)

    async def submit(self, from_: str, fields: Json) -> Outcome:
        return await self.people.submit(from_, fields)

    # What can be seen

    def messages(
        self, channel: str | None = None, *, from_: str | None = None, to: str | None = None
    ) -> list[Json]:
        """Everything that is there, oldest first; `to` is what the bot wrote to one person alone."""
        return self._shown.messages(channel, from_=from_, to=to)

    def typing(self) -> list[str]:
        """The places in which the bot is typing now."""
        return self._shown.typing()

    def pings(self) -> list[Json]:
        """Each time something that the bot wrote or edited notified somebody."""
        return self.state.pings()

    def numbers(self) -> Json:
        gateway = self.gateway
        return {
            "connections": len(gateway.connections),
            "connections_total": gateway.connections_total,
            "identifies": gateway.identifies_total,
            "identifies_left": gateway.identifies_left,
            "resumes": gateway.resumes_total,
            "heartbeats": gateway.heartbeats,
            "sessions": len(gateway.sessions.all()),
            "typing_posts": self._shown.typing_posts,
            "requests": len(self.rest.requests),
            "without_allowed_mentions": len(self.posting.careless),
        }

    async def until(self, true: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait until something is so; a test's way to wait for the bot."""
        async with asyncio.timeout(timeout):
            while not true():  # noqa: ASYNC110 - any condition of the caller, so there is no event
                await asyncio.sleep(0.005)
