"""The bot as people run it: `bot run` in a process of its own, in a folder of its own, against the simulators."""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bot.store.lock import holder
from simulators.slack import SlackSimulator

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 20


def environment(slack: SlackSimulator | None, model_url: str, folder: Path) -> dict[str, str]:
    """What a person sets: tokens, and here also where the stand-ins are."""
    of_slack = {
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "SLACK_APP_TOKEN": "xapp-demo",
        "SLACK_API_URL": slack.api_url if slack else "",
    }
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{folder / 'bot.db'}",
        "HOST": "127.0.0.1",
        "PORT": "0",
        **(of_slack if slack else {}),
        "ANTHROPIC_API_KEY": "sk-ant-walk-0123456789",
        "ANTHROPIC_BASE_URL": model_url,
        "API_TOKEN": "token-of-a-walk-0123456789",
    }


@dataclass
class RealBot:
    """One bot, over as many lives of its process as a test likes."""

    folder: Path
    environ: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    process: Process | None = None
    pids: list[int] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "bot.db"

    @property
    def url(self) -> str:
        found = holder(self.database)
        return found.url if found else ""

    async def start(self) -> None:
        """Start and wait until it is ready: the store open, Slack connected."""
        if not (self.folder / "config.toml").exists():
            shutil.copy(ROOT / "config.toml", self.folder)
            for name in ("prompts", "scripts"):
                shutil.copytree(ROOT / name, self.folder / name, dirs_exist_ok=True)
        with (self.folder / "output").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.cli", "run", *self.arguments,
                cwd=self.folder, env=dict(self.environ), stdout=output, stderr=output,
            )  # fmt: skip
        self.pids.append(self.process.pid)
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while not await self._is_ready(client):
                if self.process.returncode is not None:
                    raise AssertionError(f"it ended with {self.process.returncode}: {self.output()[-2000:]}")
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL, as when the plug is pulled."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def get(self, path: str) -> httpx.Response:
        """From its web side, as an operator."""
        found = holder(self.database)
        assert found is not None
        headers = {"authorization": f"Bearer {self.environ['API_TOKEN']}"}
        async with httpx.AsyncClient(timeout=10, trust_env=False, headers=headers) as client:
            return await client.get(f"{found.url}{path}")

    def output(self) -> str:
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        found = holder(self.database) if self.database.exists() else None
        if found is None or not found.url or self.process is None or found.pid != self.process.pid:
            return False
        with suppress(httpx.HTTPError):
            return (await client.get(f"{found.url}/readyz")).status_code == 200
        return False
