"""`bot dev`: the simulators and the bot as two children, the bot restarted when it dies."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import structlog

from bot.config import Config
from bot.dev_environment import simulated_environment, simulated_parts, simulated_people
from bot.errors import EXIT_CONFIG, EXIT_IO, EXIT_LOCKED, StartError
from bot.store.lock import Locked, holder

NEVER_AGAIN = (EXIT_LOCKED, EXIT_IO, EXIT_CONFIG)
RESTART_PAUSE = 1.0  # seconds
STOP_SECONDS = 8.0
LINE_LIMIT = 1 << 20

log = structlog.get_logger("dev")


async def dev(config: Config, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT, or until the bot ends in a way that starting again cannot mend."""
    database = config.database.path
    if (found := holder(database)) is not None:
        raise Locked(database, found)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await Dev(config, dict(environ), stop).run()


class Dev:
    """The parent of the two children."""

    def __init__(self, config: Config, environ: dict[str, str], stop: asyncio.Event) -> None:
        self._config = config
        self._environ = environ
        self._stop = stop
        self._simulated = simulated_parts(config)
        self._simulators: Process | None = None
        self._addresses: dict[str, str] = {}
        self._bot: Process | None = None
        self._code = 0
        self._greeted = False

    async def run(self) -> int:
        watch = None
        try:
            if self._simulated:
                try:
                    await self._start_simulators()
                except StartError:
                    if self._stop.is_set():  # Ctrl-C ended them before they were up
                        return 0
                    raise
                watch = asyncio.ensure_future(self._keep_simulators())
            await self._keep_bot()
        finally:
            if watch is not None:
                watch.cancel()
            await self._end(self._bot)
            await self._end(self._simulators)
        return self._code

    # ------------------------------------------------------------ the simulators

    async def _start_simulators(self) -> None:
        """On a free port the first time, on the same one again after that."""
        port = self._addresses.get("sim_url", ":0").rsplit(":", 1)[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators", "--state", str(self._state_file()), "--port", port,
            "--people", json.dumps(simulated_people(self._config)), "--parent", str(os.getpid()),
            *self._allowed_hosts(),
            stdout=PIPE, limit=LINE_LIMIT, cwd=self._config.root, umask=0o077,
        )  # fmt: skip
        self._simulators = process
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise StartError("the simulators did not start; what they said stands above", code=1)
        self._addresses = json.loads(line)

    def _state_file(self) -> Path:
        """Beside the database, and new if the database is."""
        database = self._config.database.path
        state = database.with_name(database.name + ".simulators")
        if not database.exists():
            for leftover in database.parent.glob(state.name + "*"):
                leftover.unlink()
        return state

    def _allowed_hosts(self) -> list[str]:
        web = self._config.web
        return ["--allow-host", f"127.0.0.1:{web.port}", "--allow-host", f"localhost:{web.port}"]

    async def _keep_simulators(self) -> None:
        while not self._stop.is_set():
            assert self._simulators is not None
            await self._simulators.wait()
            if not self._stop.is_set():
                log.warning("the simulators ended; starting them again")
                await asyncio.sleep(RESTART_PAUSE)
                with suppress(StartError):  # what they said stands above; they are tried again
                    await self._start_simulators()

    # ------------------------------------------------------------ the bot

    async def _keep_bot(self) -> None:
        """Start the bot, and again when it dies, but not if it never came up or said that it cannot."""
        while not self._stop.is_set():
            self._bot = await self._start_bot()
            was_up = await self._until_up(self._bot)
            code = await self._until_ended(self._bot)
            if self._stop.is_set():
                return
            if code in NEVER_AGAIN or not was_up:
                self._code = code if code > 0 else 1
                return
            log.warning("the bot ended; starting it again", code=code)
            await asyncio.sleep(RESTART_PAUSE)

    async def _start_bot(self) -> Process:
        simulated = ",".join(sorted(self._simulated))
        command = (sys.executable, "-m", "bot.cli", "run", "--dev", "--simulated", simulated)
        return await asyncio.create_subprocess_exec(
            *command, env=self._bot_environ(), cwd=self._config.root, start_new_session=False
        )

    def _bot_environ(self) -> dict[str, str]:
        environ = {**self._environ, "SAYWHEN_PARENT": str(os.getpid())}
        environ["DATABASE_URL"] = f"sqlite:///{self._config.database.path}"
        return environ | simulated_environment(self._simulated, self._addresses)

    async def _until_up(self, bot: Process) -> bool:
        """True once /healthz answers with this process's pid; False if it ended before."""
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while bot.returncode is None and not self._stop.is_set():
                if (url := self._address_of(bot)) and await _pid_at(client, url) == bot.pid:
                    await self._connect_phones(client, url)
                    await self._greet(client, url, bot)
                    return True
                await asyncio.sleep(0.1)
        return False

    async def _connect_phones(self, client: httpx.AsyncClient, url: str) -> None:
        """Tell the simulated provider where the bot listens, as one does in the real one's console."""
        if "sms" not in self._simulated:
            return
        hooks = {
            "url": f"{url}/webhooks/twilio/sms#rc=5&rp=all",
            "status_url": f"{url}/webhooks/twilio/status",
        }
        with suppress(httpx.HTTPError):
            await client.post(f"{self._addresses['sim_url']}/sim/sms/webhook", json=hooks)

    def _address_of(self, bot: Process) -> str:
        """Where the bot says that it listens: PORT may be 0, and HOST any address of this machine."""
        found = holder(self._config.database.path)
        return found.url if found is not None and found.pid == bot.pid else ""

    async def _greet(self, client: httpx.AsyncClient, url: str, bot: Process) -> None:
        if self._greeted:
            return
        for _ in range(200):
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    break
            if bot.returncode is not None or self._stop.is_set():
                return
            await asyncio.sleep(0.1)
        self._greeted = True
        print(greeting(self._config, url, self._simulated), flush=True)

    async def _until_ended(self, bot: Process) -> int:
        ended = asyncio.ensure_future(bot.wait())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await self._end(bot)
        stopping.cancel()
        return await ended

    async def _end(self, child: Process | None) -> None:
        if child is None or child.returncode is not None:
            return
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


async def _pid_at(client: httpx.AsyncClient, url: str) -> int | None:
    """The pid that answers there, if a bot does."""
    with suppress(httpx.HTTPError, ValueError):
        found = (await client.get(f"{url}/healthz")).json()
        return found.get("pid") if isinstance(found, dict) else None
    return None


def greeting(config: Config, url: str, simulated: frozenset[str]) -> str:
    """What a person who just started this wants to do next, ready to paste."""
    say = "-H 'content-type: application/json'"
    thinks = "a demo brain: simple rules, no language model" if "model" in simulated else "Claude"
    if "model" not in simulated:
        thinks += f", at most {config.limits.daily_tokens_dev:,} tokens a day (limits.daily_tokens_dev)"
    lines = [
        "",
        f"Saywhen is up. It thinks with {thinks}.",
        "",
        f"  Chat in the browser     {url}/",
        f"  All conversations       {url}/threads",
        *([f"  Simulated people        {url}/sim"] if simulated else []),
        "  Chat in a terminal      .venv/bin/bot chat",
        "",
        f"  curl -X POST '{url}/api/messages?wait=30' {say} \\",
        '    -d \'{"conversation":"c1","text":"remind me in 2 seconds to stretch"}\'',
    ]
    if "slack" in simulated:
        lines += [
            f"  curl -X POST {url}/sim/slack/say {say} \\",
            '    -d \'{"from":"ann","text":"what time is it?"}\'',
            f"  curl {url}/sim/slack/messages",
        ]
    if "email" in simulated:
        lines += [
            f"  curl -X POST {url}/sim/email/say {say} \\",
            '    -d \'{"from":"ann","subject":"A sum","text":"what is 17*23"}\'',
            f"  curl {url}/sim/email/messages",
        ]
    if "discord" in simulated:
        lines += [
            f"  curl -X POST {url}/sim/discord/say {say} \\",
            '    -d \'{"from":"ann","text":"what time is it in Tokyo?"}\'',
            f"  curl {url}/sim/discord/messages",
        ]
    if {"slack", "sms", "model"} <= simulated:
        lines += [
            "",
            "  Ask for something risky, and say yes from Carol's phone (the code is in her message):",
            f"  curl -X POST {url}/sim/slack/say {say} \\",
            '    -d \'{"from":"ann","text":"send Bob an SMS saying: the deploy starts at 5"}\'',
            f"  curl {url}/sim/sms/messages",
            f'  curl -X POST {url}/sim/sms/say {say} -d \'{{"from":"carol","text":"OK CODE"}}\'',
        ]
    lines += [
        "",
        f"  Pull the plug and watch it come back:  kill -9 $(curl -s {url}/healthz | grep -o '[0-9]\\+' | head -1)",
        "",
        "With an ANTHROPIC_API_KEY in .env it thinks with Claude; with SLACK_BOT_TOKEN and SLACK_APP_TOKEN it talks to",
        "the real Slack (`bot slack manifest` makes the app), with DISCORD_BOT_TOKEN to Discord (see .env.example).",
        "Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)
