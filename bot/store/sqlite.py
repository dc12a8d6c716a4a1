"""The store on SQLite: one process, one writer thread with group commit, readers beside it."""

import asyncio
import hashlib
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from bot.errors import StoreError
from bot.events import Draft, Incoming
from bot.ports import Appended, Clock, Received
from bot.store import log, queries
from bot.store.codec import encode
from bot.store.lock import Lock
from bot.store.log import Batch, Entry, Random, Receipt, Transaction
from bot.store.mail import MailShelf
from bot.store.opening import Files, check_place, open_reader, open_writer
from bot.store.places import session_begun
from bot.store.read import Readers, Reads
from bot.store.rebuild import rebuild
from bot.store.schema import Crashpoint, nothing
from bot.store.writer import Counts, Listener, Writer

T = TypeVar("T")

_READERS = 2
_SNAPSHOT = """
INSERT INTO snapshots (thread_id, seq, fold_version, body) VALUES (?, ?, ?, ?)
ON CONFLICT (thread_id) DO UPDATE
SET seq = excluded.seq, fold_version = excluded.fold_version, body = excluded.body
WHERE excluded.seq >= snapshots.seq OR excluded.fold_version <> snapshots.fold_version
"""
_TRY = "UPDATE threads SET tries = tries + 1 WHERE thread_id = ? AND settled_seq < last_seq"
_PRUNE_AT_ONCE = 256  # rows, so that nobody waits behind a long delete


def _ignore(error: StoreError) -> None:
    """Nobody wants to know of a fatal error; whoever waits for the store gets it anyway."""


class SqliteStore(Reads):
    """`bot.ports.Store` in one SQLite file, held by one process."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        path: Path,
        lock: Lock,
        clock: Clock,
        random: Random,
        default_agent: str,
        fold_version: str,
        crashpoint: Crashpoint,
        on_fatal: Callable[[StoreError], None],
    ) -> None:
        super().__init__(Readers(partial(open_reader, path), _READERS), fold_version)
        self.lock = lock
        self._connection = connection
        self._files = Files.of(path)
        self._clock = clock
        self._random = random
        self._default_agent = default_agent
        execute = connection.execute
        self._left = deque(queries.unsettled(execute, "none"))
        self._suspects = deque(queries.unsettled(execute, "some"))
        self._writer = Writer(
            connection, check_files=self.check_files, crashpoint=crashpoint, on_fatal=on_fatal
        )
        self.mail = MailShelf(self._readers, self._writer, clock)

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        clock: Clock,
        random: Random = os.urandom,
        url: str = "",
        default_agent: str = "assistant",
        fold_version: str = "",
        busy: float = 5.0,
        lock: Lock | None = None,
        crashpoint: Crashpoint = nothing,
        on_fatal: Callable[[StoreError], None] = _ignore,
    ) -> Self:
        """Take the lock, check the file, bring it up to date. Raises StartError (Locked is one).

        A `lock` that the caller has waited for is used as it is. `on_fatal` is called on the event loop when
        the process must end: the disk refused a commit, or the file was replaced.
        """
        place, held, connection = await asyncio.to_thread(_open, path, lock, url, busy, crashpoint)
        return cls(
            connection,
            path=place,
            lock=held,
            clock=clock,
            random=random,
            default_agent=default_agent,
            fold_version=fold_version,
            crashpoint=crashpoint,
            on_fatal=on_fatal,
        )

    async def close(self) -> None:
        """Write what is queued, close the file, let go of the lock."""
        await self._writer.close()
        await self._readers.close()
        await asyncio.to_thread(self._connection.close)
        self.lock.release()

    # ------------------------------------------------------------ writing

    async def receive(self, incoming: Incoming) -> Received:
        """Append an input in its own transaction; returns only once it is on disk."""
        if not (incoming.thread_id or incoming.conversation):
            raise ValueError("an input names a thread or a conversation")
        receipt = Receipt(
            incoming,
            encode(incoming.data),
            self._default_agent,
            self._clock(),
            incoming.trace_id or self._random(16).hex(),
            hashlib.sha256(incoming.raw).hexdigest() if incoming.raw else "",
        )
        return await self._writer.submit(lambda tx: log.receive(tx, receipt, self._random))

    async def append(
        self,
        thread_id: str,
        *,
        head: int,
        seen: int,
        results: Sequence[Draft] = (),
        decisions: Sequence[Draft] = (),
        texts: Mapping[str, str] | None = None,
        settled: bool = False,
        now: datetime | None = None,
        trace_id: str = "",
    ) -> Appended:
        """Append what the loop brings, in one transaction of two parts, or raise Fenced."""
        if any(draft.data.part != "result" for draft in results):
            raise ValueError("results hold only what the world said")
        batch = Batch(
            thread_id,
            head,
            seen,
            [Entry(draft, encode(draft.data)) for draft in results],
            [Entry(draft, encode(draft.data)) for draft in decisions],
            texts or {},
            settled,
            now or self._clock(),
            trace_id,
        )
        return await self._writer.submit(lambda tx: log.append(tx, batch, self._random))

    async def take_over(self, limit: int = 64) -> list[str]:
        """Threads with work left by an earlier process, oldest first, their tries raised in one commit.

        Each is given out once. Those that were tried before come after all others and one at a time: if the
        process dies now, that one did it. A thread that gets a new input before its turn here may be worked
        on at once by its lane; this then finds it settled, or raises its tries, which its next result clears.
        """
        while self._left or self._suspects:
            given = list(self._left)[:limit] or [self._suspects[0]]
            taken = await self._writer.submit(partial(_try, thread_ids=given))
            for _ in given:
                (self._left or self._suspects).popleft()
            if taken:
                return taken
        return []

    async def save_snapshot(self, thread_id: str, seq: int, fold_version: str, body: str) -> None:
        """Queue a snapshot, to be written along with the next commit; losing it costs only time."""
        values = (thread_id, seq, fold_version, body)

        def save(tx: Transaction) -> None:
            tx.execute(_SNAPSHOT, values)

        self._writer.submit_lazily(save)

    async def session_begun(self, channel: str) -> int:
        """Count one more session of a channel; returns how many that makes in 24 hours."""
        return await self._writer.submit(lambda tx: session_begun(tx, channel, self._clock()))

    async def prune_raw(self, now: datetime, *, days: float, cap_bytes: int) -> int:
        """Drop raw inbound bytes that are older or more than that, oldest first; returns how many."""
        victims = await self._readers.run(queries.raw_to_prune, now - timedelta(days=days), cap_bytes)
        for start in range(0, len(victims), _PRUNE_AT_ONCE):
            some = victims[start : start + _PRUNE_AT_ONCE]
            await self._writer.submit(partial(_drop_raw, hashes=some))
        return len(victims)

    async def between_batches(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run administrative work that commits by itself (sqlite-utils does) on the writer thread."""
        return await self._writer.submit(lambda _: work(self._connection), alone=True)

    async def rebuild(self) -> int:
        """Make the index tables anew from the log, with the bot at rest; counts what it could not read."""
        return await self._writer.submit(lambda tx: rebuild(tx.execute))

    # ------------------------------------------------------------ watching

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Call back with the events of each commit, before their writers go on; returns the way to stop."""
        self._writer.listeners.append(callback)

        def stop() -> None:
            if callback in self._writer.listeners:
                self._writer.listeners.remove(callback)

        return stop

    @property
    def healthy(self) -> str:
        """Why the store cannot be trusted with a message now, "" if it can."""
        return self._writer.trouble or self.check_files()

    @property
    def pending(self) -> int:
        """Transactions that wait for their commit."""
        return self._writer.pending

    @property
    def counts(self) -> Counts:
        return self._writer.counts

    def check_files(self) -> str:
        """Which file was replaced or deleted since it was opened, "" if none."""
        if not self.lock.intact:
            return f"{self.lock.path} was replaced or deleted while the bot was running"
        return self._files.changed()


def _open(
    path: str | Path, lock: Lock | None, url: str, busy: float, crashpoint: Crashpoint
) -> tuple[Path, Lock, sqlite3.Connection]:
    place = Path(os.path.realpath(path))
    check_place(place)
    held = lock or Lock.acquire(place, url=url)
    try:
        return place, held, open_writer(place, busy=busy, crashpoint=crashpoint)
    except BaseException:
        if lock is None:
            held.release()
        raise


def _try(tx: Transaction, thread_ids: Sequence[str]) -> list[str]:
    return [thread_id for thread_id in thread_ids if tx.execute(_TRY, (thread_id,)).rowcount]


def _drop_raw(tx: Transaction, hashes: Sequence[str]) -> None:
    for hash_ in hashes:
        tx.execute("DELETE FROM raw WHERE hash = ?", (hash_,))
