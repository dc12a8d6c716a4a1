"""The request that a model.asked announced, worked out again from the log alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from bot.canonical import digest
from bot.cli.output import note, say
from bot.cli.place import Place
from bot.cli.reading import find_thread, open_store
from bot.errors import BrokenEvent, SaywhenError
from bot.events import ModelAsked
from bot.replay import request_at
from bot.store.read import ReadOnlyStore


class NoRequest(SaywhenError):
    """The model has not been asked anything in this thread yet."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A request as the log gives it today, and the hash that was logged when it was sent."""

    thread_id: str
    seq: int
    asked: ModelAsked
    request: Mapping[str, JsonValue]

    @property
    def hash(self) -> str:
        return digest(self.request)

    @property
    def same(self) -> bool:
        return self.hash == self.asked.request

    def to_json(self) -> dict[str, Any]:
        return {
            "thread_id": self.thread_id,
            "seq": self.seq,
            "model": self.asked.model,
            "now": self.asked.now,
            "estimated_tokens": self.asked.estimated_tokens,
            "hash": self.hash,
            "logged_hash": self.asked.request,
            "same": self.same,
            "request": self.request,
        }


async def recompute(place: Place, beginning: str, at: int | None) -> Recomputed:
    """The request at this seq, or the last one; raises NoRequest or BrokenEvent."""
    async with open_store(place) as store:
        row = await find_thread(store, beginning)
        seq, asked = await _asked_at(store, row.thread_id, at)
        try:
            request = await request_at(store, row.thread_id, seq)
        except LookupError as error:
            raise BrokenEvent(
                f"an event or a text that this request shows cannot be read: {error}"
            ) from error
    return Recomputed(row.thread_id, seq, asked, request)


async def _asked_at(store: ReadOnlyStore, thread_id: str, at: int | None) -> tuple[int, ModelAsked]:
    events = await store.events(thread_id)
    asked = [(event.seq, event.data) for event in events if isinstance(event.data, ModelAsked)]
    if not asked:
        raise NoRequest
    if at is None:
        return asked[-1]
    for seq, data in asked:
        if seq == at:
            return seq, data
    seqs = ", ".join(str(seq) for seq, _ in asked[-10:])
    raise NoRequest(f"{at} is not a model.asked; the last ones of this thread are {seqs}")


def print_request(found: Recomputed) -> None:
    """The texts in the order in which the model reads them, then the rest, then whether it is the same."""
    for title, text in _sections(found.request):
        say(f"----- {title}")
        say(text)
        say()
    result = "the same as" if found.same else "NOT the same as"
    note(f"request {found.seq} to {found.asked.model}: {found.hash}, {result} in the log")


def _sections(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, block in enumerate(request["system"], 1):
        yield f"system {number}{_cached(block)}", block["text"]
    for message in request["messages"]:
        for number, block in enumerate(message["content"], 1):
            yield f"{message['role']} {number}{_cached(block)}", block["text"]
    rest = {key: value for key, value in request.items() if key not in ("system", "messages")}
    yield "settings", json.dumps(rest, indent=2, ensure_ascii=False)


def _cached(block: Mapping[str, Any]) -> str:
    return " (cached up to its end)" if "cache_control" in block else ""
