"""One process per database."""

# ruff: noqa: ASYNC240 - a test may block its own event loop

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.errors import EXIT_LOCKED
from bot.store.lock import Holder, Lock, Locked, holder, lock_path
from tests.store.kit import opened

HOLD = """
import sys, time
from bot.store.lock import Lock
lock = Lock.acquire(sys.argv[1], url="http://127.0.0.1:8000")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(database: Path):
    """Another process that holds the lock."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(database)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


async def test_a_second_process_is_refused_with_the_pid_and_address_of_the_first(
    database: Path, other
) -> None:
    with pytest.raises(Locked) as refused:
        async with opened(database):
            pass

    assert (refused.value.pid, refused.value.url) == (other.pid, "http://127.0.0.1:8000")
    assert refused.value.code == EXIT_LOCKED
    assert f"process {other.pid}" in str(refused.value)
    assert str(database) in str(refused.value)
    assert not database.exists()


async def test_kill_minus_nine_frees_the_lock(database: Path, other) -> None:
    assert holder(database) == Holder(other.pid, "http://127.0.0.1:8000")

    other.send_signal(signal.SIGKILL)
    other.wait()

    assert holder(database) is None
    async with opened(database):
        assert holder(database) == Holder(os.getpid(), "")


async def test_waiting_gets_the_lock_when_its_holder_ends(database: Path, other) -> None:
    waiting = asyncio.ensure_future(Lock.wait(database, 10))
    await asyncio.sleep(0.2)
    assert not waiting.done()

    other.kill()
    lock = await waiting

    async with opened(database, lock=lock) as store:
        assert store.lock is lock


async def test_waiting_ends_with_the_same_refusal(database: Path, other) -> None:
    begun = time.monotonic()

    with pytest.raises(Locked):
        await Lock.wait(database, 0.3)

    assert 0.3 <= time.monotonic() - begun < 5


async def test_the_lock_says_where_the_bot_listens_and_outlives_it(database: Path) -> None:
    async with opened(database, url="http://127.0.0.1:1") as store:
        assert holder(database) == Holder(os.getpid(), "http://127.0.0.1:1")
        store.lock.announce("http://127.0.0.1:65535/with/a/long/path")
        assert holder(database) == Holder(os.getpid(), "http://127.0.0.1:65535/with/a/long/path")
        store.lock.announce("")
        assert holder(database) == Holder(os.getpid(), "")

    assert holder(database) is None
    assert lock_path(database).exists()


async def test_a_symbolic_link_to_a_database_has_the_same_lock(database: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    async with opened(database):
        link.symlink_to(database)

        with pytest.raises(Locked):
            Lock.acquire(link)


async def test_a_start_that_fails_lets_go_of_the_lock(database: Path) -> None:
    database.write_text("not a database, but long enough to look like something")

    for _ in range(2):
        with pytest.raises(Exception, match="not an SQLite database"):
            async with opened(database):
                pass

    assert holder(database) is None


def test_looking_never_refuses_a_start(database: Path) -> None:
    looking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom bot.store.lock import holder\nwhile 1: holder(sys.argv[1])",
            database,
        ]
    )
    try:
        for _ in range(200):
            Lock.acquire(database).release()
    finally:
        looking.kill()
        looking.wait()
