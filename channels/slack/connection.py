"""Keeps one socket to Slack open for as long as it takes: the next one before the old one closes."""

import asyncio
import logging
import time

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

log = logging.getLogger(__name__)


class Connection:
    """`ping_every` and `silence` in seconds: a socket without an answer to a ping for so long is replaced."""

    def __init__(
        self, web: Web, standing: Standing, *, app_token: str, ping_every: float, silence: float
    ) -> None:
        self._web = web
        self._standing = standing
        self._app_token = app_token
        self._ping_every = ping_every
        self._silence = silence
        self._socket: Socket | None = None

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
                reason = await new.ended(silence=self._silence)
                log.info("Slack: replacing the socket (%s)", reason)
                if reason == "link_disabled":
                    return ChannelRefused("Slack has Socket Mode switched off for this app (link_disabled)")
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
        count = hello.get("num_connections")
        log.info("Slack: connected; %s sockets open for this app", count)
        if isinstance(count, int) and count > (2 if self._socket else 1):
            log.warning(
                "Slack: is another process using this app token? Slack splits the messages between them"
            )
        return socket
