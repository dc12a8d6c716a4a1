"""Commands that look, beside the bot or without it."""

# ruff: noqa: ASYNC221, ASYNC240 - a test may block its own event loop

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import StartError
from bot.store import queries
from bot.store.opening import NoDatabase, open_reader
from bot.store.read import ReadOnlyStore
from bot.store.schema import LATEST
from tests.store import kit
from tests.store.kit import message, opened

LOOK = """
import asyncio, sys
from bot.store.read import ReadOnlyStore
async def look():
    async with ReadOnlyStore(sys.argv[1]) as store:
        for row in await store.threads():
            print(len(await store.events(row.thread_id)))
asyncio.run(look())
"""

DIE = """
import asyncio, os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.store.kit import message, opened
async def die():
    async with opened(Path(sys.argv[1])) as store:
        await store.receive(message())
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(die())
"""


async def test_another_process_sees_what_was_committed_while_the_bot_runs(database: Path) -> None:
    async with opened(database) as store:
        for n in range(3):
            await store.receive(message(f"{n}"))
            seen = subprocess.run([sys.executable, "-c", LOOK, database], capture_output=True, check=True)
            assert seen.stdout == b"%d\n" % (n + 2)

        await store.receive(message("and it goes on"))
        assert store.healthy == ""


async def test_looking_at_a_closed_database_makes_no_files(database: Path) -> None:
    async with opened(database) as store:
        first = await store.receive(message())
    before = sorted(database.parent.iterdir())

    async with ReadOnlyStore(database) as reader:
        assert len(await reader.events(first.thread_id)) == 2
        assert sorted(database.parent.iterdir()) == before

    assert sorted(database.parent.iterdir()) == before


def test_what_a_killed_bot_had_committed_is_seen(database: Path) -> None:
    root = str(Path(kit.__file__).parents[2])
    child = subprocess.run([sys.executable, "-c", DIE.format(root=root), database])
    assert child.returncode == -signal.SIGKILL

    seen = subprocess.run([sys.executable, "-c", LOOK, database], capture_output=True, check=True)

    assert seen.stdout == b"2\n"


async def test_there_is_nothing_to_look_at_and_nothing_is_made(database: Path) -> None:
    async with ReadOnlyStore(database) as reader:
        with pytest.raises(NoDatabase):
            await reader.threads()

    assert list(database.parent.iterdir()) == []


async def test_a_newer_database_is_refused_for_looking_too(database: Path) -> None:
    async with opened(database):
        pass
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    connection.close()

    async with ReadOnlyStore(database) as reader:
        with pytest.raises(StartError, match="newer"):
            await reader.threads()


async def test_a_reader_cannot_write(database: Path) -> None:
    async with opened(database):
        connection = open_reader(database)

        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM events")
        connection.close()


async def test_a_thread_is_read_as_it_was_at_one_moment(database: Path) -> None:
    """The row of a thread and its events come from one read transaction."""
    async with opened(database) as store:
        first = await store.receive(message())

        async def write() -> None:
            head, seen = 0, 2
            for _ in range(100):
                appended = await store.append(first.thread_id, head=head, seen=seen, results=[kit.answered()])
                head = seen = appended.events[-1].seq

        async def read() -> None:
            for _ in range(100):
                loaded = await store.load(first.thread_id)
                assert loaded.head in (0, loaded.events[-1].seq)

        await asyncio.gather(write(), read(), read())


async def test_hostile_rows_end_the_thread_and_leave_the_others_alone(database: Path) -> None:
    async with opened(database) as store:
        bad = await store.receive(message("bad", conversation="C1"))
        good = await store.receive(message("good", conversation="C2"))
        await kit.answer(store, bad, kit.outgoing("unreadable", "D1"))
        await kit.answer(store, good, kit.outgoing("readable", "D2"))

        def spoil(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE events SET data = '{' WHERE thread_id = ? AND type = 'turn.ended'", (bad.thread_id,)
            )

        await store.between_batches(spoil)
        loaded = await store.load(bad.thread_id)

        assert [event.seq for event in loaded.events] == [1, 2, 3, 4, 5]
        assert loaded.broken.startswith("event 6: turn.ended v1 cannot be read")
        assert len(await store.events(bad.thread_id)) == 5
        raw = await store.raw_events(bad.thread_id, after=4)
        assert [bool(row["broken"]) for row in raw] == [False, True]
        assert raw[1]["data"] is None
        assert await store.events_at(bad.thread_id, [6]) == ()
        assert (await store.load(good.thread_id)).broken == ""
        assert [row.outgoing.text for row in await store.outbox_due(kit.START)] == ["readable"]


async def test_raw_events_come_in_pages_with_full_texts(database: Path) -> None:
    async with opened(database) as store:
        first = await store.receive(message("x" * 10_000))
        await store.receive(message("two"))

        raw = await store.raw_events(first.thread_id, after=1, limit=1)

        assert [row["seq"] for row in raw] == [2]
        assert raw[0]["data"] == kit.text_data("x" * 10_000).model_dump(mode="json")
        assert raw[0]["dedupe"] is None


async def steps_to_load(path: Path, events: int) -> int:
    """How many thousand steps SQLite takes to load a thread of that length from its snapshot."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    async with opened(path, fold_version="f1") as store:
        first = await store.receive(message())

        def fill(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN")
            connection.execute(
                """INSERT INTO events SELECT NULL, thread_id, n, id, type, v, time, actor_kind, actor, channel, run,
                   correlation, dedupe, trace_id, data FROM events, (WITH RECURSIVE c(n) AS
                   (SELECT 3 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c) WHERE seq = 2""",
                (events,),
            )
            connection.execute("UPDATE threads SET last_seq = ?", (events,))
            connection.execute("COMMIT")

        await store.between_batches(fill)
        await store.save_snapshot(first.thread_id, events - 10, "f1", "folded")
    async with opened(path, fold_version="f1") as store:
        connection = open_reader(path)
        connection.set_progress_handler(count, 10)
        loaded = queries.load(connection.execute, first.thread_id, "f1")
        connection.close()
    assert len(loaded.events) == 10
    return steps


async def test_loading_100_000_events_from_a_snapshot_costs_what_100_cost(tmp_path: Path) -> None:
    short = await steps_to_load(tmp_path / "short.db", 100)
    long = await steps_to_load(tmp_path / "long.db", 100_000)

    assert long <= 1.1 * short
    assert os.path.getsize(tmp_path / "long.db") > 30_000_000
