"""One process per database: an exclusive flock on `<database>.lock`, a file that is never deleted."""

import asyncio
import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.errors import EXIT_LOCKED, StartError

_RETRIES = 5  # `holder` in another process takes the lock for a blink; that must not refuse a start
_BLINK = 0.02


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that has the database, and where its HTTP API listens ("" while it is starting)."""

    pid: int
    url: str


class Locked(StartError):
    """Another process has the database."""

    code = EXIT_LOCKED

    def __init__(self, path: Path, holder: Holder) -> None:
        where = f" and answers at {holder.url}" if holder.url else ""
        super().__init__(f"{path} is in use: process {holder.pid} has it{where}. Stop that one first.")
        self.pid = holder.pid
        self.url = holder.url


class Lock:
    """The right to write to a database; ends with `release` or with the process, however it ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle: int | None = handle
        self._identity = _identity(os.fstat(handle))

    @classmethod
    def acquire(cls, database: str | Path, *, url: str = "") -> Self:
        """Take the lock at once, or raise Locked."""
        path = lock_path(database)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(handle, path)
            lock = cls(path, handle)
            lock.announce(url)
        except BaseException:
            os.close(handle)
            raise
        return lock

    @classmethod
    async def wait(cls, database: str | Path, seconds: float, *, url: str = "") -> Self:
        """Take the lock as soon as its holder lets go of it, or raise Locked after that many seconds."""
        end = time.monotonic() + seconds
        while True:
            try:
                return cls.acquire(database, url=url)
            except Locked:
                if time.monotonic() >= end:
                    raise
            await asyncio.sleep(0.1)

    def announce(self, url: str) -> None:
        """Say where this process can be reached."""
        assert self._handle is not None, "the lock was released"
        line = json.dumps({"pid": os.getpid(), "url": url}).encode() + b"\n"
        os.pwrite(self._handle, line, 0)
        os.ftruncate(self._handle, len(line))

    @property
    def intact(self) -> bool:
        """Whether the lock file is still the one that was locked: if not, a second process can get in."""
        try:
            return self._handle is not None and _identity(os.stat(self.path)) == self._identity
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def lock_path(database: str | Path) -> Path:
    """The lock's file: the same one, by whatever symbolic link the database is named."""
    path = Path(os.path.realpath(database))
    return path.with_name(path.name + ".lock")


def holder(database: str | Path) -> Holder | None:
    """Who has the database now, or None."""
    path = lock_path(database)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(handle)
    finally:
        os.close(handle)
    return None


def _take(handle: int, path: Path) -> None:
    for attempt in range(_RETRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt == _RETRIES - 1:
                raise Locked(path.with_suffix(""), _read(handle)) from None
            time.sleep(_BLINK)
        else:
            return


def _read(handle: int) -> Holder:
    try:
        value = json.loads(os.pread(handle, 4096, 0))
        return Holder(pid=int(value["pid"]), url=str(value["url"]))
    except (ValueError, KeyError, TypeError):
        return Holder(pid=0, url="")  # the holder is just writing it


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
