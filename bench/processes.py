"""The processes that take part in a measurement: started, asked what they used, ended by their own id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
END_WITHIN = 15.0
_PROC = Path("/proc")


@dataclass(slots=True)
class Child:
    """A process, with a line of JSON in and out for those that take orders."""

    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def hear(self) -> dict[str, Any]:
        """The next line it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} has ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self, order: Mapping[str, object]) -> dict[str, Any]:
        """Give it an order and wait for what came of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far, all its threads."""
        if _PROC.is_dir():
            fields = (_PROC / str(self.pid) / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return _seconds(self._ps("time"))

    def megabytes(self) -> float:
        """Its resident memory."""
        return int(self._ps("rss")) / 1024

    def _ps(self, what: str) -> str:
        asked = ["ps", "-o", f"{what}=", "-p", str(self.pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _seconds(text: str) -> float:
    """What ps calls a time: [[days-]hours:]minutes:seconds."""
    days, _, rest = text.rpartition("-")
    seconds = 0.0
    for part in rest.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86_400 * int(days or 0)


@contextmanager
def started(
    module: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    talks: bool = False,
    log: Path | None = None,
) -> Iterator[Child]:
    """`python -m module` for as long as the block lasts."""
    errors = log.open("w") if log else subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env={**_clean_environment(), **(env or {})},
        stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
        stdout=subprocess.PIPE if talks else subprocess.DEVNULL,
        stderr=errors,
        text=True,
    )
    try:
        yield Child(process)
    finally:
        process.terminate()
        try:
            process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, *([errors] if log else [])):
            if stream is not None and not isinstance(stream, int):
                stream.close()


def _clean_environment() -> dict[str, str]:
    """Ours without settings of the bot or keys of the person who measures."""
    providers = ("SLACK_", "DISCORD_", "TWILIO_", "IMAP_", "SMTP_", "MAIL_", "ANTHROPIC_", "SIM_URL")
    ours = (*providers, "DATABASE_URL", "PORT", "HOST", "PUBLIC_URL", "SAYWHEN_", "LOG_LEVEL")
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1,localhost"}


def measure(name: str, **arguments: object) -> dict[str, float]:
    """One measurement of bench/child.py in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.child", name, json.dumps(arguments)],
        cwd=ROOT, env=_clean_environment(), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found
