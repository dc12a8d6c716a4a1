"""The writer thread: drains its queue into one transaction, a savepoint each, one commit for all.

Nothing is answered before the commit. What SQLite rolled back is failed as a whole and never tried again.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.errors import StoreClosed, StoreError, StoreFailed, StoreFull
from bot.events import Event
from bot.store.log import Transaction
from bot.store.schema import Crashpoint

T = TypeVar("T")
Listener = Callable[[tuple[Event, ...]], None]

_MOST = 256  # transactions of one commit
_PATIENCE = 1.0  # seconds: a lazy job waits so long for company, a full disk for the next probe
_PROBE = f"INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob({64 * 1024}))"

# Errors of one statement; SQLite goes on with the transaction. After any other the batch is lost.
_OWN = {
    0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE,
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """One transaction to do, and who waits for it: nobody for a lazy one, which itself waits for company.

    An `alone` one runs between batches, outside any transaction.
    """

    work: Callable[[Transaction], T]
    waiter: asyncio.Future[T] | None
    alone: bool = False
    result: T | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Counts:
    """What the writer has done since the store was opened."""

    transactions: int = 0
    commits: int = 0


class Writer:
    """Owns the writing connection, and the only thread that uses it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        check_files: Callable[[], str],
        crashpoint: Crashpoint,
        on_fatal: Callable[[StoreError], None],
    ) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self._loop = asyncio.get_running_loop()
        self._check_files = check_files
        self._crashpoint = crashpoint
        self._on_fatal = on_fatal
        self._queue: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._gathered: list[Job[Any]] = []
        self._lazy: list[Job[Any]] = []
        self._lazy_until = 0.0
        self._probe_at = 0.0
        self._check_at = 0.0
        self._refusal: StoreError | None = None
        self._closed = False
        self.listeners: list[Listener] = []
        self.counts = Counts()
        self.pending = 0
        self.trouble = ""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ on the event loop

    def submit(self, work: Callable[[Transaction], T], *, alone: bool = False) -> asyncio.Future[T]:
        """Queue a transaction; the future has what `work` returned or raised, once that is on disk."""
        self._refuse()
        waiter: asyncio.Future[T] = self._loop.create_future()
        self.pending += 1
        self._gather(Job(work, waiter, alone))
        return waiter

    def submit_lazily(self, work: Callable[[Transaction], None]) -> None:
        """Queue what is not worth a commit and may be lost: it rides with the next, or waits a second."""
        self._refuse()
        self._gather(Job(work, None))

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._closed = True
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _gather(self, job: Job[Any]) -> None:
        """What is submitted in one round of the event loop is handed over at once, for one commit."""
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(job)

    def _hand_over(self) -> None:
        jobs, self._gathered = self._gathered, []
        for job in jobs:
            self._queue.put(job)

    def _refuse(self) -> None:
        if self._closed:
            raise StoreClosed
        if self._refusal is not None:
            raise type(self._refusal)(str(self._refusal))

    def _deliver(self, jobs: list[Job[Any]], events: tuple[Event, ...]) -> None:
        """Listeners first, then those who wait; each is called by the loop, so that none can harm another.

        A future wakes its waiter by `call_soon` too, and so after the listeners.
        """
        if events:
            for listener in self.listeners:
                self._loop.call_soon(listener, events)
        _resolve(jobs)
        self.pending -= sum(job.waiter is not None for job in jobs)

    # ------------------------------------------------------------ on the writer thread

    def _run(self) -> None:
        done = False
        try:
            while not done:
                jobs, done = self._take()
                if self._refusal is None:
                    self._write(jobs)
                else:
                    self._fail(jobs, self._refusal)
                    self._probe()
        finally:
            if not done:
                self._give_up(StoreFailed("The writer thread of the store has died."))

    def _take(self) -> tuple[list[Job[Any]], bool]:
        """What to do now, and whether that is all; lazy jobs only with others or when their time has come."""
        jobs: list[Job[Any]] = []
        closing = False
        try:
            job = self._queue.get(timeout=self._timeout())
            while job is not None:
                self._sort_in(job, jobs)
                if len(jobs) >= _MOST:
                    break
                job = self._queue.get_nowait()
            closing = job is None
        except queue.Empty:
            pass
        if jobs or closing or time.monotonic() >= self._lazy_until:
            jobs += self._lazy
            self._lazy = []
        return jobs, closing

    def _sort_in(self, job: Job[Any], jobs: list[Job[Any]]) -> None:
        if job.waiter is not None:
            jobs.append(job)
            return
        if not self._lazy:
            self._lazy_until = time.monotonic() + _PATIENCE
        self._lazy.append(job)

    def _timeout(self) -> float | None:
        if isinstance(self._refusal, StoreFull):
            return max(0.0, self._probe_at - time.monotonic())
        if self._lazy:
            return max(0.0, self._lazy_until - time.monotonic())
        return None

    def _write(self, jobs: list[Job[Any]]) -> None:
        batch = [job for job in jobs if not job.alone]
        if batch:
            self._write_batch(batch)
        for job in jobs:
            if job.alone:
                self._do_alone(job)

    def _write_batch(self, batch: list[Job[Any]]) -> None:
        replaced = self._replaced()
        if replaced:
            self._give_up(StoreFailed(replaced), batch)
            return
        tx = Transaction(self._execute)
        try:
            self._commit(tx, batch)
        except sqlite3.Error as error:
            self._lose(batch, error)
            return
        self.counts.commits += 1
        self.counts.transactions += len(batch)
        self._loop.call_soon_threadsafe(self._deliver, batch, tuple(tx.events))

    def _commit(self, tx: Transaction, batch: list[Job[Any]]) -> None:
        self._begin()
        for job in batch:
            self._attempt(tx, job)
        self._crashpoint("commit.before")
        self._execute("COMMIT")
        self._crashpoint("commit.after")

    def _begin(self) -> None:
        """Start the transaction, however long another program holds the database: no result is dropped."""
        while True:
            try:
                self._execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or self._closed:
                    raise
                self.trouble = "Another program is writing to the database; waiting for it."
            else:
                self.trouble = ""
                return

    def _attempt(self, tx: Transaction, job: Job[Any]) -> None:
        """Do one job inside its savepoint; an error of its own undoes only that."""
        mark = len(tx.events)
        self._execute("SAVEPOINT job")
        try:
            job.result = job.work(tx)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            self._check_spoiled(error)
            del tx.events[mark:]
            self._execute("ROLLBACK TO job")
            job.error = error
        self._execute("RELEASE job")
        self._crashpoint("savepoint.done")

    def _check_spoiled(self, error: Exception) -> None:
        """Stop the batch where SQLite has rolled it back: what follows would commit by itself."""
        if isinstance(error, sqlite3.Error) and _code(error) not in _OWN:
            raise error
        if not self._connection.in_transaction:
            raise sqlite3.InternalError("SQLite has rolled the transaction back") from error

    def _do_alone(self, job: Job[Any]) -> None:
        try:
            job.result = job.work(Transaction(self._execute))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            job.error = error
        if self._connection.in_transaction:
            self._execute("ROLLBACK")
        self._loop.call_soon_threadsafe(self._deliver, [job], ())

    def _lose(self, batch: list[Job[Any]], error: sqlite3.Error) -> None:
        """Nothing of the batch was written, or nobody knows: say so to all."""
        match _code(error):
            case sqlite3.SQLITE_FULL:
                self._undo()
                self._refusal = StoreFull()
                self.trouble = str(self._refusal)
                self._probe_at = time.monotonic() + _PATIENCE
                self._fail(batch, self._refusal)
            case sqlite3.SQLITE_BUSY:
                self._fail(batch, StoreError("Another program is writing to the database."))
            case _:
                self._give_up(StoreFailed(f"{StoreFailed.__doc__} SQLite: {error}."), batch)

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._execute("ROLLBACK")

    def _fail(self, jobs: list[Job[Any]], error: StoreError) -> None:
        if not jobs:
            return
        for job in jobs:
            job.result, job.error = None, type(error)(str(error))
        self._loop.call_soon_threadsafe(self._deliver, jobs, ())

    def _give_up(self, error: StoreError, batch: list[Job[Any]] | None = None) -> None:
        """Take nothing any more; the process must end. A failed fsync is never tried again."""
        self._refusal = error
        self.trouble = str(error)
        self._loop.call_soon_threadsafe(self._on_fatal, error)
        self._fail(batch or [], error)

    def _probe(self) -> None:
        """See whether the full disk has room again, by a commit that needs some."""
        if not isinstance(self._refusal, StoreFull) or time.monotonic() < self._probe_at:
            return
        self._probe_at = time.monotonic() + _PATIENCE
        try:
            for sql in (_PROBE, "DELETE FROM meta WHERE key = 'probe'"):
                self._begin()
                self._execute(sql)
                self._execute("COMMIT")
        except sqlite3.Error as error:
            self._lose([], error)
        else:
            self._refusal = None

    def _replaced(self) -> str:
        """What happened to the files, looked up once a second: a replaced one takes writes and loses them."""
        now = time.monotonic()
        if now < self._check_at:
            return ""
        self._check_at = now + _PATIENCE
        return self._check_files()


def _resolve(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        if job.waiter is None or job.waiter.done():
            continue
        if job.error is not None:
            job.waiter.set_exception(job.error)
        else:
            job.waiter.set_result(job.result)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the Python module itself."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
