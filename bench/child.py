"""One measurement in a process of its own: `python -m bench.child NAME JSON` prints what it found as JSON."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.core import open_store, run, run_store, running, tune_garbage_collector
from bench.floor import HISTORY, Floor, run as run_floor
from bench.long_thread import talk, turns
from bench.scene import Load

Found = dict[str, float]


async def floor(folder: Path, load: Load) -> Found:
    tune_garbage_collector()
    floor = Floor(folder / "floor.db")
    try:
        await run_floor(floor, Load(load.at_once, load.at_once * HISTORY // 4))
        before = (floor.commits, floor.transactions, floor.events)
        found = await _timed(run_floor(floor, load))
    finally:
        await floor.close()
    return found | _counts(before, (floor.commits, floor.transactions, floor.events))


async def store(folder: Path, load: Load) -> Found:
    tune_garbage_collector()
    async with open_store(folder / "store.db") as store:
        await run_store(store, Load(load.at_once, load.at_once), prefix="warm")
        before = (store.counts.commits, store.counts.transactions, 0)
        found = await _timed(run_store(store, load))
        return found | _counts(before, (store.counts.commits, store.counts.transactions, 0))


async def core(folder: Path, load: Load) -> Found:
    async with running(folder / "core.db", at_once=max(64, load.at_once)) as core:
        await run(core, Load(load.at_once, load.at_once), prefix="warm")
        await core.settled()
        before = (core.store.counts.commits, core.store.counts.transactions, core.events)
        found = await _timed(run(core, load))
        await core.settled()
        return found | _counts(
            before, (core.store.counts.commits, core.store.counts.transactions, core.events)
        )


def under(load: Callable[[Path, Load], Awaitable[Found]]) -> Callable[..., Awaitable[Found]]:
    return lambda folder, **arguments: load(folder, Load(**arguments))


KINDS: dict[str, Callable[..., Awaitable[Found]]] = {
    "floor": under(floor),
    "store": under(store),
    "core": under(core),
    "turns": turns,
    "talk": talk,
}


async def _timed(work: Awaitable[None]) -> Found:
    cpu, wall = time.process_time(), time.monotonic()
    await work
    return {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - wall}


def _counts(before: tuple[int, int, int], after: tuple[int, int, int]) -> Found:
    names = ("fsyncs", "transactions", "events")
    return {name: float(b - a) for name, a, b in zip(names, before, after, strict=True)}


async def _measured(work: Awaitable[Found]) -> Found:
    return await work


def main() -> None:
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(_measured(KINDS[name](Path(folder), **arguments)))))


if __name__ == "__main__":
    main()
