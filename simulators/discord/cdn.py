"""Files that were sent: kept by id, served under signed addresses that stop working after a day."""

import hmac
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from aiohttp import hdrs, web

from simulators.discord.config import PREFIX, Json
from simulators.discord.faults import Fault, Faults
from simulators.discord.outgoing import Upload
from simulators.discord.state import DiscordState, File

KEEP_FETCHED = 1_000
ADDRESS_SECONDS = 86_400
KEY = b"demo-cdn-key"


@dataclass(frozen=True)
class Fetched:
    """One request for a file, for those who count; nobody should send a token here."""

    name: str
    status: int
    authorization: str


class Cdn:
    def __init__(self, state: DiscordState, *, now: Callable[[], datetime], faults: Faults) -> None:
        self._state = state
        self._faults = faults
        self._now = now
        self.base_url = ""
        self.fetched: deque[Fetched] = deque(maxlen=KEEP_FETCHED)

    def keep(self, upload: Upload, *, id_: int, channel: int) -> Json:
        """Keep a file; returns what a message remembers of it."""
        self._state.put_file(File(id_, channel, upload.name, upload.content_type, upload.content))
        about: Json = {
            "id": str(id_),
            "filename": upload.name,
            "size": len(upload.content),
            "content_type": upload.content_type,
        }
        size = _png_size(upload.content)
        more: Json = {"width": size[0], "height": size[1]} if size else {}
        return about | more | ({"description": upload.description} if upload.description else {})

    def shown(self, about: Json, channel: int) -> Json:
        path = f"{PREFIX}/cdn/attachments/{channel}/{about['id']}/{quote(about['filename'])}"
        expires = format(int(self._now().timestamp()) + ADDRESS_SECONDS, "x")
        url = f"{self.base_url}{path}?ex={expires}&hm={_seal(about['id'], expires)}&"
        return {**about, "url": url, "proxy_url": url}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(PREFIX + r"/cdn/attachments/{channel:\d+}/{id:\d+}/{name}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        fault = self._faults.take("file")
        response = self._file(request) if fault is None else await self._fail(request, fault)
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        self.fetched.append(Fetched(request.match_info["name"], response.status, authorization))
        return response

    async def _fail(self, request: web.Request, fault: Fault) -> web.Response:
        """Only a status, or a connection that is cut, at once or after it hung."""
        if fault.kind.isdecimal():
            return web.Response(status=int(fault.kind))
        if fault.kind.startswith("hang"):
            await self._faults.hang()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _file(self, request: web.Request) -> web.Response:
        expires, id_ = request.query.get("ex", ""), request.match_info["id"]
        genuine = hmac.compare_digest(request.query.get("hm", ""), _seal(id_, expires))
        file = self._state.file(int(id_)) if genuine else None
        if file is None or int(expires, 16) < self._now().timestamp():
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=file.content, headers={hdrs.CONTENT_TYPE: file.content_type})


def _seal(id_: str, expires: str) -> str:
    return hmac.new(KEY, f"{id_} {expires}".encode(), "sha256").hexdigest()


def _png_size(content: bytes) -> tuple[int, int] | None:
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) < 24:
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
