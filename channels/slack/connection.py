"""Keeps one socket to Slack open for as long as it takes: the next one before the old one closes."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from bot.errors import ChannelRefused
from bot.ports import Health
from channels.slack.failures import refusal
from channels.slack.socket import Handle, Socket
from channels.slack.standing import Standing
from channels.slack.web import CallFailed, Web

OVERLAP = 10.0
"""Slack closes a socket about ten seconds after its warning, and may use it until then."""
SHORT_LIFE = 30.0
USELESS = ("closed", "silent", "too_many_websockets")
BROKEN = ("", "closed", "silent")
GHOST = 120.0
"""For so many seconds Slack may count a socket that broke without a word."""
RECOUNT = 600.0
"""Seconds after which a socket is replaced only to hear whether Slack still counts too many."""
LINK_DISABLED = (
    "Slack has Socket Mode switched off for this app (link_disabled): switch it on in the app's settings"
)

log = logging.getLogger(__name__)


class Connection:
    """`ping_every` and `silence` in seconds: a socket without an answer to a ping for so long is replaced.

    `connected` is told, of each new socket, how long Slack had given no sign of life before.
    """

    def __init__(
        self,
        web: Web,
        standing: Standing,
        *,
        app_token: str,
        ping_every: float,
        silence: float,
        connected: Callable[[float], None],
        recount: float = RECOUNT,
    ) -> None:
        self._web = web
        self._standing = standing
        self._app_token = app_token
        self._ping_every = ping_every
        self._silence = silence
        self._connected = connected
        self._recount = recount
        self._socket: Socket | None = None
        self._counted: dict[Socket, float] = {}  # our sockets that Slack may count, and when they ended

    def health(self) -> Health:
        """The age is that of the last ping that Slack answered."""
        return self._standing.health(self._socket.age if self._socket else None)

    async def run(self, handle: Handle) -> ChannelRefused:
        """Until cancelled, or until Slack refuses us for good."""
        async with asyncio.TaskGroup() as retiring:
            return await self._stay_connected(handle, retiring)

    async def _stay_connected(self, handle: Handle, retiring: asyncio.TaskGroup) -> ChannelRefused:
        short_lives = 0
        try:
            while True:
                new = await self._next(handle, short_lives)
                if isinstance(new, ChannelRefused):
                    return new
                if self._socket is not None:
                    retiring.create_task(self._socket.retire(within=OVERLAP))
                self._socket = new
                opened = time.monotonic()
                reason = await new.ended(
                    silence=self._silence, recount=self._recount if self._standing.warning else math.inf
                )
                log.info("Slack: replacing the socket (%s)", reason)
                if reason == "link_disabled":
                    return ChannelRefused(LINK_DISABLED)
                if reason == "too_many_websockets":
                    log.warning(
                        "Slack: too many sockets are open with this app token; is another bot running?"
                    )
                    await new.close()  # only a closed one makes room
                short_lives = short_lives + 1 if time.monotonic() - opened < SHORT_LIFE else 0
        finally:
            last, self._socket = self._socket, None
            if last is not None:
                await last.finish()

    async def _next(self, handle: Handle, short_lives: int) -> Socket | ChannelRefused:
        """A new socket: at once after one that lived, or the first that did not, then with growing pauses."""
        if self._socket is None or self._socket.parting in USELESS:
            self._standing.set("connecting")
        if short_lives > 1:
            await self._standing.pause(
                short_lives - 1, ConnectionError("sockets end as soon as they are open")
            )
        failures = 0
        while True:
            try:
                return await self._open(handle)
            except CallFailed as error:
                if refused := refusal(error, "SLACK_APP_TOKEN"):
                    return refused
                failures += 1
                await self._standing.pause(failures, error)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if "link_disabled" in str(error):
                    return ChannelRefused(LINK_DISABLED)
                failures += 1
                await self._standing.pause(failures, error)

    async def _open(self, handle: Handle) -> Socket:
        socket = Socket(
            await self._web.open_connection(self._app_token),
            app_token=self._app_token,
            web_client=self._web.client,
            ping_every=self._ping_every,
            handle=handle,
        )
        hello = await socket.open()
        self._standing.set("connected")
        self._count(socket, hello)
        self._connected(self._socket.age if self._socket else math.inf)
        return socket

    def _count(self, socket: Socket, hello: dict[str, Any]) -> None:
        """Notice a second process: each message goes to one of the sockets only, whoever has it open."""
        now, count = time.monotonic(), hello.get("num_connections")
        self._counted = {
            each: ended if each.is_open else min(ended, now)
            for each, ended in self._counted.items()
            if each.is_open or (each.parting in BROKEN and now - min(ended, now) < GHOST)
        }
        self._counted[socket] = math.inf
        ours = len(self._counted)
        log.info("Slack: connected; %s sockets open for this app", count)
        self._standing.warning = ""
        if isinstance(count, int) and count > ours:
            self._standing.warning = (
                f"another process is using this app token: Slack counts {count} sockets, of which {ours} can be ours, "
                "and gives each message to one of them only"
            )
            log.warning("Slack: %s", self._standing.warning)
