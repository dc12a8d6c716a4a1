"""A backup while the bot runs."""

# ruff: noqa: ASYNC240 - a test may block its own event loop

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import StartError
from bot.store.backup import BackupFailed, backup
from bot.store.opening import NoDatabase
from tests.store.kit import answer, message, opened, outgoing

BACKUP = "import sys\nfrom bot.store.backup import backup\nbackup(sys.argv[1], sys.argv[2])"


def log_of(path: Path) -> list[tuple[str, int]]:
    """The log, in the order of its commits."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = connection.execute("SELECT thread_id, seq FROM events ORDER BY position").fetchall()
    connection.close()
    return rows


async def test_backups_by_another_process_under_load_hold_a_prefix_of_the_log(
    database: Path, tmp_path: Path
) -> None:
    async with opened(database) as store:
        going = True

        async def load(name: str) -> None:
            head = 0
            while going:
                first = await store.receive(message("x" * 300, conversation=name))
                head = (await answer(store, first, outgoing(), head=head)).events[-1].seq

        loads = [asyncio.create_task(load(f"C{n}")) for n in range(8)]
        sizes = []
        for n in range(3):
            await asyncio.sleep(0.2)
            sizes.append(store.counts.transactions)
            target = str(tmp_path / f"backup{n}.db")
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", BACKUP, str(database), target)
            assert await child.wait() == 0
        assert store.counts.transactions > sizes[-1], "the bot went on meanwhile"
        going = False
        await asyncio.gather(*loads)
        assert store.healthy == ""

    whole = log_of(database)
    copies = [log_of(tmp_path / f"backup{n}.db") for n in range(3)]
    assert [len(copy) for copy in copies] == sorted(len(copy) for copy in copies)
    for copy in copies:
        assert copy == whole[: len(copy)]
        assert copy


async def test_a_backup_is_one_private_file_and_starts_a_bot(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "folder" / "backup.db"
    target.parent.mkdir()
    async with opened(database) as store:
        first = await store.receive(message(dedupe="k1"))
        backup(database, target)

    assert [path.name for path in target.parent.iterdir()] == ["backup.db"]
    assert target.stat().st_mode & 0o077 == 0
    restored = tmp_path / "restored.db"
    shutil.copy(target, restored)
    async with opened(restored) as store:
        assert await store.take_over() == [first.thread_id]
        assert (await store.receive(message(dedupe="k1"))).duplicate


async def test_an_existing_target_is_not_overwritten(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("last week's backup")
    async with opened(database):
        with pytest.raises(BackupFailed, match="exists already"):
            backup(database, target)

    assert target.read_text() == "last week's backup"


async def test_a_backup_that_cannot_be_written_leaves_nothing(database: Path, tmp_path: Path) -> None:
    async with opened(database):
        with pytest.raises(BackupFailed, match="could not be written"):
            backup(database, tmp_path / "no" / "where.db")


def test_there_is_no_backup_of_nothing(database: Path, tmp_path: Path) -> None:
    with pytest.raises(NoDatabase):
        backup(database, tmp_path / "backup.db")

    assert list(tmp_path.iterdir()) == []


async def test_a_damaged_or_foreign_database_is_not_backed_up(database: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(StartError, match="another program"):
        backup(foreign, tmp_path / "backup.db")

    async with opened(database) as store:
        for n in range(50):
            await store.receive(message("x" * 500, conversation=f"C{n}"))
    with database.open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises(BackupFailed):
        backup(database, tmp_path / "backup.db")

    assert not list(tmp_path.glob("backup.db*"))


def test_the_module_runs_without_a_bot(database: Path, tmp_path: Path) -> None:
    async def make() -> None:
        async with opened(database) as store:
            await store.receive(message())

    asyncio.run(make())
    subprocess.run([sys.executable, "-c", BACKUP, database, tmp_path / "backup.db"], check=True)

    assert log_of(tmp_path / "backup.db") == log_of(database)
