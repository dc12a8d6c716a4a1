"""One WebSocket of the gateway: frames go out in order, plain or compressed, until it closes, breaks or goes deaf."""

import asyncio
import zlib
from collections import deque
from dataclasses import dataclass

from aiohttp import web

from simulators.discord.config import Limit
from simulators.discord.sessions import Session


@dataclass(frozen=True)
class Close:
    code: int
    reason: str


class Connection:
    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.BaseTransport | None, *, compress: bool
    ) -> None:
        self.ws = ws
        self.session: Session | None = None
        self.deaf = self.cut = self.over_limit = False
        self._transport = transport
        self._compressor = zlib.compressobj() if compress else None
        self._outgoing: asyncio.Queue[str | Close] = asyncio.Queue()
        self._received: deque[float] = deque()
        self._writer = asyncio.get_running_loop().create_task(self._write())
        self._deaf_ends = asyncio.Event()

    def send(self, frame: str) -> None:
        """Put a frame in line. A deaf connection forgets it; a resumed session gets it again."""
        self._outgoing.put_nowait(frame)

    def close(self, code: int, reason: str = "") -> None:
        self._outgoing.put_nowait(Close(code, reason))

    async def _write(self) -> None:
        while True:
            item = await self._outgoing.get()
            try:
                if isinstance(item, Close):
                    await self.ws.close(code=item.code, message=item.reason.encode())
                elif not self.deaf:
                    await self._send(item)
            except (ConnectionError, RuntimeError):
                pass  # The other side is gone; the reader of this connection sees it too.
            finally:
                self._outgoing.task_done()

    async def _send(self, frame: str) -> None:
        if self._compressor is None:
            await self.ws.send_str(frame)
            return
        data = self._compressor.compress(frame.encode()) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        await self.ws.send_bytes(data)

    def count(self, time: float, limit: Limit, *, scale: float) -> None:
        """Note that a frame came in; too many in a minute end the connection."""
        self._received.append(time)
        while self._received[0] <= time - limit.seconds * scale:
            self._received.popleft()
        self.over_limit = len(self._received) > limit.requests

    def go_deaf(self) -> None:
        self.deaf = True

    def cut_off(self) -> None:
        """Break the connection without a close frame."""
        self.cut = True
        self._deaf_ends.set()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    async def handed_over(self) -> None:
        """Wait until what is in line has been sent."""
        await self._outgoing.join()

    async def finished(self) -> None:
        """The reading is over: close properly, unless we are deaf and heard nothing of it."""
        if not self.deaf:
            await self.handed_over()
            if not self.ws.closed and not self.cut:
                await self.ws.close()
            return
        while not self._deaf_ends.is_set() and self._transport and not self._transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def end(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
