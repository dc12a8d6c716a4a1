"""What the store's tests say often: a clock, a message, a turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.events import (
    AnyInput,
    AskSettings,
    Block,
    ControlRequested,
    DeliveryReported,
    Draft,
    FeedbackReceived,
    Incoming,
    MessageReceived,
    ModelAnswered,
    ModelAsked,
    Outgoing,
    Sender,
    Step,
    TimerFired,
    TimerSet,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from bot.ports import Appended, Received, Store
from bot.store.sqlite import SqliteStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HASH = "0" * 64


class FakeClock:
    """A clock that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[SqliteStore]:
    options.setdefault("clock", FakeClock())
    store = await SqliteStore.open(path, **options)
    try:
        yield store
    finally:
        await store.close()


def text_data(text: str = "hello", place: str = "p1") -> MessageReceived:
    return MessageReceived(
        place=place,
        blocks=(Block(source="person", text=text),),
        sender=Sender(channel="slack", address="T1:U1", proof="provider"),
    )


def incoming(data: AnyInput, **envelope: Any) -> Incoming:
    if "thread_id" not in envelope:
        envelope.setdefault("conversation", "C1")
    envelope.setdefault("channel", "slack")
    envelope.setdefault("account", "T1")
    return Incoming(data, **envelope)


def message(text: str = "hello", **envelope: Any) -> Incoming:
    return incoming(text_data(text), **envelope)


def feedback(thread_id: str) -> Incoming:
    return incoming(FeedbackReceived(rating=5), thread_id=thread_id)


def stop(thread_id: str) -> Incoming:
    return incoming(ControlRequested(action="stop", by="U1"), thread_id=thread_id)


def fired(thread_id: str, timer_id: str) -> Incoming:
    data = TimerFired(timer_id=timer_id, purpose="remind", due_at=START)
    return incoming(data, thread_id=thread_id, dedupe=f"timer:{thread_id}:{timer_id}")


def report(outbox_id: str, status: str, *, part: int = 1, parts: int = 1, **more: Any) -> Incoming:
    data = DeliveryReported.model_validate(
        {"outbox_id": outbox_id, "part_number": part, "parts": parts, "status": status, **more}
    )
    return incoming(data, thread_id=outbox_id.rsplit(":", 2)[0])


def started(seq: int = 2) -> Draft:
    return Draft(TurnStarted(input=seq, version=seq), run=f"r{seq}")


def asked() -> Draft:
    settings = AskSettings(render_version=1, max_tokens=100, structured=True, timezone="UTC", block_clip=1000)
    return Draft(
        ModelAsked(
            model="m", now=START, settings=settings, prompt=HASH, tools=HASH, output_schema=HASH,
            request=HASH, estimated_tokens=1,
        )
    )  # fmt: skip


def answered(text: str = "hi") -> Draft:
    return Draft(ModelAnswered(step=Step(intent="reply", message=text, confidence=1), model="m"))


def tool_started(args: dict[str, Any]) -> Draft:
    data = ToolStarted(call_id="c4", tool="t", args=args, args_digest=HASH, effect="read", key="k")
    return Draft(data, correlation="c4")


def tool_finished(result: str = "ok", *outgoing: Outgoing) -> Draft:
    return Draft(
        ToolFinished(call_id="c4", tool="t", args_digest=HASH, status="ok", result=result, outgoing=outgoing)
    )


def timer(timer_id: str, *, minutes: float = 1, purpose: Any = "remind", text: str = "") -> Draft:
    due = START + timedelta(minutes=minutes)
    return Draft(TimerSet(timer_id=timer_id, due_at=due, purpose=purpose, text=text), run="r2")


def outgoing(text: str = "hi", destination: str = "D1") -> Outgoing:
    return Outgoing(text=text, channel="slack", account="T1", destination=destination)


def ended(*messages: Outgoing, reply: str = "hi") -> Draft:
    return Draft(TurnEnded(outcome="replied", reply=reply, outgoing=messages), run="r2")


async def answer(store: Store, first: Received, *messages: Outgoing, head: int = 0) -> Appended:
    """A whole turn for one message, in one append."""
    drafts = [started(first.seq), asked()]
    begun = await store.append(first.thread_id, head=head, seen=first.seq, decisions=drafts)
    seq = begun.events[-1].seq
    return await store.append(
        first.thread_id, head=seq, seen=seq, results=[answered()], decisions=[ended(*messages)], settled=True
    )


def gather(*jobs: Any) -> Any:
    return asyncio.gather(*jobs, return_exceptions=True)
