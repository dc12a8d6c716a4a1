"""POST /api/messages: a message goes in, and whoever waits gets the answer of the turn that read it."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bot.errors import BrokenEvent, UnknownEvent
from bot.events import Block, Incoming, MessageReceived
from bot.ports import Received
from bot.thread import Status
from bot.web.answers import TURNING_POINTS, Answer, Progress
from bot.web.callers import Caller
from bot.web.models import MessageIn, MessageOut
from bot.web.parts import BEARER, ByCaller, IdempotencyKey, Parts
from bot.web.problems import Problem, documented
from bot.web.waiting import Waiting, open_approval
from bot.web.watch import leaving

LOOK_AGAIN = 5.0  # seconds; the bell rings much earlier, but a second process may write one day
STUCK: tuple[Status, ...] = ("parked", "paused", "with_person")
COMPARED = 10_000  # characters; what is stored of a very long text is clipped
STUCK_WAIT = 1.0  # seconds; nothing will happen until a person does something

Wait = Annotated[
    float,
    Query(ge=0, le=120, allow_inf_nan=False, description="Seconds to wait for the answer."),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a message now."""

    status: Status
    answer: Answer


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["messages"], dependencies=[BEARER])
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/api/messages",
        summary="Send a message to the agent",
        response_model=MessageOut,
        responses={202: {"model": MessageOut, "description": "Taken; not answered yet"}, **documented(409)},
    )
    async def post_message(
        message: MessageIn,
        request: Request,
        response: Response,
        caller: ByCaller,
        wait: Wait = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> MessageOut:
        """200 with the reply, or 202 while there is none: send it again with the same `id`, or read on."""
        place = place_of(message, caller, message.id or idempotency_key or parts.site.new_id())
        incoming = incoming_of(message, caller, place)
        if message.after is None:
            received = await parts.site.receive(incoming)
        else:
            async with one_at_a_time:
                await check_unmoved(parts, incoming, message.after)
                received = await parts.site.receive(incoming)
        if not received.thread_id:
            raise Problem(403, "strangers may not write here", found=caller.address)
        if received.duplicate:
            await _check_same(parts, received, message)
        outcome = await _wait_for_answer(parts, received, wait, request)
        response.status_code = 200 if outcome.answer.done else 202
        return await _out(parts, received, outcome)

    return router


def place_of(message: MessageIn, caller: Caller, id_: str) -> str:
    """The message's place; two conversations can never share one, whatever they are called."""
    conversation = message.conversation.replace("%", "%25").replace(":", "%3A")
    return f"api:{caller.credential}:{conversation}:{id_}"


def incoming_of(message: MessageIn, caller: Caller, place: str) -> Incoming:
    sender = caller.sender(message.sender)
    data = MessageReceived(
        place=place,
        blocks=(Block(source="person", text=message.text),),
        sender=sender,
        display=message.sender or "",
    )
    return Incoming(
        data,
        channel="api",
        account=caller.credential,
        conversation=message.conversation,
        dedupe=place,
        actor=f"api:{sender.address}",
    )


async def check_unmoved(parts: Parts, incoming: Incoming, after: int) -> None:
    """Refuse a message whose writer has not seen all; one that was taken before may come again."""
    site = parts.site
    thread_id = await site.find_thread(incoming.channel, incoming.account, incoming.conversation)
    row = await site.store.thread(thread_id) if thread_id else None
    last = row.last_seq if row else 0
    if last <= after or row is None:
        return
    async for page in parts.readings.pages(row.thread_id, after=after):
        if any(entry.to_json().get("dedupe") == incoming.dedupe for entry in page):
            return
    raise Problem(
        409, "the thread has moved on", found=f"last seq {last}", allowed=f"after: {last}", seq=last
    )


async def _check_same(parts: Parts, received: Received, message: MessageIn) -> None:
    """The same id again means the same message again; anything else would be lost without a word."""
    found = await parts.site.store.events_at(received.thread_id, [received.seq])
    before = next((event.data for event in found if isinstance(event.data, MessageReceived)), None)
    if before is not None and before.blocks[0].text[:COMPARED] != message.text[:COMPARED]:
        raise Problem(
            409,
            "this id was used for another text, and this text was not taken",
            found=message.id,
            allowed="a new id for a new text",
        )


async def _wait_for_answer(parts: Parts, received: Received, seconds: float, request: Request) -> Outcome:
    progress = Progress(received.seq)
    outcome = await _look(parts, received.thread_id, progress)
    if outcome.answer.done or not seconds or parts.watch.full:
        return outcome
    loop = asyncio.get_running_loop()
    began = loop.time()
    with parts.watch.bell(received.thread_id, TURNING_POINTS) as bell:
        async with leaving(request, bell):
            while True:
                bell.silence()
                outcome = await _look(parts, received.thread_id, progress)
                patience = min(seconds, STUCK_WAIT) if outcome.status in STUCK else seconds
                left = began + patience - loop.time()
                if outcome.answer.done or left <= 0 or bell.gone or parts.watch.closed:
                    return outcome
                await bell.wait(min(left, LOOK_AGAIN))


async def _look(parts: Parts, thread_id: str, progress: Progress) -> Outcome:
    try:
        thread = await parts.readings.thread(await parts.readings.row(thread_id))
    except (BrokenEvent, UnknownEvent):
        return Outcome("parked", Answer())  # the message is stored; a person will see to the rest
    while progress.cursor < thread.seq:
        for event in await parts.site.store.events(thread_id, after=progress.cursor, limit=256):
            if event.seq <= thread.seq:
                progress.see(event)
    return Outcome(thread.status, progress.answer(thread))


async def _out(parts: Parts, received: Received, outcome: Outcome) -> MessageOut:
    waiting = Waiting(parts.site.store)
    asked = await waiting.requests("approval", ended=0, thread_id=received.thread_id)
    return MessageOut(
        thread_id=received.thread_id,
        seq=received.seq,
        status=outcome.status,
        reply=outcome.answer.reply,
        next_action=outcome.answer.next_action,
        approvals=[open_approval(each) for each in asked],
    )
