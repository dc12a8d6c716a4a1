"""The web server: a port of our own, and an application that can be put in once the bot is ready."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from bot.errors import EXIT_CONFIG, StartError

Scope = dict[str, Any]


class Front:
    """An ASGI application that says it is alive, and hands everything else to `app` once there is one."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if self.app is not None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._while_starting(scope, send)

    async def _while_starting(self, scope: Scope, send: Any) -> None:
        alive = scope["path"] == "/healthz"
        body = f'{{"status":"starting","pid":{os.getpid()}}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"1")]
        await send({"type": "http.response.start", "status": 200 if alive else 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    """Leaves the signals to us: stopping is more than closing a port."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves `front` on one socket."""

    def __init__(self, listening: socket.socket) -> None:
        self.front = Front()
        self.port: int = listening.getsockname()[1]
        self._socket = listening
        config = uvicorn.Config(
            self.front, log_config=None, access_log=False, lifespan="off", server_header=False,
            timeout_graceful_shutdown=2, proxy_headers=False,
        )  # fmt: skip
        self._server = _Server(config)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Accept nothing more; answers under way get two seconds."""
        self._server.should_exit = True

    @property
    def started(self) -> bool:
        return self._server.started


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; StartError if the port is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise StartError(
            f"{host}:{port} cannot be used: {error.strerror}. Free that port, or choose another one: PORT=8001",
            code=EXIT_CONFIG,
        ) from error
    listening.setblocking(False)
    return listening


async def listen_soon(host: str, port: int, seconds: float) -> socket.socket:
    """A listening socket, waiting that long for an old process to let go of the port."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return listen(host, port)
        except StartError:
            if asyncio.get_running_loop().time() >= end:
                raise
        await asyncio.sleep(0.2)
