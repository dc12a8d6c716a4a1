"""The gateway: sessions over WebSockets, their events in order, and everything that may happen to a connection."""

import asyncio
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from enum import IntEnum
from typing import Any

from aiohttp import WSMsgType, web

from simulators.discord import intents
from simulators.discord.config import GATEWAY, MESSAGE_CONTENT, RESUME_GATEWAY, DiscordConfig, Json
from simulators.discord.connection import Connection
from simulators.discord.greeting import Greeting
from simulators.discord.guild import Guild
from simulators.discord.sessions import Session, Sessions
from simulators.discord.state import DiscordState

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED = 4001, 4002, 4003, 4004
ALREADY_AUTHENTICATED, INVALID_SEQ, RATE_LIMITED, INVALID_INTENTS = 4005, 4007, 4008, 4013
DISALLOWED_INTENTS = 4014
ENDS_SESSION = frozenset({1000, 1001, 4004, 4010, 4011, 4012, 4013, 4014})
LARGEST_PAYLOAD = 4_096


class Op(IntEnum):
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


def frame(op: Op, data: object = None) -> str:
    """A frame that is no event."""
    return json.dumps({"t": None, "s": None, "op": op, "d": data})


class Closed(Exception):
    """We close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Gateway:
    def __init__(
        self,
        config: DiscordConfig,
        state: DiscordState,
        *,
        now: Callable[[], datetime],
        time_scale: float,
    ) -> None:
        self._config = config
        self._state = state
        self._now = now
        self._scale = time_scale
        self.sessions = Sessions(state)
        self.connections: list[Connection] = []
        self.base_url = ""
        self.fail_resumes = 0
        self.identifies_total = self.resumes_total = self.connections_total = self.heartbeats = 0

    def serve(self, guild: Guild) -> None:
        """The server and its gateway need each other; this is said before anything else."""
        self.guild = guild
        self._greeting = Greeting(guild)

    def start(self, base_url: str) -> None:
        self.base_url = base_url
        self.sessions.lose_all(self._time())

    async def stop(self) -> None:
        """The process ends: connections break, sessions can be resumed at the next one."""
        await self.drop()

    def add_routes(self, app: web.Application) -> None:
        for path in (GATEWAY, f"{GATEWAY}/", RESUME_GATEWAY, f"{RESUME_GATEWAY}/"):
            app.router.add_get(path, self.accept)

    @property
    def url(self) -> str:
        return self.base_url.replace("http", "ws", 1) + GATEWAY

    @property
    def _resume_url(self) -> str:
        return self.base_url.replace("http", "ws", 1) + RESUME_GATEWAY

    @property
    def ready(self) -> bool:
        """Is there a connection with a session that gets events?"""
        return any(c.session is not None and not c.deaf for c in self.connections)

    # Events

    def emit(self, event: str, data: Json) -> None:
        """Give an event to every session that asked for its kind; those without connection find it later."""
        self._end_old_sessions()
        for session in self.sessions.all():
            if intents.wants(event, data, session.intents):
                self._dispatch(session, event, self._readable(event, data, session))

    def _readable(self, event: str, data: Json, session: Session) -> Json:
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or "guild_id" not in data:
            return data
        granted = MESSAGE_CONTENT in self.guild.granted() and session.intents & intents.CONTENT
        return data if granted or intents.readable(data, self._config.bot_id) else intents.hidden(data)

    def _dispatch(self, session: Session, event: str, data: Json) -> Session:
        session, numbered = self.sessions.add_event(session, event, data)
        if connection := self._connection_of(session.id):
            connection.session = session
            connection.send(numbered)
        return session

    def _connection_of(self, session_id: str) -> Connection | None:
        return next((c for c in self.connections if c.session and c.session.id == session_id), None)

    def _end_old_sessions(self) -> None:
        self.sessions.end_lost_before(self._time() - self._config.session_seconds * self._scale)

    # Connections

    async def accept(self, request: web.Request) -> web.StreamResponse:
        if self.in_outage:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=1 << 22)
        await ws.prepare(request)
        compress = request.query.get("compress") == "zlib-stream"
        connection = Connection(ws, request.transport, compress=compress)
        self.connections.append(connection)
        self.connections_total += 1
        self._state.version += 1
        try:
            await self._serve(connection)
        finally:
            await self._forget(connection)
        return ws

    async def _serve(self, connection: Connection) -> None:
        interval = max(1, int(self._config.heartbeat_seconds * self._scale * 1_000))
        connection.send(frame(Op.HELLO, {"heartbeat_interval": interval}))
        try:
            async for message in connection.ws:
                await self._take(connection, message.type, message.data)
        except Closed as closed:
            connection.close(closed.code, str(closed))
        await connection.finished()

    async def _take(self, connection: Connection, kind: WSMsgType, data: Any) -> None:
        if connection.deaf:
            return
        if kind == WSMsgType.PING:
            await connection.ws.pong(data)
        elif kind == WSMsgType.TEXT:
            self._read(connection, data)

    def _read(self, connection: Connection, text: str) -> None:
        connection.count(self._time(), self._config.limits.gateway, scale=self._scale)
        if connection.over_limit:
            raise Closed(RATE_LIMITED, "You are being rate limited.")
        try:
            given = json.loads(text)
            op, data = given["op"], given.get("d")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Closed(DECODE_ERROR, "Error while decoding payload.") from None
        if len(text.encode()) > LARGEST_PAYLOAD:
            raise Closed(DECODE_ERROR, "Error while decoding payload.")
        self._obey(connection, op, data)

    def _obey(self, connection: Connection, op: int, data: Any) -> None:
        match op:
            case Op.HEARTBEAT:
                self.heartbeats += 1
                connection.send(frame(Op.HEARTBEAT_ACK))
            case Op.IDENTIFY:
                self._identify(connection, data)
            case Op.RESUME:
                self._resume(connection, data)
            case Op.PRESENCE | Op.VOICE_STATE | Op.REQUEST_MEMBERS if connection.session is None:
                raise Closed(NOT_AUTHENTICATED, "Not authenticated.")
            case Op.REQUEST_MEMBERS:
                self._tell_members(connection, data)
            case Op.PRESENCE | Op.VOICE_STATE:
                pass
            case _:
                raise Closed(UNKNOWN_OPCODE, "Unknown opcode.")

    async def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        self._state.version += 1
        session = connection.session
        if session is not None:
            if connection.ws.close_code in ENDS_SESSION and not connection.cut:
                self.sessions.end(session.id)
            elif current := self.sessions.get(session.id):
                self.sessions.put(replace(current, lost_at=self._time()))
        await connection.end()

    # What the app asks for

    def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            raise Closed(ALREADY_AUTHENTICATED, "Already authenticated.")
        self._spend_identify()
        self._authenticate(data)
        wanted = data.get("intents")
        if not isinstance(wanted, int) or wanted & ~intents.ALL_BITS:
            raise Closed(INVALID_INTENTS, "Invalid intent(s).")
        if intents.not_granted(wanted, self.guild.granted()):
            raise Closed(DISALLOWED_INTENTS, "Disallowed intent(s).")
        session = self.sessions.put(Session(secrets.token_hex(16), wanted))
        connection.session = session
        session = self._dispatch(
            session, "READY", self._greeting.ready(session, url=self._resume_url, shard=data.get("shard"))
        )
        if wanted & intents.GUILDS:
            self._dispatch(session, "GUILD_CREATE", self._greeting.guild(session))

    def _spend_identify(self) -> None:
        """Past the daily budget Discord ends all sessions and gives the bot another token."""
        limit = self._config.limits.identify
        since = self._time() - limit.seconds * self._scale
        self.identifies_total += 1
        if self.sessions.identifies_since(since) >= limit.requests:
            self._state.set("token_reset", True)
            for session in self.sessions.all():
                self.sessions.end(session.id)
            for connection in self.connections:
                connection.close(AUTHENTICATION_FAILED, "Authentication failed.")
            raise Closed(AUTHENTICATION_FAILED, "Authentication failed.")
        self.sessions.add_identify(self._time())

    @property
    def identifies_left(self) -> int:
        limit = self._config.limits.identify
        since = self._time() - limit.seconds * self._scale
        return max(0, limit.requests - self.sessions.identifies_since(since))

    def is_token(self, token: object) -> bool:
        return token == self._config.bot_token and not self._state.get("token_reset", False)

    def _authenticate(self, data: Any) -> None:
        token = data.get("token") if isinstance(data, dict) else None
        if not self.is_token(str(token).removeprefix("Bot ")):
            raise Closed(AUTHENTICATION_FAILED, "Authentication failed.")

    def _resume(self, connection: Connection, data: Json) -> None:
        self.resumes_total += 1
        self._authenticate(data)
        self._end_old_sessions()
        session = self.sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if self.fail_resumes and session:
            self.fail_resumes -= 1
            self.sessions.end(session.id)
            session = None
        if session is None:
            connection.send(frame(Op.INVALID_SESSION, False))
            return
        if not isinstance(seq, int) or seq > session.seq:
            raise Closed(INVALID_SEQ, "Invalid seq.")
        missed = self.sessions.events_after(session, seq)
        if len(missed) < session.seq - seq:
            self.sessions.end(session.id)
            connection.send(frame(Op.INVALID_SESSION, False))
            return
        if other := self._connection_of(session.id):
            other.session = None
            other.cut_off()
        connection.session = self.sessions.put(replace(session, lost_at=None))
        for event in missed:
            connection.send(event)
        self._dispatch(connection.session, "RESUMED", {"_trace": []})

    def _tell_members(self, connection: Connection, data: Json) -> None:
        assert connection.session is not None
        self._dispatch(connection.session, "GUILD_MEMBERS_CHUNK", self._greeting.members(data))

    # For the control API and tests: each returns how many connections it touched

    @property
    def in_outage(self) -> bool:
        until = self._state.get("outage_until", 0.0)
        return isinstance(until, int | float) and self._time() < until

    async def outage(self, seconds: float) -> int:
        """Nobody can connect for a while; longer than sessions live, and what is said meanwhile is missed."""
        self._state.set("outage_until", self._time() + seconds * self._scale)
        return await self.drop()

    def end_outage(self) -> None:
        self._state.set("outage_until", 0.0)

    async def drop(self) -> int:
        """Cut every connection without a close frame, as a broken network does."""
        return await self._each(lambda connection: connection.cut_off())

    async def deaf(self) -> int:
        """Half-open: the connections stay, and nothing comes or is heard on them any more."""
        return await self._each(lambda connection: connection.go_deaf())

    async def close(self, code: int, reason: str = "") -> int:
        return await self._each(lambda connection: connection.close(code, reason))

    async def reconnect(self) -> int:
        return await self._each(lambda connection: connection.send(frame(Op.RECONNECT)))

    async def invalidate(self, *, resumable: bool) -> int:
        if not resumable:
            for session in self.sessions.all():
                self.sessions.end(session.id)
        return await self._each(lambda connection: connection.send(frame(Op.INVALID_SESSION, resumable)))

    def reset_token(self, *, valid: bool) -> None:
        """Give the bot its token back, with a fresh day's budget, or take it away."""
        self._state.set("token_reset", not valid)
        if valid:
            self.sessions.forget_identifies()

    async def _each(self, act: Callable[[Connection], None]) -> int:
        touched = list(self.connections)
        for connection in touched:
            act(connection)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.gather(*(connection.handed_over() for connection in touched))
        return len(touched)

    def _time(self) -> float:
        return self._now().timestamp()
