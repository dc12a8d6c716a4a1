"""The floor: what four durable transactions a message cost with nothing but `sqlite3` and group commit.

The prototype of the design: an input, a call announced, its result and the reply, the delivery; four events of
one small pydantic model; the last 20 events of the conversation are read before the turn. No envelope, no index
tables beyond what it needs, no fence, no rules, no prompt.
"""

import asyncio
import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from bench.scene import TOOL, Load, answer, found, question

HISTORY = 20
MOST = 256

_TABLES = """
CREATE TABLE threads (id TEXT PRIMARY KEY, last_seq INTEGER, done_seq INTEGER, pending INTEGER);
CREATE TABLE events (thread_id TEXT, seq INTEGER, dedupe TEXT, data TEXT, PRIMARY KEY (thread_id, seq));
CREATE UNIQUE INDEX events_dedupe ON events (dedupe) WHERE dedupe IS NOT NULL;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, thread_id TEXT, seq INTEGER, key TEXT UNIQUE, state TEXT);
"""
_EVENT = "INSERT INTO events (thread_id, seq, dedupe, data) VALUES (?, ?, ?, ?)"

Work = Callable[[sqlite3.Cursor], Any]


class FloorEvent(BaseModel):
    model_config = ConfigDict(frozen=True)

    type: str
    text: str = ""
    tool: str = ""
    args: dict[str, str] = {}


_EVENTS = TypeAdapter(list[FloorEvent])


class Floor:
    """A writer thread with group commit, and one connection that reads."""

    def __init__(self, path: Path, *, new: bool = True) -> None:
        self._writing = _connect(path)
        if new:
            self._writing.executescript(_TABLES)
        self._reading = _connect(path)
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        self._keys = itertools.count()
        self.commits = 0
        self.transactions = 0
        self.events = 0

    def submit(self, work: Work) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((work, future))
        return future

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._writing.close()
        self._reading.close()

    def _write(self) -> None:
        cursor = self._writing.cursor()
        while (first := self._queue.get()) is not None:
            jobs = [first, *self._waiting()]
            cursor.execute("BEGIN IMMEDIATE")
            done = []
            for work, future in jobs:
                cursor.execute("SAVEPOINT job")
                done.append((future, work(cursor)))
                cursor.execute("RELEASE job")
            cursor.execute("COMMIT")
            self.commits += 1
            self.transactions += len(jobs)
            self._loop.call_soon_threadsafe(_resolve, done)

    def _waiting(self) -> list[tuple[Work, asyncio.Future[Any]]]:
        jobs: list[tuple[Work, asyncio.Future[Any]]] = []
        while len(jobs) < MOST - 1:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs

    # ------------------------------------------------------------ one message

    async def message(self, thread: str, number: int) -> None:
        """One message from its arrival to its delivery."""
        await self.ingest(thread, number)
        await self.answer(thread, number)

    def ingest(self, thread: str, number: int) -> asyncio.Future[Any]:
        return self.submit(lambda cursor: self._ingest(cursor, thread, number))

    async def answer(self, thread: str, number: int) -> None:
        """The turn and the delivery."""
        self._history(thread)
        call = FloorEvent(type="tool_call", tool=TOOL, args={"number": str(number)})
        await self.submit(lambda cursor: self._append(cursor, thread, call))
        result = FloorEvent(type="tool_result", tool=TOOL, text=found(str(number)))
        reply = FloorEvent(type="reply", text=answer(str(number)))
        row = await self.submit(lambda cursor: self._finish(cursor, thread, result, reply))
        await self.submit(
            lambda cursor: cursor.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", (row,))
        )

    async def drain(self) -> None:
        """Answer what is pending: threads side by side, the messages of one in order."""
        waiting = self._reading.execute("SELECT id, pending FROM threads WHERE pending > 0").fetchall()
        slots = asyncio.Semaphore(64)

        async def one(thread: str, pending: int) -> None:
            async with slots:
                for number in range(pending):
                    await self.answer(thread, number)

        await asyncio.gather(*(one(thread, pending) for thread, pending in waiting))

    def lost_and_doubled(self, messages: int) -> tuple[int, int]:
        sent = self._reading.execute("SELECT count(*), count(DISTINCT key) FROM outbox WHERE state = 'sent'")
        count, distinct = sent.fetchone()
        return messages - distinct, count - distinct

    def _history(self, thread: str) -> list[FloorEvent]:
        rows = self._reading.execute(
            "SELECT data FROM events WHERE thread_id = ? ORDER BY seq DESC LIMIT ?", (thread, HISTORY)
        )
        return _EVENTS.validate_json(f"[{','.join(data for (data,) in rows.fetchall())}]")

    def _ingest(self, cursor: sqlite3.Cursor, thread: str, number: int) -> None:
        dedupe = f"{thread}:{number}:{next(self._keys)}"
        if cursor.execute("SELECT 1 FROM events WHERE dedupe = ?", (dedupe,)).fetchone():
            return
        cursor.execute("INSERT OR IGNORE INTO threads VALUES (?, 0, 0, 0)", (thread,))
        self._append(cursor, thread, FloorEvent(type="message", text=question(number)), dedupe=dedupe)
        cursor.execute("UPDATE threads SET pending = pending + 1 WHERE id = ?", (thread,))

    def _finish(
        self, cursor: sqlite3.Cursor, thread: str, result: FloorEvent, reply: FloorEvent
    ) -> int | None:
        self._append(cursor, thread, result)
        seq = self._append(cursor, thread, reply)
        cursor.execute(
            "INSERT INTO outbox (thread_id, seq, key, state) VALUES (?, ?, ?, 'open')",
            (thread, seq, f"{thread}:{seq}"),
        )
        row = cursor.lastrowid
        cursor.execute("UPDATE threads SET done_seq = ?, pending = pending - 1 WHERE id = ?", (seq, thread))
        return row

    def _append(
        self, cursor: sqlite3.Cursor, thread: str, event: FloorEvent, dedupe: str | None = None
    ) -> int:
        seq: int = cursor.execute("SELECT last_seq FROM threads WHERE id = ?", (thread,)).fetchone()[0] + 1
        cursor.execute(_EVENT, (thread, seq, dedupe, event.model_dump_json()))
        cursor.execute("UPDATE threads SET last_seq = ? WHERE id = ?", (seq, thread))
        self.events += 1
        return seq


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


def _resolve(done: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in done:
        if not future.done():
            future.set_result(result)


async def run(floor: Floor, load: Load) -> None:
    """All messages of a load, each lane one after the other in one conversation, so that there are 20 to read."""
    numbers = itertools.count()

    async def lane(number: int) -> None:
        for _ in range(load.messages // load.at_once):
            await floor.message(f"c{number}", next(numbers))

    await asyncio.gather(*(lane(number) for number in range(load.at_once)))
