"""`bot dev` and `bot run` as processes: signals in every phase, addresses of every kind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import bot
from bot.config.environment import KNOWN
from bot.store.lock import holder

CHECKOUT = Path(bot.__file__).resolve().parent.parent
BOT = [sys.executable, "-m", "bot.cli"]
START_SECONDS, STOP_SECONDS = 60, 15


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copy(CHECKOUT / "config.toml", tmp_path)
    shutil.copytree(CHECKOUT / "prompts", tmp_path / "prompts")
    return tmp_path


@contextmanager
def started(root: Path, *arguments: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command in a process group of its own; what it prints goes to `output`."""
    environ = {name: value for name, value in os.environ.items() if name.upper() not in KNOWN}
    environ |= {"DATABASE_URL": f"sqlite:///{root / 'try.db'}", "PYTHONPATH": str(CHECKOUT), **settings}
    with (root / "output").open("wb") as output:
        process = subprocess.Popen(
            [*BOT, *arguments],
            cwd=root, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def address(root: Path) -> str:
    """Where the bot says that it listens, once it is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        found = holder(root / "try.db")
        if found is not None and found.url:
            try:
                if httpx.get(f"{found.url}/readyz", trust_env=False).status_code == 200:
                    return found.url
            except httpx.HTTPError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"it did not come up: {(root / 'output').read_text()[-2000:]}")


def said(root: Path, what: str, seconds: float = START_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what in (root / "output").read_text():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", "0"), ("::1", "0")])
def test_bot_dev_greets_and_a_signal_to_its_group_lets_the_bot_finish(root, host, port):
    with started(root, "dev", HOST=host, PORT=port) as dev:
        url = address(root)
        greeted = said(root, f"Chat in the browser     {url}/")

        os.killpg(dev.pid, signal.SIGTERM)
        code = dev.wait(STOP_SECONDS)

    assert greeted
    assert code == 0
    assert (
        "stopped" in (root / "output").read_text()
    )  # the bot's last line: it wound down, it was not cut off
    assert holder(root / "try.db") is None


@pytest.mark.timeout(60)
def test_a_bot_that_waits_for_its_port_ends_when_it_is_told_to(root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with started(root, "run", "--wait-lock", "--dev", PORT=port, ANTHROPIC_API_KEY="sk-none") as process:
            time.sleep(4)
            process.terminate()
            code = process.wait(STOP_SECONDS)

    assert code == 0
