"""What a long conversation costs: its turns, its prompts, its disk."""

import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import JsonValue

from bench.core import Core, running
from bot.events import ModelAnswered, Step, Usage

Found = dict[str, float]
MEASURED = 40  # turns
SHORT_THREAD = 10  # turns of 10 events


async def turns(folder: Path, long_turns: int) -> Found:
    """CPU of a turn in a short thread and in a long one, after a restart, in turns."""
    path = folder / "long.db"
    numbers = itertools.count()
    async with running(path) as core:
        await _hurry(core)
        for _ in range(long_turns):
            await core.ask("long", next(numbers))
        for number in range(MEASURED):
            for _ in range(SHORT_THREAD):
                await core.ask(f"short{number}", next(numbers))
        events = core.events
    async with running(path) as core:
        await _hurry(core)
        await core.ask("warm", next(numbers))
        first = await _cpu(core, "long", next(numbers))
        first_short = await _cpu(core, "short0", next(numbers))
        long, short = [], []
        for number in range(1, MEASURED):
            await core.ask(f"short{number}", next(numbers))  # take it in; the next one counts
            short.append(await _cpu(core, f"short{number}", next(numbers)))
            long.append(await _cpu(core, "long", next(numbers)))
    return {
        "events": long_turns * 10.0, "all_events": float(events), "long": median(long), "short": median(short),
        "first_long": first, "first_short": first_short,
    }  # fmt: skip


async def _cpu(core: Core, conversation: str, number: int) -> float:
    await core.settled()
    before = time.process_time()
    await core.ask(conversation, number)
    await core.settled()
    return time.process_time() - before


async def _hurry(core: Core) -> None:
    """Making a history need not survive a power cut."""
    await core.store.between_batches(lambda connection: connection.execute("PRAGMA synchronous = OFF"))


# ---------------------------------------------------------------- prompts and disk


@dataclass(slots=True)
class Chatting:
    """A model that only talks, and remembers the requests of some turns."""

    name: str = "scripted"
    last: Mapping[str, object] | None = None

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        self.last = body
        text = "Yes, that is right: it leaves on Tuesday, and it arrives on Thursday before noon."
        return ModelAnswered(
            step=Step(intent="reply", message=text, confidence=0.9),
            model=self.name,
            usage=Usage(input=10, output=5),
        )


async def talk(folder: Path) -> Found:
    """600 short turns of one conversation: input tokens, what stays the same, and bytes on disk."""
    path = folder / "talk.db"
    model = Chatting()
    tokens: dict[int, int] = {}
    shares: list[float] = []
    sizes: dict[int, int] = {}
    async with running(path, model=model) as core:
        await _hurry(core)
        for turn in range(1, 601):
            before = _blocks(model.last)
            await core.ask("talk", turn)
            now = _blocks(model.last)
            tokens[turn] = len(json.dumps(model.last, ensure_ascii=False).encode()) // 4
            if before and turn > 400:
                shares.append(_share(before, now))
            if turn in (450, 550):
                sizes[turn] = await _size(core, path)
    return {
        "tokens_50": float(median(tokens[n] for n in range(45, 56))),
        "tokens_500": float(median(tokens[n] for n in range(490, 511))),
        "tokens_most": float(max(tokens.values())),
        "share": median(shares),
        "bytes": (sizes[550] - sizes[450]) / 100,
    }


def _blocks(body: Mapping[str, object] | None) -> list[str]:
    """The texts of a request up to the part that is new each time (the time, open things)."""
    if body is None:
        return []
    system: list[dict[str, JsonValue]] = body["system"]  # type: ignore[assignment]  # a request of ours
    messages: list[dict[str, list[dict[str, JsonValue]]]] = body["messages"]  # type: ignore[assignment]  # a request of ours
    return [str(block["text"]) for block in (*system, *messages[0]["content"])]


def _share(before: list[str], now: list[str]) -> float:
    """Which part of the bytes of the earlier request stands at the start of the later one, block by block."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, now, strict=False))
    return sum(len(block.encode()) for block, _ in same) / sum(len(block.encode()) for block in before)


async def _size(core: Core, path: Path) -> int:
    """Bytes of the database, with everything in it that was still in the WAL."""
    await core.settled()
    await core.store.between_batches(
        lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    )
    return path.stat().st_size  # noqa: ASYNC240 - nothing else is going on
