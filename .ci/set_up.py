"""Installs a lock and this checkout into .venv, unless that has been done already.

Started by `.ci/set-up`, with any Python from 3.11 and nothing installed. The three locks agree on every
version they share, so one .venv carries them all and nothing is ever taken out of it. A stamp is written
last, and only for what was installed whole.
"""

import fcntl
import json
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".set-up"
LOCKS = {
    "runtime": "requirements.lock",
    "dev": "requirements-dev.lock",
    "bench": "requirements-bench.lock",
}


def main() -> int:
    if sys.argv[1:] not in [[name] for name in LOCKS]:
        sys.exit(f"usage: .ci/set-up {'|'.join(LOCKS)}")
    name = sys.argv[1]
    if fits(name):
        return 0
    with one_at_a_time():
        if fits(name):  # whoever we waited for has done it
            return 0
        print("Setting up .venv (once) ...", flush=True)
        try:
            install(name)
        except SetUpFailed as failed:
            print(failed, file=sys.stderr)
            return 1
    return 0


class SetUpFailed(Exception):
    """What pip said, and which command it was."""


def fits(name: str) -> bool:
    """Whether .venv holds a lock. The development and bench locks hold all of the runtime one."""
    candidates = list(LOCKS) if name == "runtime" else [name]
    return is_usable() and any(stamp(each) == wanted(each) for each in candidates)


def install(name: str) -> None:
    if not is_usable() or was_moved():
        make_venv()
    STAMPS.mkdir(exist_ok=True)
    checkout_is_in = any(stamp(each) == wanted(each) for each in LOCKS)
    for each in LOCKS:
        if each == name or stamp(each) != wanted(each):
            (STAMPS / each).unlink(missing_ok=True)
    pip("--require-hashes", "--only-binary=:all:", "-r", LOCKS[name])
    if not checkout_is_in:  # else a running bot would lose its command for a moment
        pip("--no-deps", "--no-build-isolation", "-e", ".")
    half_written = STAMPS / f"{name}.new"
    half_written.write_text(wanted(name))
    half_written.replace(STAMPS / name)


def make_venv() -> None:
    try:
        venv.create(VENV, clear=VENV.exists(), with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as failed:
        raise SetUpFailed(f"Making .venv with {sys.executable} failed: {failed}") from failed


def pip(*arguments: str) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input"]
    command = [str(PYTHON), "-m", "pip", "install", *options, *arguments]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        last_lines = "\n".join(ran.stdout.splitlines()[-30:])
        raise SetUpFailed(f"{last_lines}\nSetting up .venv failed in: pip install {' '.join(arguments)}")


def is_usable() -> bool:
    if not PYTHON.exists():
        return False
    test = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([str(PYTHON), "-c", test], capture_output=True).returncode == 0


def was_moved() -> bool:
    """A virtual environment names its own place in every script, so it does not survive a move."""
    stamps = [stamp(each) for each in LOCKS]
    return any(each and json.loads(each)["root"] != str(ROOT) for each in stamps)


def wanted(name: str) -> str:
    """What the stamp says when everything that can ask for a new install is as it was."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {part: project[part] for part in ("build-system", "project")}
    return json.dumps({"root": str(ROOT), "lock": (ROOT / LOCKS[name]).read_text(), **asked}, sort_keys=True)


def stamp(name: str) -> str | None:
    file = STAMPS / name
    return file.read_text() if file.exists() else None


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """`make run` and `make test` may be started together on a fresh clone."""
    with (ROOT / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another set-up of .venv ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
