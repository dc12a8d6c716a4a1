"""How an answer goes out: whole or streamed, as it should be or spoiled on the way."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from simulators.messages_faults import BODIES, Fault
from simulators.messages_stream import event, events

PING_EVERY = 0.25
CHUNK = 61  # bytes of one write of a stream: prime, so that writes end anywhere, also inside a character


async def refuse_or_wait(http: web.Request, fault: Fault) -> web.StreamResponse | None:
    """Play the faults that come before any answer is made; None when there is an answer to make."""
    if error := fault.error():
        raise error
    if fault.kind in BODIES:
        status, kind, body = BODIES[fault.kind]
        return web.Response(status=status, headers={"content-type": kind}, body=body)
    if fault.kind == "disconnect":
        if http.transport is not None:
            http.transport.abort()
        return web.Response()
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
    return None


async def send(
    http: web.Request,
    message: dict[str, Any],
    *,
    stream: bool,
    fault: Fault | None,
    headers: Mapping[str, str],
) -> web.StreamResponse:
    """Send a message as JSON or as a stream, spoiled by the fault if there is one."""
    if stream:
        return await _send_stream(http, list(events(message)), fault, headers)
    return await _send_json(http, message, fault, headers)


async def _send_json(
    http: web.Request, message: dict[str, Any], fault: Fault | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    kind = fault.kind if fault else ""
    if kind == "no_message_stop":
        message = {**message, "stop_reason": None}
    if kind == "sse_error" and fault:
        message = _error(fault)
    body = json.dumps(message).encode()
    if kind == "cut_json":
        body = body[: len(body) // 2]
    if kind not in ("disconnect_mid", "pings", "slow") or fault is None:
        return web.Response(body=body, content_type="application/json", headers=dict(headers))
    response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
    response.content_length = len(body)
    await response.prepare(http)
    if kind == "slow":
        await _trickle(response, body, fault.seconds)
        return response
    if kind == "pings":
        await asyncio.sleep(fault.seconds)
    else:
        await response.write(body[: len(body) // 2])
    return _hang_up(http, response)


async def _send_stream(
    http: web.Request, frames: Sequence[bytes], fault: Fault | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "content-type": "text/event-stream; charset=utf-8"})
    response.enable_chunked_encoding()
    await response.prepare(http)
    body = b"".join(frames)
    match fault.kind if fault else None:
        case "disconnect_mid":
            await _write(response, body[: len(body) // 2])
            return _hang_up(http, response)
        case "cut_json":
            body = b"".join(frames[: len(frames) // 2])
        case "no_message_stop":
            body = b"".join(frames[:-1])
        case "sse_error" if fault:
            body = b"".join([*frames[: len(frames) // 2], event("error", error=_error(fault)["error"])])
        case "pings" if fault:
            return await _only_pings(response, fault.seconds)
        case "slow" if fault:
            await _trickle(response, body, fault.seconds)
            return response
    await _write(response, body)
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, body: bytes) -> None:
    for start in range(0, len(body), CHUNK):
        await response.write(body[start : start + CHUNK])


async def _trickle(response: web.StreamResponse, body: bytes, seconds: float) -> None:
    for n in range(len(body)):
        await response.write(body[n : n + 1])
        await asyncio.sleep(seconds)


async def _only_pings(response: web.StreamResponse, seconds: float) -> web.StreamResponse:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await response.write(event("ping"))
        await asyncio.sleep(min(PING_EVERY, seconds))
    await response.write_eof()
    return response


def _hang_up(http: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close after what is written, so that the client sees half an answer and then the end."""
    if http.transport is not None:
        http.transport.close()
    return response


def _error(fault: Fault) -> dict[str, Any]:
    return {"type": "error", "error": {"type": fault.type, "message": fault.message or "Overloaded"}}
