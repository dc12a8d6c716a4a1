"""Socket Mode: tickets, hello, envelopes and their acknowledgements, disconnect frames, pings."""

import asyncio
import json
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from simulators.slack import payloads
from simulators.slack.config import Json, SlackConfig
from simulators.slack.deliveries import Outcome, Stats
from simulators.slack.state import Delivery

MOST_CONNECTIONS = 10
SECONDS_AFTER_WARNING = 10.0
SECONDS_AFTER_DISCONNECT = 1.0


@dataclass(eq=False)
class Connection:
    ws: web.WebSocketResponse
    transport: asyncio.BaseTransport | None = None
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    leaving: bool = False


class SocketMode:
    """All open sockets of the app; each event goes to exactly one, in turn."""

    def __init__(self, config: SlackConfig, stats: Stats, *, time_scale: float) -> None:
        self._config = config
        self._stats = stats
        self._time_scale = time_scale
        self._tickets: set[str] = set()
        self._turn = 0
        self._open = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()
        self.connections: list[Connection] = []
        self.answers_pings = True
        self.refuse_with = ""
        """Say this reason instead of hello to every new socket, and close it."""

    # For the Web API

    def open_url(self, base_url: str) -> str:
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        base = base_url.replace("http", "ws", 1)
        return f"{base}/slack/link/?ticket={ticket}&app_id={self._config.app_id}"

    # For the app

    async def accept(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="this ticket is unknown or was used before")
        self._tickets.discard(ticket)
        # aiohttp's own autoping would answer pings even when a test wants them unanswered.
        ws = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 22)
        await ws.prepare(request)
        too_many = "too_many_websockets" if len(self.connections) >= MOST_CONNECTIONS else ""
        if reason := self.refuse_with or too_many:
            await ws.send_str(json.dumps(payloads.disconnect(reason, host=_host())))
            await ws.close()
            return ws
        connection = Connection(ws, request.transport)
        try:
            await self._serve(connection)
        finally:
            self._forget(connection)
        return ws

    async def _serve(self, connection: Connection) -> None:
        self.connections.append(connection)
        self._stats.connections_total += 1
        self._stats.connections_most = max(self._stats.connections_most, len(self.connections))
        hello = payloads.hello(self._config, connections=len(self.connections), host=_host())
        await connection.ws.send_str(json.dumps(hello))
        self._open.set()
        async for message in connection.ws:
            if message.type == WSMsgType.TEXT:
                self._acknowledge(connection, message.data)
            elif message.type == WSMsgType.PING:
                self._stats.pings += 1
                if self.answers_pings:
                    await connection.ws.pong(message.data)

    def _acknowledge(self, connection: Connection, data: str) -> None:
        try:
            answer = json.loads(data)
        except ValueError:
            return
        envelope_id = answer.get("envelope_id") if isinstance(answer, dict) else None
        future = connection.waiting.pop(envelope_id, None) if isinstance(envelope_id, str) else None
        if future is None:
            self._stats.late_acks += 1
        elif not future.done():
            future.set_result(answer)

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        if not self.connections:
            self._open.clear()
        for future in connection.waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the socket closed before the acknowledgement"))

    # For deliveries

    async def ready(self) -> None:
        await self._open.wait()

    async def carry(self, kind: str, delivery: Delivery, *, timeout: float) -> Outcome:
        connection = self._next()
        if connection is None:
            return Outcome("timeout", sent=False)
        envelope_id = str(uuid.uuid4())
        frame = payloads.envelope(kind, delivery.payload, envelope_id=envelope_id)
        if kind == "events_api":
            frame |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = future
        try:
            await connection.ws.send_str(json.dumps(frame))
            answer = await asyncio.wait_for(future, timeout)
        except (TimeoutError, ConnectionError):
            return Outcome("timeout")
        finally:
            connection.waiting.pop(envelope_id, None)
            future.cancel()
        return Outcome(response=answer.get("payload"))

    def _next(self) -> Connection | None:
        usable = [c for c in self.connections if not c.leaving and not c.ws.closed]
        usable = usable or [c for c in self.connections if not c.ws.closed]
        if not usable:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    # For the control API and tests

    async def disconnect(self, reason: str) -> int:
        """Announce the end to every open socket as Slack does, and close each a little later."""
        grace = SECONDS_AFTER_WARNING if reason == "warning" else SECONDS_AFTER_DISCONNECT
        told = [c for c in self.connections if not c.leaving]
        for connection in told:
            connection.leaving = True
            with suppress(ConnectionError):
                await connection.ws.send_str(json.dumps(payloads.disconnect(reason, host=_host())))
            task = asyncio.get_running_loop().create_task(
                self._close_later(connection, grace * self._time_scale)
            )
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return len(told)

    async def _close_later(self, connection: Connection, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await connection.ws.close()

    async def close(self) -> int:
        """Close every socket properly, without a word before."""
        open_now = list(self.connections)
        for connection in open_now:
            self._forget(connection)
        await asyncio.gather(*(connection.ws.close() for connection in open_now))
        return len(open_now)

    async def drop(self) -> int:
        """Cut every connection without a close frame, as a broken network does."""
        open_now = list(self.connections)
        for connection in open_now:
            self._forget(connection)
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        return len(open_now)

    async def stop(self) -> None:
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.close(), 0.5)


def _host() -> str:
    return "applink-simulator"
