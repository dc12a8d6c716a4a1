"""The database for a command that writes to it, while no bot runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bot.cli.client import refuse_if_running
from bot.cli.place import Place
from bot.store.sqlite import SqliteStore


@asynccontextmanager
async def own_store(place: Place) -> AsyncIterator[SqliteStore]:
    """With the lock on it. Raises StartError if a bot has it."""
    refuse_if_running(place)
    store = await SqliteStore.open(place.database, clock=lambda: datetime.now(UTC))
    try:
        yield store
    finally:
        await store.close()
