"""Keeps one session with Discord's gateway alive for as long as it takes.

discord.py's own loop begins a session as often as it fails, and knows no sign of life but a heartbeat a minute. So
when to connect, resume, wait or give up is ours; frames, heartbeats and their thread are discord.py's.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import yarl
from discord.errors import ConnectionClosed, DiscordException
from discord.gateway import DiscordWebSocket, KeepAliveHandler, ReconnectWebSocket

from bot.errors import ChannelRefused
from bot.ports import ChannelState, Health
from channels.discord.client import Client
from channels.discord.failures import CallFailed, closed
from channels.discord.rest import CLOSE_TIMEOUT
from channels.discord.session import Identified, pause_before, uncounted

DEFAULT_GATEWAY = "wss://gateway.discord.gg/"
OPEN_TIMEOUT = 20.0
RESUMABLE = 4_000  # any code but 1000 and 1001, with which a session ends

Sleep = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


async def nothing() -> None:
    """There is nothing to do before a new session."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """In seconds. `silence`: a gateway that acknowledges no heartbeat for so long is left, but not before `spare` is
    over after the time for one. Discord wants one about every 41 seconds, and after a session that it has ended a
    pause of one to five before the next."""

    silence: float = 50.0
    spare: float = 9.0
    reidentify: tuple[float, float] = (1.0, 5.0)
    first_pause: float = 1.0
    longest_pause: float = 30.0

    def patience(self, interval: float) -> float:
        """How long to wait for an acknowledgement, with a heartbeat each `interval`."""
        return max(self.silence, interval + min(self.spare, interval))


@dataclass(frozen=True, slots=True)
class Session:
    """What it takes to go on with a session where it broke off."""

    id: str
    sequence: int
    gateway: yarl.URL


class Connection:
    """The state of our session, and how it came to it."""

    def __init__(
        self,
        *,
        gateway_url: str,
        rhythm: Rhythm,
        identified: Identified = uncounted,
        before_session: Callable[[], Awaitable[None]] = nothing,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`before_session` is called before a session begins anew, and so what came meanwhile is lost."""
        self._gateway = yarl.URL(gateway_url or DEFAULT_GATEWAY)
        self._rhythm = rhythm
        self._identified = identified
        self._before_session = before_session
        self._sleep = sleep
        self._socket: DiscordWebSocket | None = None
        self._state: ChannelState = "off"
        self._detail = ""
        self._sessions = 0
        self.warning = ""  # something is wrong, but we are connected

    def health(self) -> Health:
        return Health(self._state, self._detail or self.warning, self._age())

    def set_state(self, state: ChannelState, detail: str = "") -> None:
        self._state, self._detail = state, detail

    def connected(self) -> None:
        """Discord has said that the session stands."""
        self.set_state("connected")

    def _age(self) -> float | None:
        """Seconds since the last heartbeat that Discord acknowledged."""
        heart = self._socket._keep_alive if self._socket is not None else None
        return max(0.0, time.perf_counter() - heart._last_ack) if heart is not None else None

    async def run(self, client: Client) -> ChannelRefused:
        """Until cancelled, or until Discord refuses us for good."""
        session: Session | None = None
        failures = 0
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._stay(client, session)
                except ReconnectWebSocket as ended:
                    session = (self._session() or session) if ended.resume else None
                    failures = failures + 1 if time.monotonic() - began < 1.0 else 0
                    await self._let_go(session)
                    await self._between(failures)
                except ConnectionClosed as ended:
                    if refused := closed(ended.code):
                        return refused
                    session = None  # Discord has ended it
                    failures += 1
                    await self._let_go(session)
                    await self.pause(failures, f"Discord closed the connection ({ended.code})")
                except (OSError, aiohttp.ClientError, TimeoutError, DiscordException, CallFailed) as error:
                    session = self._session() or session
                    failures += 1
                    await self._let_go(session)
                    await self.pause(failures, str(error) or type(error).__name__)
        finally:
            await self._let_go(None)
            await _end_heartbeats(client)

    async def _stay(self, client: Client, session: Session | None) -> None:
        """Open one connection and read from it until it ends, which is an error."""
        socket = await self._open(client, session)
        while True:
            await socket.poll_event()
            if (self._age() or 0.0) > socket._max_heartbeat_timeout:
                log.warning("Discord: heartbeats stay without an answer; connecting anew")
                await socket.close(RESUMABLE)
                raise ReconnectWebSocket(None)

    async def _open(self, client: Client, session: Session | None) -> DiscordWebSocket:
        if self._state == "off" or session is None:
            self.set_state("connecting")
        if session is None:
            await self._may_identify()
            await self._before_session()
        async with asyncio.timeout(OPEN_TIMEOUT):
            socket = await DiscordWebSocket.from_client(
                client,
                gateway=session.gateway if session else self._gateway,
                session=session.id if session else None,
                sequence=session.sequence if session else None,
                resume=session is not None,
            )
        self._socket = client.ws = socket
        heart = socket._keep_alive
        if heart is not None and heart.interval is not None:
            socket._max_heartbeat_timeout = self._rhythm.patience(heart.interval)
        return socket

    async def _may_identify(self) -> None:
        """Wait as long as Discord's limits ask for: after a session that it ended, and after very many."""
        if self._sessions:
            await self._sleep(random.uniform(*self._rhythm.reidentify))  # noqa: S311 - no secret
        self._sessions += 1
        count = await self._identified()
        if pause := pause_before(count):
            words = f"{count} new sessions in 24 hours; Discord allows 1,000. Waiting {pause:.0f} s"
            log.warning("Discord: %s", words)
            self.set_state("failing", words)
            await self._sleep(pause)

    def _session(self) -> Session | None:
        """The session of the last connection, if it can be resumed."""
        socket = self._socket
        if socket is None or socket.session_id is None or socket.sequence is None:
            return None
        return Session(socket.session_id, socket.sequence, socket.gateway)

    async def _let_go(self, session: Session | None) -> None:
        """Close what is left of the connection, so that the session can be resumed, or is over."""
        socket, self._socket = self._socket, None
        if socket is None:
            return
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT):
                await socket.close(RESUMABLE if session else 1000)
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass  # it is gone anyhow

    async def _between(self, failures: int) -> None:
        """A connection that ended by Discord's wish is replaced at once, one of many that end at once is not."""
        if failures > 1:
            await self.pause(failures - 1, "connections end as soon as they are open")

    async def pause(self, failures: int, words: str, *, at_least: float = 0.0) -> None:
        """Wait, longer after each failure."""
        growing = self._rhythm.first_pause * 2.0 ** min(failures - 1, 10)
        pause = max(at_least, min(self._rhythm.longest_pause, growing))
        log.warning("Discord: %s; trying again in %.0f s", words, pause)
        self.set_state("failing", words)
        await self._sleep(pause)


async def _end_heartbeats(client: Client) -> None:
    """Wait for the threads that keep the time: one must not wake when the event loop is gone.

    That of a connection which was given up while it opened is known to nobody else.
    """
    hearts = [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, KeepAliveHandler) and thread.ws._connection is client._connection
    ]
    for heart in hearts:
        heart.stop()
    for heart in hearts:
        await asyncio.to_thread(heart.join, CLOSE_TIMEOUT)
