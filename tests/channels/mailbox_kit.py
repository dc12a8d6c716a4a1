"""A collector on a real store in a file, with a server that a test can break, and somebody who takes the mails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.store.mail import MailRow
from bot.store.sqlite import SqliteStore
from channels.email.imap import Imap, Login, Server
from channels.email.mailbox import Collector, Rhythm, Rules
from channels.email.shelf import Row, Take, Taken

US = "bot@example.com"
NOW = datetime(2026, 3, 1, 11, tzinfo=UTC)
BY_KEYWORD = Rules()
QUICK = Rhythm(idle=30.0, first=0.01, longest=0.05)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Taker:
    """Takes mails as the channel would; `errors` are raised first, one for each call."""

    errors: list[Exception] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    states: dict[bytes, Taken] = field(default_factory=dict)

    async def __call__(self, raw: bytes, row: Row) -> Taken:
        if self.errors:
            raise self.errors.pop(0)
        self.mails.append(raw)
        return self.states.get(raw, Taken("done", thread_id="t1", sender="dora@x.example", subject="s"))


def mail(text: str, **headers: str) -> bytes:
    lines = [
        f"{name}: {value}" for name, value in {"From": "dora@x.example", "Subject": text, **headers}.items()
    ]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}\r\n").encode()


@asynccontextmanager
async def store_at(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, clock=lambda: NOW)
    try:
        yield store
    finally:
        await store.close()


def connector(port: int, **more: Any) -> Callable[[], Awaitable[Imap]]:
    more = {"timeout": 2.0, **more}

    async def connect() -> Imap:
        return await Imap.connect(Server("127.0.0.1", port, tls=False), Login("bot", "secret"), **more)

    return connect


def collector(
    store: SqliteStore,
    port: int,
    take: Take,
    *,
    rules: Rules = BY_KEYWORD,
    rhythm: Rhythm = QUICK,
    clock: Callable[[], datetime] = lambda: NOW,
    **more: Any,
) -> Collector:
    connect = connector(port, **more)
    return Collector(
        US,
        shelf=store.mail,
        take=take,
        connect=connect,
        clock=clock,
        rules=rules,
        rhythm=rhythm,
        jitter=lambda: 0,
    )


def collecting(
    store: SqliteStore, port: int, take: Take, **more: Any
) -> AbstractAsyncContextManager[Collector]:
    return working(collector(store, port, take, **more))


@asynccontextmanager
async def working(made: Collector) -> AsyncIterator[Collector]:
    """A collector at work, until the end of the block. Its own end is that of the test."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        yield made
        running.cancel()


async def until(is_so: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for what must become true; how long it takes does not matter."""
    async with asyncio.timeout(seconds):
        while True:
            found = is_so()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.005)


async def connected(collector: Collector) -> None:
    await until(lambda: collector.health().state == "connected")


async def states(store: SqliteStore) -> list[tuple[int, str]]:
    """UID and state of every mail kept, the first first."""
    return [(row.uid, row.state) for row in reversed(await store.mail.rows())]


async def kept(store: SqliteStore, uid: int) -> MailRow:
    return next(row for row in await store.mail.rows() if row.uid == uid)


def later(days: float) -> datetime:
    return NOW + timedelta(days=days)
