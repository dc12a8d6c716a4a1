"""What a request carries: JSON, or a form with files and the JSON in its field `payload_json`."""

import json
import re
from typing import Any

from aiohttp import BodyPartReader, web

from simulators.discord.config import Json
from simulators.discord.errors import DiscordError
from simulators.discord.outgoing import Outgoing, Upload

FILE_FIELD = re.compile(r"files?\[(\d+)\]|file")
TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}


async def read_json(request: web.Request) -> Any:
    if not request.can_read_body:
        return {}
    return _parse(await request.text())


async def read_outgoing(request: web.Request, *, inside: str = "") -> tuple[Json, Outgoing]:
    """The whole body, and the message that is in it; for an interaction's answer that is its field `data`."""
    files: dict[int, Upload] = {}
    if request.content_type.startswith("multipart/"):
        given, files = await _read_form(request)
    else:
        given = await read_json(request)
    if not isinstance(given, dict):
        raise DiscordError(50109)
    message = given.get(inside) or {} if inside else given
    return given, Outgoing(message, _described(files, message))


async def _read_form(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    given: Any = {}
    files: dict[int, Upload] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        found = FILE_FIELD.fullmatch(part.name or "")
        if part.name == "payload_json":
            given = _parse(await part.text())
        elif found:
            name = part.filename or "file"
            content = bytes(await part.read())
            files[int(found[1] or 0)] = Upload(name, content_type(name), content)
    return given, files


def _described(files: dict[int, Upload], message: Json) -> tuple[Upload, ...]:
    """`attachments` may give an uploaded file another name and a description."""
    about = {str(each.get("id")): each for each in message.get("attachments") or []}
    return tuple(
        Upload(
            about.get(str(number), {}).get("filename") or file.name,
            file.content_type,
            file.content,
            about.get(str(number), {}).get("description"),
        )
        for number, file in sorted(files.items())
    )


def content_type(name: str) -> str:
    """Discord goes by the name of a file."""
    return TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def _parse(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise DiscordError(50109) from None
