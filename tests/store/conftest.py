"""Any store that keeps the contract: add a kind of store here, and every contract test runs against it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.ports import Store
from bot.store.sqlite import SqliteStore
from tests.store.kit import FakeClock

OpenStore = Callable[..., Awaitable[Any]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "saywhen.db"


@pytest.fixture(params=["sqlite"])
async def open_store(
    request: pytest.FixtureRequest, database: Path, clock: FakeClock
) -> AsyncIterator[OpenStore]:
    """Opens the one store of the test; the second time it is opened as by the next process."""
    stores: list[SqliteStore] = []

    async def open_(**options: Any) -> SqliteStore:
        for store in stores:
            await store.close()
        stores.append(await SqliteStore.open(database, clock=clock, **options))
        return stores[-1]

    yield open_
    await stores[-1].close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    opened: Store = await open_store()
    return opened
