"""One measurement in a process of its own: `python -m bench.child NAME JSON` prints what it found as JSON."""

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.scene import Load

Found = dict[str, float]


async def floor(folder: Path, load: Load) -> Found:
    from bench.floor import Floor, run

    floor = Floor(folder / "floor.db")
    try:
        await run(floor, Load(load.at_once, load.at_once))
        before = (floor.commits, floor.transactions, floor.events)
        found = await _timed(run(floor, load))
    finally:
        await floor.close()
    return found | _counts(before, (floor.commits, floor.transactions, floor.events))


async def store(folder: Path, load: Load) -> Found:
    from bench.core import open_store, run_store

    async with open_store(folder / "store.db") as store:
        await run_store(store, Load(load.at_once, load.at_once), prefix="warm")
        before = (store.counts.commits, store.counts.transactions, 0)
        found = await _timed(run_store(store, load))
        return found | _counts(before, (store.counts.commits, store.counts.transactions, 0))


async def core(folder: Path, load: Load) -> Found:
    from bench.core import run, running

    async with running(folder / "core.db", at_once=max(64, load.at_once)) as core:
        await run(core, Load(load.at_once, load.at_once), prefix="warm")
        await core.settled()
        before = (core.store.counts.commits, core.store.counts.transactions, core.events)
        found = await _timed(run(core, load))
        await core.settled()
        return found | _counts(before, (core.store.counts.commits, core.store.counts.transactions, core.events))


KINDS: dict[str, Callable[[Path, Load], Awaitable[Found]]] = {"floor": floor, "store": store, "core": core}


async def _timed(work: Awaitable[None]) -> Found:
    cpu, wall = time.process_time(), time.monotonic()
    await work
    return {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - wall}


def _counts(before: tuple[int, int, int], after: tuple[int, int, int]) -> Found:
    names = ("fsyncs", "transactions", "events")
    return {name: float(b - a) for name, a, b in zip(names, before, after, strict=True)}


def main() -> None:
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        found: Any = asyncio.run(KINDS[name](Path(folder), Load(**arguments)))  # type: ignore[arg-type]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
