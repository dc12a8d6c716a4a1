"""What a start refuses: always in one line, with what was found and the command that helps, and never by making new."""

# ruff: noqa: ASYNC221, ASYNC240 - a test may block its own event loop

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import EXIT_CONFIG, EXIT_IO, StartError
from bot.store.schema import APPLICATION_ID, LATEST
from tests.store.kit import message, opened


@pytest.fixture
async def made(database: Path) -> Path:
    """A database with some content, closed."""
    async with opened(database) as store:
        for n in range(50):
            await store.receive(message("x" * 500, conversation=f"C{n}"))
    return database


async def refusal(path: Path) -> StartError:
    with pytest.raises(StartError) as refused:
        async with opened(path):
            pass
    assert "\n" not in str(refused.value)
    return refused.value


def pragma(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA {statement}")
    connection.close()


async def test_a_new_database_is_made_for_our_eyes_only_and_is_ours(database: Path) -> None:
    async with opened(database):
        pass

    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert connection.execute("PRAGMA user_version").fetchone()[0] == LATEST
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
    assert database.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in database.parent.iterdir()) == ["saywhen.db", "saywhen.db.lock"]


async def test_every_commit_is_synced(database: Path) -> None:
    async with opened(database) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert store._connection.execute("PRAGMA foreign_keys").fetchone()[0] == 0


def no_database(path: Path) -> None:
    path.write_bytes(b"This is a text file, and a rather long one at that. " * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def header(path: Path) -> None:
    _overwrite(path, 0, b"\0" * 16)


def page(path: Path) -> None:
    _overwrite(path, 4096 * 3, os.urandom(4096 * 2))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (no_database, EXIT_CONFIG, "not an SQLite database"),
        (header, EXIT_CONFIG, "not an SQLite database"),
        (empty, EXIT_IO, "is empty"),
        (page, EXIT_IO, "is damaged"),
        (truncated, EXIT_IO, "is damaged"),
    ],
)
async def test_a_damaged_file_is_refused_with_the_command_to_restore_it_and_left_alone(
    made: Path, damage: Callable[[Path], None], code: int, words: str
) -> None:
    damage(made)
    before = made.read_bytes()

    refused = await refusal(made)

    assert refused.code == code
    assert words in str(refused)
    assert f"cp BACKUP {made}" in str(refused)
    assert "bot backup" in str(refused)
    assert made.read_bytes() == before


async def test_a_database_of_another_program_is_refused_and_left_alone(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE events (mine)")
    connection.close()
    before = database.read_bytes()

    refused = await refusal(database)

    assert "another program" in str(refused)
    assert "DATABASE_URL" in str(refused)
    assert database.read_bytes() == before


async def test_a_newer_database_is_refused(made: Path) -> None:
    pragma(made, f"user_version = {LATEST + 1}")

    refused = await refusal(made)

    assert refused.code == EXIT_CONFIG
    assert f"schema {LATEST + 1}, this one knows {LATEST}" in str(refused)


async def test_a_missing_folder_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    refused = await refusal(tmp_path / "no" / "where" / "saywhen.db")

    assert f"mkdir -p {tmp_path / 'no' / 'where'}" in str(refused)


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "is a folder" in str(await refusal(tmp_path))


async def test_a_wal_without_its_database_is_not_started_over(database: Path) -> None:
    wal = database.with_name(database.name + "-wal")
    wal.write_bytes(b"committed content")

    refused = await refusal(database)

    assert f"{wal} is there" in str(refused)
    assert not database.exists()
    assert wal.read_bytes() == b"committed content"


READ_ONLY = """
import asyncio, os, sys
from datetime import UTC, datetime
from bot.errors import StartError
from bot.store.sqlite import SqliteStore
import sqlite_utils
if os.getuid() == 0:
    os.setuid(65534)
try:
    asyncio.run(SqliteStore.open(sys.argv[1], clock=lambda: datetime.now(UTC)))
except StartError as error:
    print(error.code, error)
"""


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_place_that_cannot_be_written_is_refused(made: Path, tmp_path_factory, what: str) -> None:
    folder = made.parent
    for path in [folder, *list(folder.parents)[:3]]:
        path.chmod(0o755)  # the unprivileged child must get there
    made.chmod(0o444 if what == "file" else 0o666)
    folder.chmod(0o777 if what == "file" else 0o555)

    child = subprocess.run([sys.executable, "-c", READ_ONLY, made], capture_output=True, text=True)
    folder.chmod(0o755)

    assert child.stdout.startswith(f"{EXIT_CONFIG} {made if what == 'file' else folder} cannot be written"), (
        child
    )


async def test_a_database_that_is_being_written_by_another_program_is_refused(made: Path) -> None:
    other = sqlite3.connect(made, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StartError, match="another program"):
        async with opened(made, busy=0.05):
            pass

    other.close()


async def test_a_path_with_odd_characters_is_only_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=ro&x#y%20 'z'.db"

    async with opened(path) as store:
        await store.receive(message())

    assert path.exists()
    async with opened(path) as store:
        assert len(await store.threads()) == 1
