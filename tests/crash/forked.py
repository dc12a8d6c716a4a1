"""Processes of a sweep: children forked from a parent that never starts a thread."""

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

LONGEST_LIFE = 60  # seconds


def fork(work: Callable[[], object], place: Path) -> int:
    """A child that does this and ends; what it raises is written down in its folder."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(LONGEST_LIFE)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - a child must never return into the loop of its parent
        with (place / "error").open("a") as file:
            file.write(traceback.format_exc())
    finally:
        os._exit(code)


def wait(pid: int) -> int:
    """How this child ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def error(place: Path) -> str:
    """The last line of what a child raised."""
    file = place / "error"
    return file.read_text().strip().splitlines()[-1] if file.exists() else "it ended without a word"
