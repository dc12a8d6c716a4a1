"""One transition of one thread, in this process, with the database to itself."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bot.app import Mode, opened
from bot.cli.client import quiet_logs, refuse_if_running
from bot.cli.place import Place
from bot.cli.reading import find_thread, open_store, standing
from bot.config import Config, load
from bot.dev_environment import simulated_parts
from bot.errors import StartError

START_SECONDS = 30


async def take_step(place: Place, beginning: str, *, dev: bool) -> dict[str, Any]:
    """Advance the thread once; returns what was written and where the thread stands then."""
    refuse_if_running(place)
    quiet_logs(place.config)
    async with open_store(place) as store:
        row = await find_thread(store, beginning)
    async with _settings(place, dev=dev) as (config, mode), opened(config, mode) as bot:
        await bot.loop.advance(row.thread_id, once=True)
    async with open_store(place) as store:
        after = await find_thread(store, row.thread_id)
        status = (await standing(store, after)).status
        events = await store.raw_events(row.thread_id, after=row.last_seq)
    return {"thread_id": row.thread_id, "status": status, "events": events}


@asynccontextmanager
async def _settings(place: Place, *, dev: bool) -> AsyncIterator[tuple[Config, Mode]]:
    """The settings to act with: complete, or in `bot dev` with a demo brain for the model that has no key."""
    root = place.config.root
    environ = {**os.environ, "DATABASE_URL": f"sqlite:///{place.database}"}
    config = load(root=root, environ=environ, dev=dev)
    if not dev or "model" not in simulated_parts(config):
        yield config, Mode(dev=dev)
        return
    async with _demo_brain(root) as url:
        keys = {"ANTHROPIC_API_KEY": "sk-demo", "ANTHROPIC_BASE_URL": url}
        yield load(root=root, environ={**environ, **keys}, dev=True), Mode(True, frozenset({"model"}))


@asynccontextmanager
async def _demo_brain(root: Path) -> AsyncIterator[str]:
    """The simulated Messages API, for as long as this takes."""
    command = (sys.executable, "-m", "simulators", "--parent", str(os.getpid()))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=root)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise StartError("the demo brain did not start; what it said stands above", code=1)
        yield json.loads(line)["messages_url"]
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
