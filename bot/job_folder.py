"""The folder of one job as the bot sees it: it starts what runs there, looks how it stands, and reads the output."""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot import job_process
from bot.job_process import CANCEL, COMMAND, LOCK, OUTPUT, RESULT, STARTED
from bot.one_line import MARGIN

MOST_OUTPUT = 10 * 1024 * 1024
KEEP = timedelta(days=30)
HOME = "home.json"
LINE_WINDOW = 4096  # bytes in which the last line is looked for

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended. Without an exit code it never began; `error` says why, if nobody wanted that."""

    exit_code: int | None
    timed_out: bool
    cancelled: bool
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class State:
    """How a job stands. `begun`: its command may have run; `held`: there is a process that runs it."""

    held: bool
    begun: bool
    end: End | None
    last_line: str = ""


class JobFolder:
    """Nothing here waits for the job, but all of it touches the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        argv: Sequence[str],
        *,
        directory: Path,
        timeout: timedelta,
        environ: Mapping[str, str],
        python: str,
    ) -> None:
        """Let a process of its own, in a session of its own, run the command, unless that was begun before."""
        self._make()
        if not (self._path / COMMAND).exists():
            command = {
                "argv": list(argv),
                "directory": str(directory),
                "timeout": timeout.total_seconds(),
                "most_output": MOST_OUTPUT,
            }
            job_process.write_json(self._path / COMMAND, command)
        self._process = subprocess.Popen(
            [python, "-I", "-S", job_process.__file__, str(self._path)],
            cwd=self._path,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.mkdir(exist_ok=True, mode=0o700)
        job_process.flush_folder(self._path.parent)

    def cancel(self) -> None:
        """Have it end; if it has not begun, it never will."""
        self._make()
        with suppress(FileExistsError):
            job_process.create(self._path / CANCEL)

    def look(self) -> State:
        """How it stands now."""
        held = self._is_starting() or self._is_locked()  # first: what ends after this has written its result
        begun = (self._path / STARTED).exists()
        return State(held, begun, self._end(), self._last_line())

    def _is_starting(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _is_locked(self) -> bool:
        try:
            lock = os.open(self._path / LOCK, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _end(self) -> End | None:
        try:
            found: dict[str, Any] = json.loads((self._path / RESULT).read_text())
        except FileNotFoundError:
            return None
        return End(**found)

    # ------------------------------------------------------------ the output

    def _last_line(self) -> str:
        """The last whole line that says something."""
        text, _ = self._read_end(LINE_WINDOW)
        whole, _, _ = text.replace("\r", "\n").rpartition("\n")
        return next((line.strip() for line in reversed(readable(whole).split("\n")) if line.strip()), "")

    def last_output(self, most: int, clean: Callable[[str], str]) -> tuple[str, bool]:
        """The last `most` characters without secrets, and whether that is everything.

        They are cleaned before the cut, so that no half of a secret is left over.
        """
        text, whole = self._read_end(4 * (most + MARGIN))
        text = readable(text)
        if not whole or len(text) > most + MARGIN:
            text, whole = text[-(most + MARGIN) :], False
        text = clean(text)
        keep = most if whole else min(most, max(0, len(text) - MARGIN))
        shown = text[max(0, len(text) - keep) :]
        return shown.strip("\n"), whole and len(text) <= most

    def _read_end(self, most: int) -> tuple[str, bool]:
        """The last bytes as text, and whether there are no more."""
        try:
            with (self._path / OUTPUT).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - most))
                return file.read(most).decode(errors="replace"), size <= most
        except FileNotFoundError:
            return "", True


def readable(text: str) -> str:
    """What a terminal would show of it, nearly: no escapes, no control characters, lines as last rewritten."""
    text = _ESCAPE.sub("", text.replace("\r\n", "\n"))
    lines = (line.rstrip("\r").rpartition("\r")[2].replace("\t", " ") for line in text.split("\n"))
    return "\n".join("".join(char for char in line if char.isprintable()) for line in lines)


def settle_in(folder: Path, open_tasks: Collection[str]) -> None:
    """Make the folder of all jobs, once for each machine.

    Where it is missing while jobs are open (a database that was restored from a backup, or moved), nobody can know
    whether those have run: they get a folder that says that they have begun, so that they never begin again.
    """
    if (folder / HOME).exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for task in open_tasks:
        own = folder / task
        if not own.exists():
            own.mkdir(mode=0o700)
            job_process.create(own / STARTED)
    job_process.write_json(folder / HOME, {"made": "by Saywhen"})


def sweep(folder: Path, now: datetime, *, open_tasks: Collection[str], keep: timedelta = KEEP) -> int:
    """Remove what jobs that ended long ago have left; says how many that were.

    Never of an open task: without its folder the next start would take it for one that never began.
    """
    removed = 0
    for path in [each for each in folder.glob("*") if each.is_dir()]:
        with suppress(FileNotFoundError):
            ended = datetime.fromtimestamp((path / RESULT).stat().st_mtime, UTC)
            if path.name not in open_tasks and now - ended > keep:
                shutil.rmtree(path)
                removed += 1
    return removed
