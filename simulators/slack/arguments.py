"""The arguments of a Web API call, whichever of Slack's three forms they came in."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulators.slack.config import Json
from simulators.slack.limits import ApiError


@dataclass(frozen=True)
class Call:
    method: str
    values: Json
    token: str
    token_in_header: bool
    base_url: str

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def required(self, *names: str) -> tuple[str, ...]:
        missing = [name for name in names if not self.text(name)]
        if missing:
            raise ApiError("invalid_arguments", *(f"missing required field: {name}" for name in missing))
        return tuple(self.text(name) for name in names)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def optional_flag(self, name: str) -> bool | None:
        return None if self.values.get(name) is None else self.flag(name)

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.values.get(name) or default)
        except (TypeError, ValueError):
            raise ApiError("invalid_arguments", f"{name} must be a number") from None

    def json(self, name: str, *, error: str) -> Any:
        """A structure: as it is in a JSON body, as a string of JSON in a form."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(error) from None

    def blocks(self) -> list[Json] | None:
        blocks = self.json("blocks", error="invalid_blocks_format")
        if blocks is None:
            return None
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise ApiError("invalid_blocks_format")
        return blocks


async def read_call(request: web.Request) -> Call:
    values: Json = dict(request.query)
    if request.method == "POST" and request.can_read_body:
        values |= await _read_body(request)
    header = request.headers.get("Authorization", "")
    bearer = header[len("Bearer ") :].strip() if header.startswith("Bearer ") else ""
    return Call(
        method=request.match_info["method"],
        values=values,
        token=bearer or str(values.get("token") or ""),
        token_in_header=bool(bearer),
        base_url=f"{request.scheme}://{request.host}",
    )


async def _read_body(request: web.Request) -> Json:
    match request.content_type:
        case "application/json":
            return _read_json(await request.read())
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        case _:
            raise ApiError("invalid_post_type")


def _read_json(body: bytes) -> Json:
    if not body.strip():
        return {}
    try:
        values = json.loads(body)
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(values, dict):
        raise ApiError("json_not_object")
    return values
