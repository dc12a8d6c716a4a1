"""POST /api/threads/ID/{pause,resume,cancel,feedback}: people steer a thread and say how good it was."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body

from bot.errors import BrokenEvent, UnknownEvent
from bot.events import ControlAction, ControlRequested, FeedbackReceived, Incoming
from bot.ports import Received
from bot.thread import Status, Thread
from bot.web.answers import TURNING_POINTS
from bot.web.callers import Caller
from bot.web.models import ControlIn, ControlOut, FeedbackIn, Rating, Stored
from bot.web.parts import BEARER, ByCaller, Parts, ThreadId
from bot.web.problems import Problem, documented

OBEYED_WITHIN = 5.0  # seconds
LOOK_AGAIN = 1.0

Because = Annotated[ControlIn | None, Body()]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/threads/{thread_id}", tags=["threads"], dependencies=[BEARER])

    @router.post("/pause", summary="Let the agent wait until resume", responses=documented())
    async def pause(thread_id: ThreadId, caller: ByCaller, body: Because = None) -> ControlOut:
        return await _control(parts, thread_id, "pause", caller, body)

    @router.post(
        "/resume", summary="Go on after a pause, a person or a parked thread", responses=documented()
    )
    async def resume(thread_id: ThreadId, caller: ByCaller, body: Because = None) -> ControlOut:
        return await _control(parts, thread_id, "resume", caller, body)

    @router.post("/cancel", summary="End everything begun so far; reminders stay", responses=documented())
    async def cancel(thread_id: ThreadId, caller: ByCaller, body: Because = None) -> ControlOut:
        return await _control(parts, thread_id, "stop", caller, body)

    @router.post("/feedback", summary="Say how good an answer was", responses=documented())
    async def feedback(thread_id: ThreadId, body: FeedbackIn, caller: ByCaller) -> Stored:
        row = await parts.readings.row(thread_id)
        if body.about is not None and body.about > row.last_seq:
            raise Problem(
                422, "about: there is no such seq yet", found=body.about, allowed=f"le {row.last_seq}"
            )
        data = FeedbackReceived(rating=stars(body.rating), comment=body.comment, about=body.about)
        received = await parts.site.receive(_incoming(data, thread_id, caller))
        return Stored(thread_id=thread_id, seq=received.seq)

    return router


def stars(rating: Rating) -> float:
    """Thumbs are the ends of the scale."""
    match rating:
        case "up":
            return 5
        case "down":
            return 1
        case _:
            return rating


def obeyed(thread: Thread, action: ControlAction) -> bool:
    """Has the control taken effect? A stop has when what was under way is recorded and the turn is over."""
    if action != "stop":
        return True
    stopping = thread.turn is not None and bool(thread.turn.stopped)
    return not stopping and not any(unread.kind == "stop" for unread in thread.unread)


def _incoming(data: ControlRequested | FeedbackReceived, thread_id: str, caller: Caller) -> Incoming:
    return Incoming(data, channel="api", thread_id=thread_id, actor=caller.by)


async def _control(
    parts: Parts, thread_id: str, action: ControlAction, caller: Caller, body: ControlIn | None
) -> ControlOut:
    await parts.readings.row(thread_id)
    data = ControlRequested(action=action, by=caller.by, because=body.because if body else "")
    received = await parts.site.receive(_incoming(data, thread_id, caller))
    status = await _status_once_obeyed(parts, received, action)
    return ControlOut(thread_id=thread_id, seq=received.seq, status=status)


async def _status_once_obeyed(parts: Parts, received: Received, action: ControlAction) -> Status:
    loop = asyncio.get_running_loop()
    until = loop.time() + OBEYED_WITHIN
    if parts.watch.full:
        return await parts.readings.status(await parts.readings.row(received.thread_id))
    with parts.watch.bell(received.thread_id, TURNING_POINTS) as bell:
        while True:
            bell.silence()
            row = await parts.readings.row(received.thread_id)
            try:
                thread = await parts.readings.thread(row)
            except (BrokenEvent, UnknownEvent):
                return "parked"
            left = until - loop.time()
            if left <= 0 or obeyed(thread, action) or parts.watch.closed:
                return thread.status
            await bell.wait(min(left, LOOK_AGAIN))
