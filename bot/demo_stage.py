"""What `bot demo` plays on: simulators and a bot of its own, in a folder of its own, seen from the outside only."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bot.config import load
from bot.dev import Dev
from bot.errors import SaywhenError
from bot.job_folder import JobFolder
from bot.store.lock import holder

T = TypeVar("T")

SHIPPED = ("config.toml", "prompts", "scripts")
DATABASE, DEPLOYS, BOT_OUTPUT = "demo.db", "deploys.log", "bot.log"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
PATIENCE = 60.0  # seconds for one thing to happen, on a very slow machine
POLL = 0.05
JOB_PATIENCE = 10.0
LAST_WORDS = 1500

Json = dict[str, Any]


class DemoFailed(SaywhenError):
    """The story went another way than it should."""


def prepared(checkout: Path, folder: Path) -> dict[str, str]:
    """Put what ships with Saywhen into the folder; returns the environment, which has no key and no account."""
    for name in SHIPPED:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder)
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(checkout),
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "DEPLOY_LOG": str(folder / DEPLOYS),
    }


class Stage(Dev):
    """The two children of `bot dev`, started and killed when the story says so."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        config = load(root=folder, environ=environ, dev=True)
        super().__init__(config, dict(environ), asyncio.Event())
        self._folder = folder
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)

    async def open(self) -> None:
        await self._start_simulators()

    async def start(self) -> int:
        """Start the bot and wait until it is ready; returns its pid."""
        bot = self._bot = await self._start_bot()
        try:
            async with asyncio.timeout(PATIENCE):
                is_up = await self._until_up(bot)
        except TimeoutError:
            is_up = False
        if not is_up:
            raise DemoFailed(f"the bot did not start; its last words: {self.last_words()}")
        await self.until("the bot to be ready", self._is_ready)
        return bot.pid

    async def pull_the_plug(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        if self._bot is not None and self._bot.returncode is None:
            self._bot.kill()
            await self._bot.wait()

    async def close(self) -> None:
        """End everything that was started, jobs too."""
        await self._http.aclose()
        await self._end(self._bot)
        await self._end_jobs()
        await self._end(self._simulators)

    def last_words(self) -> str:
        """The end of what the bot has said."""
        path = self._folder / BOT_OUTPUT
        return path.read_text("utf-8", "replace")[-LAST_WORDS:].strip() if path.exists() else ""

    # ------------------------------------------------------------ what is seen from the outside

    async def say(self, channel: str, person: str, text: str) -> None:
        """A simulated person speaks; the simulators know them whether or not the bot is there."""
        body = {"from": person, "text": text}
        answer = await self._http.post(f"{self._addresses['sim_url']}/sim/{channel}/say", json=body)
        if not answer.is_success:
            raise DemoFailed(f"{person} could not say that on {channel}: {answer.text[:300]}")

    async def slack(self, person: str) -> list[str]:
        """What the bot has written to this person in Slack."""
        found: list[Json] = await self._get("/sim/slack/messages", channel=person)
        return [message["text"].split("\n\n<http")[0] for message in found]

    async def phone(self, person: str, *, arrived: bool = True) -> list[str]:
        """What has arrived on this person's phone, or all that was sent there."""
        found: Json = await self._get("/sim/sms/messages", to=person)
        return [m["text"] for m in found["messages"] if m["status"] == "delivered" or not arrived]

    def deploys(self) -> list[str]:
        """What the job itself has written down."""
        path = self._folder / DEPLOYS
        return path.read_text("utf-8").splitlines() if path.exists() else []

    async def thread_id(self) -> str:
        """The only conversation with Ann."""
        found: Json = (await self._http.get(f"{self._url}/api/threads")).json()
        threads = [str(row["thread_id"]) for row in found["threads"] if row["channel"] == "slack"]
        if len(threads) != 1:
            raise DemoFailed(f"expected one conversation in Slack, found {len(threads)}")
        return threads[0]

    async def events(self, thread_id: str) -> list[Json]:
        found: Json = (await self._http.get(f"{self._url}/api/threads/{thread_id}/events")).json()
        events: list[Json] = found["events"]
        return events

    async def until(self, what: str, look: Callable[[], Awaitable[T]]) -> T:
        """Wait until there is something to see."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := await look()):
                    if self._bot is not None and self._bot.returncode is not None:
                        raise DemoFailed(f"the bot ended by itself: {self.last_words()}")
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise DemoFailed(f"waited {PATIENCE:.0f} seconds for {what}") from None
        return found

    async def _get(self, path: str, **params: str) -> Any:
        return (await self._http.get(f"{self._addresses['sim_url']}{path}", params=params)).json()

    # ------------------------------------------------------------ the children

    @property
    def _url(self) -> str:
        found = holder(self._folder / DATABASE)
        return found.url if found else ""

    async def _is_ready(self) -> bool:
        return (await self._http.get(f"{self._url}/readyz")).status_code == 200

    async def _start_bot(self) -> Process:
        """As in `bot dev`, but what it says goes to a file."""
        simulated = ",".join(sorted(self._simulated))
        command = (sys.executable, "-m", "bot.cli", "run", "--dev", "--simulated", simulated)
        with (self._folder / BOT_OUTPUT).open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *command, env=self._bot_environ(), cwd=self._folder, stdout=output, stderr=output
            )

    async def _greet(self, client: httpx.AsyncClient, url: str, bot: Process) -> None:
        """The demo has its own words."""

    async def _end_jobs(self) -> None:
        """A job outlives the bot that started it, but not the demo."""
        jobs = [JobFolder(path) for path in (self._folder / f"{DATABASE}.jobs").glob("*") if path.is_dir()]
        running = [job for job in jobs if job.look().held]
        for job in running:
            job.cancel()
        for _ in range(round(JOB_PATIENCE / POLL)):
            if not any(job.look().held for job in running):
                return
            await asyncio.sleep(POLL)
