"""Many messages stored and not yet answered when the process is killed: how long until all are, and is any lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.core import Core, incoming, open_store, running
from bench.floor import Floor

THREADS_EACH = 10  # messages of a thread


async def fill_core(path: Path, messages: int) -> None:
    """Store the messages, say so, and die."""
    async with open_store(path) as store:
        for start in range(0, messages, 256):
            numbers = range(start, min(start + 256, messages))
            await asyncio.gather(*(store.receive(incoming(_thread(n, messages), n)) for n in numbers))
        os.kill(os.getpid(), signal.SIGKILL)


async def fill_floor(path: Path, messages: int) -> None:
    floor = Floor(path)
    for start in range(0, messages, 256):
        numbers = range(start, min(start + 256, messages))
        await asyncio.gather(*(floor.ingest(_thread(n, messages), n) for n in numbers))
    os.kill(os.getpid(), signal.SIGKILL)


def _thread(number: int, messages: int) -> str:
    return f"c{number % max(1, messages // THREADS_EACH)}"


async def drain_core(path: Path, messages: int) -> dict[str, float]:
    """Answer all of them, as a start of the bot does."""
    began = time.monotonic()
    async with running(path) as core:
        answered = await _drained(core, messages)
        seconds = time.monotonic() - began
    missing = messages - len(answered)
    return {
        "seconds": seconds,
        "lost": float(missing),
        "doubled": float(sum(answered.values()) - len(answered)),
    }


async def _drained(core: Core, messages: int) -> Counter[str]:
    """What was sent, by its text: each message has a number of its own."""
    while taken := await core.store.take_over():
        for thread in taken:
            core.lanes.wake(thread)
    deadline = time.monotonic() + 600
    while len(core.channel.texts) < messages and time.monotonic() < deadline:  # noqa: ASYNC110 - what counts is seconds
        await asyncio.sleep(0.02)
    await core.settled()
    return Counter(core.channel.texts)


async def drain_floor(path: Path, messages: int) -> dict[str, float]:
    began = time.monotonic()
    floor = Floor(path, new=False)
    await floor.drain()
    seconds = time.monotonic() - began
    lost, doubled = floor.lost_and_doubled(messages)
    await floor.close()
    return {"seconds": seconds, "lost": float(lost), "doubled": float(doubled)}


STEPS = {
    "fill_core": fill_core,
    "fill_floor": fill_floor,
    "drain_core": drain_core,
    "drain_floor": drain_floor,
}


def recovery(kind: str, messages: int) -> dict[str, float]:
    """Fill, die, and go on in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "pending.db")
        filled = _run(f"fill_{kind}", path, messages)
        assert filled.returncode == -signal.SIGKILL, filled
        drained = _run(f"drain_{kind}", path, messages)
        found: dict[str, float] = json.loads(drained.stdout.splitlines()[-1])
    return found


def _run(step: str, path: str, messages: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench.pending", step, path, str(messages)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(STEPS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))))
