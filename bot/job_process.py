"""Runs the command of one job and writes down how it ended: `python job_process.py FOLDER`. It outlives the bot.

Needs the standard library alone, so that it starts fast. All there is to know about a job is in its folder:

command.json  what to run, where, and for how long; its environment is that of this process, and nowhere written
lock          locked as long as somebody runs the job
started       made just before the command begins, and only once
pid.json      the processes
output.log    what the command prints: its beginning and, if that is too much, its end
cancel        made by whoever wants it to end
result.json   how it ended
"""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

COMMAND, LOCK, STARTED, PID = "command.json", "lock", "started", "pid.json"
OUTPUT, CANCEL, RESULT = "output.log", "cancel", "result.json"

KILL_AFTER = 5.0  # seconds between TERM and KILL
LOOK_EVERY = 0.2
CHUNK = 64 * 1024
KEPT_END = 64 * 1024  # bytes of the end of an output that is too long
LAST_WORDS = 1.0  # seconds for what the command has printed and nobody has read when it ends


def main(folder: Path) -> None:
    """Run the job of this folder, if nobody else does or has."""
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)  # waits for another process with the same order
    if (folder / STARTED).exists() or (folder / RESULT).exists():
        return
    if (folder / CANCEL).exists():
        write_result(folder, {"cancelled": True})
        return
    run = _Run(folder, json.loads((folder / COMMAND).read_text()))
    create(folder / STARTED)
    write_result(folder, run.result())


def create(path: Path) -> None:
    """Make a file that must not be there yet, and be sure that it stays there."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """What was made in this folder is on disk from now on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """All of it or nothing."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    flush_folder(path.parent)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """A full disk must not cost the result, so this waits for room."""
    whole = {"exit_code": None, "timed_out": False, "cancelled": False, "seconds": 0.0, "error": "", **result}
    while folder.is_dir():
        try:
            return write_json(folder / RESULT, whole)
        except OSError:
            time.sleep(1)


# ---------------------------------------------------------------- the command


class _Run:
    def __init__(self, folder: Path, command: dict[str, Any]) -> None:
        self._folder = folder
        self._command = command
        self._output = _Output(folder / OUTPUT, command["most_output"])
        self._asked_to_end = False
        self._reading, self._writing = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # A handler, since what is ignored here the command would ignore too.
            signal.signal(number, self._end_soon)

    def _end_soon(self, number: int, frame: object) -> None:
        self._asked_to_end = True

    def result(self) -> dict[str, Any]:
        begun = time.monotonic()
        try:
            process = self._start()
        except (OSError, ValueError) as error:
            return {"error": _why(error)}
        os.close(self._writing)
        with suppress(OSError):  # for people who look; nothing depends on it
            write_json(self._folder / PID, {"supervisor": os.getpid(), "command": process.pid})
        why = self._until_end(process, begun + self._command["timeout"])
        if why:
            self._end(process)
        code = process.wait()
        self._read_rest()
        self._output.close()
        ended = {"cancelled": why == "cancelled", "timed_out": why == "timed_out"}
        return {"exit_code": code, "seconds": round(time.monotonic() - begun, 3), **ended}

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command["argv"],
            cwd=self._command["directory"],
            stdin=subprocess.DEVNULL,
            stdout=self._writing,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def _until_end(self, process: "subprocess.Popen[bytes]", deadline: float) -> str:
        """Until the command has ended by itself (""), or why it has to be ended."""
        while not _has_ended(process):
            if self._asked_to_end or (self._folder / CANCEL).exists():
                return "cancelled"
            if time.monotonic() >= deadline:
                return "timed_out"
            self._read(min(LOOK_EVERY, max(0.0, deadline - time.monotonic())))
        return ""

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """End the whole group. Its leader is not reaped before, so the group's number is still ours."""
        _signal_group(process.pid, signal.SIGTERM)
        until = time.monotonic() + KILL_AFTER
        while time.monotonic() < until and not (_has_ended(process) and self._output.at_end):
            self._read(LOOK_EVERY)
        _signal_group(process.pid, signal.SIGKILL)

    # ------------------------------------------------------------ its output

    def _read(self, seconds: float) -> bool:
        """Take in what the command prints within these seconds; False if that is nothing."""
        if self._output.at_end:
            time.sleep(min(seconds, 0.05))
            return False
        if not select.select([self._reading], [], [], seconds)[0]:
            return False
        self._output.take(os.read(self._reading, CHUNK))
        return True

    def _read_rest(self) -> None:
        """What it has left behind. A child of it that lives on may hold the other end and never stop printing."""
        until = time.monotonic() + LAST_WORDS
        while time.monotonic() < until and self._read(0):
            pass


class _Output:
    """The file of the output: its first bytes, and at the end of a longer one the last."""

    def __init__(self, path: Path, most: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._room = most
        self._end = b""
        self._left_out = 0
        self.at_end = False

    def take(self, data: bytes) -> None:
        self.at_end = not data
        now, later = data[: self._room], data[self._room :]
        if now:
            self._write(now)
        end = self._end + later
        self._left_out += max(0, len(end) - KEPT_END)
        self._end = end[-KEPT_END:]

    def close(self) -> None:
        self._room += len(self._end) + 100
        if self._left_out:
            self._write(b"\n[%d bytes left out]\n" % self._left_out)
        self._write(self._end)
        os.close(self._file)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                written = os.write(self._file, data)
                data, self._room = data[written:], self._room - written
        except OSError:  # no room on the disk: the command goes on, and the end of its output may still fit
            self._room = 0
            self._left_out += len(data)


# ---------------------------------------------------------------- processes


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    if hasattr(os, "waitid"):  # without reaping it
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _why(error: Exception) -> str:
    what = os.path.basename(str(getattr(error, "filename", "") or ""))
    said = getattr(error, "strerror", None) or str(error)
    return f"{what}: {said}" if what else said


if __name__ == "__main__":
    main(Path(sys.argv[1]))
