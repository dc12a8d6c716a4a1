"""One Socket Mode connection, used once; when it ends, or is about to, the channel opens the next.

Slack's own client closes the old socket before it opens the new one, answers a missing pong after five
seconds with a reconnect, and tries a used ticket for ever. So its life is ours; frames, pings and
acknowledgements are the SDK's.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from channels.slack.log import SDK_LOG
from channels.slack.shapes import mapping, string

HELLO_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
FINISH_TIMEOUT = 3.0
"""Slack waits that long for an acknowledgement; a later one is of no use to it."""

Handle = Callable[["Socket", SocketModeRequest], Awaitable[None]]


class Socket(SocketModeClient):
    """`parting` is why it ended: Slack's reason, "closed", "silent" when pings stay without answer, or "recount"."""

    def __init__(
        self, url: str, *, app_token: str, web_client: AsyncWebClient, ping_every: float, handle: Handle
    ) -> None:
        super().__init__(
            app_token,
            logger=SDK_LOG,
            web_client=web_client,
            auto_reconnect_enabled=False,
            ping_interval=ping_every,
        )
        self.proxy = web_client.proxy
        self.wss_uri = url
        self.parting = ""
        self.hello: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._handle = handle
        self._ended = asyncio.Event()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self.on_message_listeners.append(self._on_message)
        self.on_close_listeners.append(self._on_close)
        self.on_error_listeners.append(self._on_close)

    @property
    def age(self) -> float:
        """Seconds since the ping that Slack answered last."""
        return max(0.0, time.time() - (self.last_ping_pong_time or time.time()))

    @property
    def is_open(self) -> bool:
        return self.current_session is not None and not self.current_session.closed

    async def open(self) -> dict[str, Any]:
        """Connect and wait for Slack's hello; on failure nothing is left open."""
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                await self.connect()
                return await self.hello
        except BaseException:
            await self.close()
            raise

    async def connect(self) -> None:
        assert self.wss_uri is not None
        # No heartbeat of aiohttp's: it gives a busy loop five seconds for the pong, we give it `silence`.
        session = await self.aiohttp_client_session.ws_connect(self.wss_uri, autoping=False, proxy=self.proxy)
        self.current_session = session
        self.last_ping_pong_time = time.time()
        await session.ping(f"sdk-ping-pong:{self.last_ping_pong_time}".encode())
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    async def ended(self, *, silence: float, recount: float) -> str:
        """Wait until this socket has to be replaced, and say why: in any case after `recount` seconds."""
        opened = time.monotonic()
        while not self.parting:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(1.0, silence / 4)):
                    await self._ended.wait()
            if not self.is_open:
                self._end("closed")
            elif self.age > silence:
                self._end("silent")
            elif time.monotonic() - opened > recount:
                self._end("recount")
        return self.parting

    async def retire(self, *, within: float) -> None:
        """Answer what still arrives until Slack hangs up, then close."""
        session = self.current_session
        try:
            async with asyncio.timeout(within if self.parting != "silent" else 0):
                while session is not None and not session.closed:  # noqa: ASYNC110 - aiohttp has no event
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass  # Slack lets it live on; we do not
        finally:
            await self.finish()

    async def finish(self) -> None:
        """Take nothing new, acknowledge what is being stored, close. What was left out Slack sends again."""
        self.message_processor.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_TIMEOUT):
                while self._in_flight:
                    self._idle.clear()
                    await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        self.closed = True
        self.hello.cancel()
        for task in (self.message_processor, self.current_session_monitor, self.message_receiver):
            if task is not None:
                task.cancel()
        if self.current_session is not None:
            with suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self.current_session.close()
        await self.aiohttp_client_session.close()

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        match message.get("type"):
            case "hello":
                if not self.hello.done():
                    self.hello.set_result(message)
            case "disconnect":
                pass  # noticed already
            case _:
                await self._run(message)

    async def _run(self, message: dict[str, Any]) -> None:
        self._in_flight += 1
        try:
            request = SocketModeRequest.from_dict(message)
            if request is not None:
                await self._handle(self, request)
        except (ConnectionError, aiohttp.ClientError) as error:
            SDK_LOG.warning("could not acknowledge, so Slack will send it again: %s", error)
        finally:
            self._in_flight -= 1
            self._idle.set()

    async def _on_message(self, message: aiohttp.WSMessage) -> None:
        """What Slack says last: the SDK would tell us in a task of its own, after Slack has hung up."""
        if '"disconnect"' in message.data:
            with suppress(ValueError):
                said = mapping(json.loads(message.data))
                if said.get("type") == "disconnect":
                    self._end(string(said, "reason") or "disconnect")

    async def _on_close(self, _message: aiohttp.WSMessage) -> None:
        self._end("closed")

    def _end(self, reason: str) -> None:
        self.parting = self.parting or reason
        self._ended.set()
        if not self.hello.done():
            self.hello.set_exception(ConnectionResetError(f"Slack hung up: {reason}"))
