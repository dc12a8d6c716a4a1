"""`bot demo`: the story is played by the real program, and nothing of it is left behind."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

import bot
from bot.demo import Check, Played

CHECKOUT = Path(bot.__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def demo(folder: Path, *arguments: str) -> Process:
    """Started by somebody who has a key, a token and a bot of their own; none of that may matter."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "TMPDIR": str(folder),
        "ANTHROPIC_API_KEY": "sk-ant-not-to-be-used",
        "SLACK_BOT_TOKEN": "xoxb-not-to-be-used",
        "DATABASE_URL": f"sqlite:///{folder / 'not-to-be-used.db'}",
        "PORT": "1",
    }
    command = (sys.executable, "-m", "bot.cli", "demo", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=folder, env=environ, stdout=PIPE, stderr=PIPE)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_the_story_is_played_and_every_action_ran_exactly_once(tmp_path: Path):
    process = await demo(tmp_path, "--json")

    out, err = await process.communicate()

    assert process.returncode == 0, (out + err).decode()
    played = json.loads(out)
    assert played["ok"]
    assert [check["claim"] for check in played["checks"] if not check["holds"]] == []
    said = [moment["what"] for moment in played["timeline"]]
    order = (
        "kill -9",
        "while the bot is down",
        "is back",
        "has started",
        "kill -9",
        "is back",
        "runs v1.2 now",
    )
    places = iter(said)
    assert all(any(part in what for what in places) for part in order), said
    assert left_in(tmp_path) == []


async def test_stopped_in_the_middle_it_ends_what_it_started_and_removes_its_folder(tmp_path: Path):
    process = await demo(tmp_path)
    assert process.stdout is not None
    line = b""
    while b"the bot is up (pid " not in line:
        line = await process.stdout.readline()
        assert line, (await process.communicate())[1].decode()
    pid = int(line.rpartition(b"(pid ")[2].rstrip(b")\n"))

    process.send_signal(signal.SIGINT)
    await process.communicate()

    assert process.returncode == 130
    assert left_in(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_does_not_hold_or_was_not_looked_at_is_no_success():
    right, wrong = Check("texts to Bob", ["hi"], ["hi"]), Check("texts to Bob", ["hi"], ["hi", "hi"])

    assert Played(checks=[right]).ok
    assert not Played(checks=[right, wrong]).ok
    assert not Played(checks=[right], error="the bot did not start").ok
    assert not Played().ok
