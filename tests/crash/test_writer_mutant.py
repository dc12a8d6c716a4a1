"""A writer that goes on after SQLite has rolled its batch back tells people of messages that are gone."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import bot.store.sqlite
from bot.errors import StoreError
from bot.events import Block, Incoming, MessageReceived, Sender
from bot.store.log import Transaction
from bot.store.sqlite import SqliteStore
from bot.store.writer import Job, Writer

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class GoesOn(Writer):
    """Takes every error for that of one job."""

    def _attempt(self, tx: Transaction, job: Job[Any]) -> None:
        self._execute("SAVEPOINT job")
        try:
            job.result = job.work(tx)
        except Exception as error:  # noqa: BLE001 - the mutant, in this as in the original
            job.error = error
            with suppress(sqlite3.Error):
                self._execute("ROLLBACK TO job")
        with suppress(sqlite3.Error):
            self._execute("RELEASE job")

    def _commit(self, tx: Transaction, batch: list[Job[Any]]) -> None:
        self._begin()
        for job in batch:
            self._attempt(tx, job)
        if self._connection.in_transaction:
            self._execute("COMMIT")


def message(name: str) -> Incoming:
    sender = Sender(channel="fake", address="U1", proof="provider")
    data = MessageReceived(place=name, blocks=(Block(source="person", text=name),), sender=sender)
    return Incoming(data, channel="fake", conversation=name, dedupe=name)


def fills_the_disk(tx: Transaction) -> None:
    """What SQLite does when it cannot write a page it needs: the whole transaction is gone."""
    tx.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


async def batch_with_a_full_disk(path) -> tuple[set[str], set[str]]:
    """Three transactions in one batch, the second fills the disk: who was told yes, and what is in the log."""
    store = await SqliteStore.open(path, clock=lambda: NOW)
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    held = store._writer.submit(
        lambda tx: asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(), alone=True
    )
    waiting = [
        asyncio.ensure_future(store.receive(message("first"))),
        asyncio.ensure_future(_submit(store)),
        asyncio.ensure_future(store.receive(message("last"))),
    ]
    await asyncio.sleep(0.01)
    gate.set()
    await held
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    with suppress(StoreError):
        await store.close()
    with closing(sqlite3.connect(path)) as connection:
        logged = {row[0] for row in connection.execute("SELECT dedupe FROM events WHERE dedupe IS NOT NULL")}
    names = ("first", "full", "last")
    return {name for name, a in zip(names, answers, strict=True) if not isinstance(a, BaseException)}, logged


async def _submit(store: SqliteStore) -> None:
    await store._writer.submit(fills_the_disk)


async def test_nothing_is_accepted_that_sqlite_rolled_back(tmp_path):
    accepted, logged = await batch_with_a_full_disk(tmp_path / "test.db")

    assert accepted == logged == set()


async def test_a_writer_that_goes_on_with_the_batch_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(bot.store.sqlite, "Writer", GoesOn)

    accepted, logged = await batch_with_a_full_disk(tmp_path / "test.db")

    assert "first" in accepted - logged
