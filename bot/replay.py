"""Makes a request again that was sent before, from the log alone: another process gets the same bytes."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from pydantic import JsonValue

from bot import context
from bot.context import AgentTexts, Ask
from bot.events import Event, ModelAsked
from bot.fold import fold_all
from bot.thread import Thread


class Log(Protocol):
    """What of a store is needed here."""

    async def events(
        self, thread_id: str, *, after: int = 0, limit: int | None = None
    ) -> tuple[Event, ...]: ...

    async def texts(self, hashes: Iterable[str]) -> Mapping[str, str]: ...


async def request_at(log: Log, thread_id: str, seq: int) -> dict[str, JsonValue]:
    """The request that the model.asked at this seq announced; LookupError if the log does not hold all of it."""
    before = await log.events(thread_id, limit=seq)
    events = {event.seq: event for event in before}
    asked = events[seq].data
    if not isinstance(asked, ModelAsked):
        raise LookupError(f"thread {thread_id}: seq {seq} is {events[seq].type}, not model.asked")
    thread = fold_all(Thread(thread_id), (event for event in before if event.seq < seq))
    texts = await log.texts([asked.prompt, asked.tools, asked.output_schema])
    agent = AgentTexts(texts[asked.prompt], texts[asked.tools], texts[asked.output_schema])
    return context.request(thread, events, agent, Ask(asked.model, asked.now, asked.settings))
