"""Runs the Procfile for real: a model key that nobody uses, a new database, /healthz, SIGTERM, a clean end."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
START_SECONDS = 60
STOP_SECONDS = 15


def main() -> int:
    with tempfile.TemporaryDirectory(prefix=".procfile-", dir=ROOT) as folder:
        port = free_port()
        log = Path(folder) / "honcho.log"
        honcho = start(Path(folder), port=port, log=log)
        try:
            wait_until_healthy(honcho, port)
            stop(honcho)
            check_end(log.read_text(), port)
        except Failed as failed:
            print(log.read_text(), file=sys.stderr)
            print(f"Procfile: {failed}", file=sys.stderr)
            return 1
        finally:
            end_all(honcho, log.read_text())
    print("Procfile: started by honcho, healthy, ended by SIGTERM with 0.")
    return 0


class Failed(Exception):
    """The Procfile did not do what a platform expects."""


def start(folder: Path, *, port: int, log: Path) -> subprocess.Popen[bytes]:
    no_settings = folder / "env"
    no_settings.touch()
    # Empty means "not set" to the bot, also where a developer's .env has a value.
    empty = dict.fromkeys(names_in(ROOT / ".env.example"), "")
    places = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ANTHROPIC_API_KEY": "sk-unused",
        "DATABASE_URL": f"sqlite:///{folder / 'smoke.db'}",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(BIN / "honcho"), "--env", str(no_settings), "start"],
            cwd=ROOT,
            env=os.environ | empty | places,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def names_in(example: Path) -> list[str]:
    lines = [line.lstrip("# ") for line in example.read_text().splitlines()]
    return [line.split("=")[0] for line in lines if line.partition("=")[0].isupper() and "=" in line]


def wait_until_healthy(honcho: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if honcho.poll() is not None:
            raise Failed(f"ended by itself with {honcho.returncode}")
        if is_healthy(port):
            return
        time.sleep(0.1)
    raise Failed(f"/healthz did not answer 200 within {START_SECONDS} s")


def is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stop(honcho: subprocess.Popen[bytes]) -> None:
    honcho.send_signal(signal.SIGTERM)
    try:
        honcho.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"still running {STOP_SECONDS} s after SIGTERM") from None


def check_end(log: str, port: int) -> None:
    if "web.1 stopped (rc=0)" not in log:
        raise Failed("the bot did not end with 0")
    if is_healthy(port):
        raise Failed("honcho has ended, the bot has not")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_all(honcho: subprocess.Popen[bytes], log: str) -> None:
    """Whatever happened, leave nothing running. honcho puts each process into a group of its own."""
    honcho.kill()
    honcho.wait()
    for group in re.findall(r"web\.1 started \(pid=(\d+)\)", log):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
