"""Live streams of a thread as server-sent events: nothing is lost, nothing comes twice."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from fastapi.responses import StreamingResponse

from bot.canonical import canonical
from bot.events import Event
from bot.web.parts import Parts
from bot.web.readings import Raw

HEARTBEAT = 15.0  # seconds; proxies cut what is silent for longer

Entries = Sequence[Event | Raw]


async def follow(
    parts: Parts, thread_id: str, after: int, *, heartbeat: float = HEARTBEAT
) -> AsyncGenerator[Entries, None]:
    """All rows after this seq and whatever comes, until the bot stops; an empty batch is a heartbeat."""
    with parts.watch.bell(thread_id) as bell:
        while not parts.watch.closed:
            bell.silence()
            batch = await parts.readings.page(thread_id, after=after)
            if batch:
                after = batch[-1].seq
                yield batch
            elif not await bell.wait(heartbeat):
                yield ()


Show = Callable[[Entries], AsyncIterator[bytes]]


async def live(
    parts: Parts, thread_id: str, show: Show, *, after: int | None, last_event_id: str | None
) -> StreamingResponse:
    """A thread as a stream, from where it was asked for or broke off; a 404 or 503 instead if that cannot be."""
    await parts.readings.row(thread_id)
    parts.watch.check_room()
    batches = follow(parts, thread_id, resume_point(after, last_event_id))
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(batches, show), media_type="text/event-stream", headers=headers)


async def _lines(batches: AsyncGenerator[Entries, None], show: Show) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async with aclosing(batches):
        async for batch in batches:
            if not batch:
                yield b": still here\n\n"  # a comment, which clients ignore
            async for lines in show(batch):
                yield lines


def message(id_: int, data: object) -> bytes:
    """One server-sent event; canonical JSON has no line breaks."""
    return f"id: {id_}\ndata: {canonical(data)}\n\n".encode(errors="replace")


async def as_json(batch: Entries) -> AsyncIterator[bytes]:
    """Each row as the API shows it."""
    for entry in batch:
        yield message(entry.seq, entry.to_json())


def resume_point(after: int | None, last_event_id: str | None) -> int:
    """Where a stream begins: after what a client that comes back has seen, else where it asked."""
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 18:
        return int(last_event_id)
    return after or 0
