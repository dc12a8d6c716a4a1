"""Mails are read in a process of their own, with limits: whatever a mail does to it, ours goes on."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

from bot.errors import SaywhenError
from channels.email import wire
from channels.email.limits import Unreadable
from channels.email.mail import Mail

__all__ = ["NoWorker", "Reader", "Unreadable"]

READY = b"ready"
START_SECONDS = 30.0
CLOSE_SECONDS = 2.0
SLOWEST = 15.0
"""So many times the CPU time may pass on the clock: the machine may have other things to do."""

_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)


class NoWorker(SaywhenError):
    """The process that reads mails does not start. No mail is to blame for that."""


class _Died(Exception):
    """The process ended without an answer."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Reader:
    """Reads one mail at a time. The process is started with the first one, and again after one that killed it."""

    def __init__(self, cpu: float = 2.0, memory: int = 256 << 20, longest: int = 30 << 20) -> None:
        self.cpu, self.memory, self.longest = cpu, memory, longest
        self._lock = asyncio.Lock()
        self._process: Process | None = None

    async def read(self, raw: bytes, *, ours: Sequence[str] = ()) -> Mail:
        """Raises Unreadable, or NoWorker."""
        if len(raw) > self.longest:
            raise Unreadable(f"it is larger than {self.longest >> 20} MiB")
        async with self._lock:
            try:
                return await self._read(raw, ours)
            except _Died as died:
                if died.code not in _FROM_OUTSIDE:
                    raise Unreadable(self._why(died)) from died
            try:  # somebody else ended it, which says nothing about the mail
                return await self._read(raw, ours)
            except _Died as died:
                raise Unreadable(self._why(died)) from died

    async def close(self) -> None:
        async with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            if process.stdin is not None:
                process.stdin.close()
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await process.wait()
            except TimeoutError:
                await _end(process)

    async def _read(self, raw: bytes, ours: Sequence[str]) -> Mail:
        process = self._process if self._process and self._process.returncode is None else await self._start()
        self._process = None  # until it has answered: after anything else it is of no use any more
        alive = False
        try:
            async with asyncio.timeout(self._most_seconds):
                data = await _ask(process, wire.question(raw, ours))
            alive = not wire.is_last(data)
            return wire.read_answer(data)
        except TimeoutError as error:
            raise Unreadable(f"reading it takes longer than {self._most_seconds:g} seconds") from error
        except wire.Garbled as error:
            alive = False
            raise Unreadable(f"the process that read it gave no proper answer: {error}") from error
        finally:
            if alive:
                self._process = process
            else:
                await _end(process)

    @property
    def _most_seconds(self) -> float:
        return max(1.0, self.cpu) * SLOWEST

    async def _start(self) -> Process:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-W", "ignore", "-m", "channels.email.child", str(self.cpu), str(self.memory),
                stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment(), cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NoWorker(f"the process that reads mails does not start: {error}") from error
        try:
            async with asyncio.timeout(START_SECONDS):
                if await _answer(process) == READY:
                    return process
                why = "it says something else than it should"
        except TimeoutError:
            why = f"it is not ready after {START_SECONDS:g} seconds"
        except _Died as died:
            why = str(died)
        await _end(process)
        raise NoWorker(f"the process that reads mails does not start: {why}")

    def _why(self, died: _Died) -> str:
        match -died.code:
            case signal.SIGPROF | signal.SIGXCPU:
                return f"reading it takes more than {self.cpu:g} seconds of computing time"
            case signal.SIGSEGV | signal.SIGABRT | signal.SIGBUS:
                return f"it breaks the process that reads it (signal {-died.code})"
            case _:
                return f"the process that reads it ended ({died.code}) {died}".strip()


def _environment() -> dict[str, str]:
    """Nothing of ours that is a secret."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


async def _ask(process: Process, question: bytes) -> bytes:
    assert process.stdin is not None
    try:
        process.stdin.write(question)
        await process.stdin.drain()
    except ConnectionError as error:
        raise await _death(process) from error
    return await _answer(process)


async def _answer(process: Process) -> bytes:
    assert process.stdout is not None
    try:
        (length,) = wire.LENGTH.unpack(await process.stdout.readexactly(wire.LENGTH.size))
        if length > wire.LONGEST_ANSWER:
            raise wire.Garbled("it is too long")
        return await process.stdout.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise await _death(process) from error


async def _death(process: Process) -> _Died:
    """With its last words, if it had any."""
    assert process.stderr is not None
    words = await process.stderr.read(1 << 16)
    code = await process.wait()
    lines = words.decode("utf-8", "replace").strip().splitlines()
    return _Died(code, lines[-1][:200] if lines else "")


async def _end(process: Process) -> None:
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
    await process.wait()
