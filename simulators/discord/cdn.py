"""Files that were sent: kept by id, served under signed addresses that stop working after a day."""

import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from aiohttp import web

from simulators.discord.config import PREFIX, Json
from simulators.discord.outgoing import Upload
from simulators.discord.state import DiscordState, File

ADDRESS_SECONDS = 86_400
KEY = b"demo-cdn-key"


class Cdn:
    def __init__(self, state: DiscordState, *, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self.base_url = ""

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
        expires, id_ = request.query.get("ex", ""), request.match_info["id"]
        genuine = hmac.compare_digest(request.query.get("hm", ""), _seal(id_, expires))
        if not genuine or int(expires, 16) < self._now().timestamp():
            return web.Response(status=404, text="This content is no longer available.")
        file = self._state.file(int(id_))
        if file is None:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=file.content, headers={"Content-Type": file.content_type})


def _seal(id_: str, expires: str) -> str:
    return hmac.new(KEY, f"{id_} {expires}".encode(), "sha256").hexdigest()


def _png_size(content: bytes) -> tuple[int, int] | None:
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) < 24:
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
