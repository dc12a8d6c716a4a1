"""The real command line in this process, on a folder and databases as a person would have them."""

import asyncio
import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import BaseModel

import bot
from bot.cli import main
from bot.config.environment import KNOWN
from bot.errors import SendFailed
from bot.testing import FakeChannel, call, open_test_bot, reply
from bot.tools import ToolContext, tool

CHECKOUT = Path(bot.__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the settings that come with Saywhen, and an environment without any."""
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(CHECKOUT / "config.toml", folder)
    shutil.copytree(CHECKOUT / "prompts", folder / "prompts")
    return folder


@pytest.fixture
def logs() -> Iterator[None]:
    """Puts back what a command that acts did to the logs of this process."""
    before, root, handlers = structlog.get_config(), logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def run(root: Path, logs: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in that folder; `says` is what comes through its pipe."""

    def command(*arguments: str, says: str = "") -> Ran:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", StringIO(says))
        status = main(["--root", str(root), *arguments])
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return command


class LookArgs(BaseModel):
    key: str


@tool(effect="read")
async def look_up(args: LookArgs, ctx: ToolContext) -> str:
    """Look something up."""
    return f"{args.key} is 42"


async def _fill(folder: Path) -> list[str]:
    """One conversation with a tool call, one whose reply cannot be delivered, one that is paused."""
    script = [call("look_up", key="a"), reply("It is 42."), reply("never arrives")]
    channel = FakeChannel()
    async with open_test_bot(folder, script=script, tools=[look_up], channel=channel) as bot:
        first = await bot.say("what is a?", conversation="c1")
        await bot.settle()
        bot.clock.advance(1)
        channel.errors.append(SendFailed("no such place", kind="final"))
        second = await bot.say("\x1b[2Jhello", conversation="c2")
        await bot.settle()
        bot.clock.advance(1)
        third = await bot.say("later", conversation="c3")
        await bot.control(third.thread_id, "pause")
        await bot.settle()
    return [first.thread_id, second.thread_id, third.thread_id]


@dataclass(frozen=True)
class Filled:
    """A database at rest, and the threads in it: answered, undelivered, paused."""

    path: Path
    answered: str
    undelivered: str
    paused: str

    def add_unknown_event(self, thread_id: str) -> None:
        """As a newer version would have written it."""
        with sqlite3.connect(self.path) as connection:
            (last,) = connection.execute(
                "SELECT last_seq FROM threads WHERE thread_id = ?", (thread_id,)
            ).fetchone()
            connection.execute(
                """INSERT INTO events (thread_id, seq, id, type, v, time, actor_kind, actor, channel, run, correlation,
                                       dedupe, trace_id, data)
                   SELECT thread_id, ?, 'x', 'moon.landed', 1, time, actor_kind, actor, channel, run, correlation, NULL,
                          trace_id, '{"who":"Neil"}'
                   FROM events WHERE thread_id = ? AND seq = ?""",
                (last + 1, thread_id, last),
            )
            connection.execute("UPDATE threads SET last_seq = ? WHERE thread_id = ?", (last + 1, thread_id))
        connection.close()


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Filled:
    """The database that DATABASE_URL names."""
    threads = asyncio.run(_fill(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'test.db'}")
    return Filled(tmp_path / "test.db", *threads)
