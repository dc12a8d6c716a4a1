"""GET /api/threads and below: status, events as JSON or live, each request as the model saw it."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse

from bot.events import ModelAsked
from bot.ports import ThreadRow
from bot.thread import Status
from bot.web.models import MOST_SEQ, EventsOut, ThreadOut, ThreadsOut
from bot.web.parts import BEARER, Parts, SeqPath, ThreadId
from bot.web.problems import Problem, documented
from bot.web.readings import Readings
from bot.web.streams import as_json, live

After = Annotated[int | None, Query(ge=0, le=MOST_SEQ, description="Only what comes after this seq.")]
Limit = Annotated[int | None, Query(ge=1, le=1_000_000, description="At most this many, the oldest first.")]
Streamed = Annotated[bool, Query(description="A live stream; so does Accept: text/event-stream.")]
LastEventId = Annotated[str | None, Header(description="Where a stream broke off: it goes on after it.")]

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": EventsOut,
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "description": "One event each: `id` is its seq, `data` its JSON.",
                }
            }
        },
    },
    **documented(),
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/threads", tags=["threads"], dependencies=[BEARER])
    site, readings = parts.site, parts.readings

    @router.get("", summary="Threads, the one opened last first", responses=documented())
    async def get_threads(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before: Annotated[
            str | None, Query(max_length=200, description="The last thread_id of the page before.")
        ] = None,
    ) -> ThreadsOut:
        rows = await site.store.threads(limit=limit, before=before)
        return ThreadsOut(threads=[await _out(readings, row) for row in rows])

    @router.get("/{thread_id}", summary="One thread", responses=documented())
    async def get_thread(thread_id: ThreadId) -> ThreadOut:
        return await _out(readings, await readings.row(thread_id))

    @router.get("/{thread_id}/events", summary="The log of a thread, or its live stream", responses=EVENTS)
    async def get_events(
        thread_id: ThreadId,
        after: After = None,
        limit: Limit = None,
        stream: Streamed = False,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
        last_event_id: LastEventId = None,
    ) -> Response:
        """Every row with its texts in full, also rows that this program cannot read."""
        if stream or "text/event-stream" in accept:
            return await live(parts, thread_id, as_json, after=after, last_event_id=last_event_id)
        await readings.row(thread_id)
        return StreamingResponse(_events(parts, thread_id, after or 0, limit), media_type="application/json")

    @router.get(
        "/{thread_id}/requests/{seq}",
        summary="The exact request that the model.asked at this seq announced",
        responses={200: {"model": dict[str, Any]}, **documented(409)},
    )
    async def get_request(thread_id: ThreadId, seq: SeqPath) -> JSONResponse:
        await readings.row(thread_id)
        found = await site.store.events_at(thread_id, [seq])
        if not found or not isinstance(found[0].data, ModelAsked):
            raise Problem(
                404, "no request to the model stands at this seq", found=seq, allowed="a model.asked"
            )
        return JSONResponse(await site.request_at(thread_id, seq))

    return router


async def _out(readings: Readings, row: ThreadRow) -> ThreadOut:
    return thread_out(row, await readings.status(row), await readings.open_approvals(row))


def thread_out(row: ThreadRow, status: Status, approvals: int) -> ThreadOut:
    return ThreadOut(
        thread_id=row.thread_id,
        status=status,
        approvals=approvals,
        channel=row.channel,
        account=row.account,
        conversation=row.conversation,
        agent=row.agent,
        last_seq=row.last_seq,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
    )


async def _events(parts: Parts, thread_id: str, after: int, limit: int | None) -> AsyncIterator[bytes]:
    """The document in pieces: a log of any length is never in memory as a whole."""
    comma = ""
    yield b'{"events": ['
    async for page in parts.readings.pages(thread_id, after=after, limit=limit):
        rows = ", ".join(json.dumps(entry.to_json(), ensure_ascii=False) for entry in page)
        yield (comma + rows).encode(errors="replace")
        comma = ", "
    yield b"]}"
