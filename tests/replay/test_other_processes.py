"""A request is the same in another process, folder, time zone, locale and hash seed, and after the prompt changed."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.replay.story import tell

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    {"TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"},
    {"TZ": "America/St_Johns", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "4294967295", "PYTHONUTF8": "0"},
)


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """Two threads with all that can happen; their last requests use another prompt than the first ones."""
    await tell(tmp_path)
    return tmp_path / "test.db"


def elsewhere(database: Path, folder: Path, environ: dict[str, str]) -> list[list[str]]:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.replay.rebuild", str(database)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


async def test_every_request_of_a_finished_thread_is_rebuilt_elsewhere_with_its_logged_hash(
    database, tmp_path
):
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    for environ in PLACES:
        found = elsewhere(database, folder, environ)

        assert len(found) >= 30
        assert [logged for _, _, logged, _ in found] == [rebuilt for _, _, _, rebuilt in found]


async def test_the_request_that_a_command_shows_is_the_one_that_was_sent(database, tmp_path):
    thread_id, seq, logged, _ = elsewhere(database, tmp_path, PLACES[0])[-1]

    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot.cli", "thread", "prompt", thread_id, "--at", str(seq), "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{database}", **PLACES[1]},
        capture_output=True,
        text=True,
        check=True,
    )

    shown = json.loads(ended.stdout)
    assert shown["same"] is True
    assert shown["hash"] == shown["logged_hash"] == logged
