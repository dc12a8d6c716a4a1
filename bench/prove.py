"""The reliability sweep, `make prove`: crashes at every point, random schedules, garbage, kills; a table at the end.

SHORT=1 makes a short one of about two minutes. Ends with 1 if a promise was broken.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.mail_sweep import mails
from bench.table import Row, report

ROOT = Path(__file__).resolve().parent.parent
LATEST = ROOT / "prove" / "latest.json"
MUTANTS = 25
CASES_OF_GARBAGE = 120

Counts = dict[str, int]


def main() -> int:
    short = os.environ.get("SHORT", "") not in ("", "0")
    rows, broken = [], []
    for name, part in PARTS.items():
        print(f"... {name}", flush=True)
        began = time.monotonic()
        found, violations = part(short)
        rows += found
        rows.append(Row(f"{name}: time", round(time.monotonic() - began, 1), "s"))
        broken += violations
    for violation in broken:
        print(f"VIOLATION {violation}", flush=True)
    return 0 if report(rows, LATEST) and not broken else 1


# ---------------------------------------------------------------- dying at every point


def crash_sweep(short: bool) -> tuple[list[Row], list[str]]:
    much = ("--brief", "--every", "40", "--pairs", "8") if short else ("--pairs", "150")
    found = _sweep("tests.crash.sweep", *much)
    counts: Counts = found["counts"]
    return [
        Row("crash points in one life", found["points"], "points"),
        Row("crash cases played", found["cases"], "cases"),
        Row("of these two deaths in a row", found["pairs"], "cases"),
        Row("deaths", counts.get("deaths", 0), "processes"),
        Row("crash violations (lost, done twice, corrupt)", *_none(found["violations"])),
        Row("parts sent again", counts.get("parts sent again", 0), "parts", "at most 1 a death", True),
        Row("calls started with a yes, once each", counts.get("calls started with a yes", 0), "calls"),
        Row("requests for a yes, each ended once", counts.get("requests", 0), "requests"),
        Row("tasks, each ended once", _tasks(counts), "tasks"),
        Row("requests rebuilt with their logged hash", counts.get("requests rebuilt", 0), "requests"),
    ], list(found["violations"])


def mail_sweep(short: bool) -> tuple[list[Row], list[str]]:
    much = ("--brief", "--every", "4", "--pairs", "6") if short else ("--pairs", "100")
    found = _sweep("tests.crash.mail_sweep", *much)
    counts: Counts = found["counts"]
    many = counts.get("mails sent again", 0)
    return [
        Row("mail: crash points in one life", found["points"], "points"),
        Row("mail: crash cases played", found["cases"], "cases"),
        Row("mail: of these two deaths in a row", found["pairs"], "cases"),
        Row("mail: deaths", counts.get("deaths", 0), "processes"),
        Row("mail: mails that came in, each kept once", counts.get("mails", 0), "mails"),
        Row("mail: crash violations (lost, another Message-ID, corrupt)", *_none(found["violations"])),
        Row("mail: sent again, with the same Message-ID", many, "mails", "at most 1 a death", True),
    ], list(found["violations"])


def _tasks(counts: Counts) -> int:
    return counts.get("background tasks", 0) + counts.get("outside tasks", 0)


def _sweep(module: str, *arguments: str):  # type: ignore[no-untyped-def]  # the JSON it prints
    """In a process of its own: what is forked must have no threads."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not ended.stdout:
        raise RuntimeError(ended.stderr)
    return json.loads(ended.stdout.splitlines()[-1])


# ---------------------------------------------------------------- random schedules


def schedules(short: bool) -> tuple[list[Row], list[str]]:
    from tests.sim.exercised import CASES, RARE, never
    from tests.sim.sweep import sweep

    wild, broken = sweep(range(10_000, 10_040 if short else 11_000))
    calm, broken_too = sweep(range(20_000, 20_010 if short else 20_200), calm=True)
    counts, violations = wild + calm, [*broken, *broken_too]
    shown = ("schedules", "inputs", "crashes", "second process", "stops", "points", "asked", "tools started")
    calls, asked, answered = calm["model calls"], calm["asked"], calm["answered"]
    cases = CASES if short else (*CASES, *RARE)
    missed = never(counts, cases)
    return [
        *(Row(f"schedules: {name}", counts[name]) for name in (*shown, *CASES, *RARE)),
        Row("schedules: cases that were never met", len(missed), "cases", "0", not missed),
        Row("schedules: violations", *_none(violations)),
        Row(
            "without crashes: model calls = steps",
            f"{calls} = {asked} = {answered}",
            "",
            "equal",
            calls == asked == answered,
        ),
    ], violations


# ---------------------------------------------------------------- bots broken on purpose, garbage, replay


def mutants(short: bool) -> tuple[list[Row], list[str]]:
    cores = str(os.cpu_count() or 1)
    passed, violations = _tests(
        "tests/sim/test_mutants.py", "tests/crash", "-k", "broken or goes_on", "-n", cores
    )
    return [Row("mutants caught", passed, "mutants", f"all {MUTANTS}", passed == MUTANTS)], violations


def garbage(short: bool) -> tuple[list[Row], list[str]]:
    passed, violations = _tests("tests/sim/test_garbage.py", "tests/model/test_model_garbage.py")
    met = not violations and passed >= CASES_OF_GARBAGE
    return [Row("garbage answers taken harmlessly", passed, "cases", "all, no tool run", met)], violations


def replay(short: bool) -> tuple[list[Row], list[str]]:
    more = () if short else ("--hypothesis-profile=many",)
    passed, violations = _tests("tests/replay", "tests/golden", *more)
    return [Row("replay, purity and prompt properties", passed, "tests", "all", not violations)], violations


def _tests(*arguments: str) -> tuple[int, list[str]]:
    """How many tests passed, and the names of those that did not."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    passed = re.search(r"(\d+) passed", out)
    failed = re.findall(r"^(?:FAILED|ERROR) (.*)$", out, re.MULTILINE)
    if not passed and not failed:
        failed = [f"nothing ran: {out[-500:]}"]
    return int(passed[1]) if passed else 0, failed


# ---------------------------------------------------------------- a real process, killed


def kills(short: bool) -> tuple[list[Row], list[str]]:
    from tests.crash.kills import run
    from tests.sim.checks import Violation

    wanted = 3 if short else 20
    counts: Counter[str] = Counter()
    violations: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            counts = asyncio.run(run(Path(folder), kills=wanted, seed=7))
    except (Violation, AssertionError, TimeoutError) as error:
        violations = [f"kills: {error!r}"]
    return [
        Row(
            "kill -9 of a real bot under load",
            counts["kills"],
            "kills",
            str(wanted),
            counts["kills"] == wanted,
        ),
        Row("messages said while it was killed", counts["said"], "messages"),
        Row("jobs done", counts["jobs done"], "calls"),
        Row("of which the outcome is unknown, so a person was asked", counts["jobs unknown"], "calls"),
        Row(
            "replies that came twice",
            counts["replies doubled"],
            "replies",
            "at most 1 a kill",
            not violations,
        ),
        Row("kill violations (lost, done twice, corrupt)", *_none(violations)),
    ], violations


def _none(violations: list[str]) -> tuple[int, str, str, bool]:
    return len(violations), "violations", "0", not violations


PARTS: dict[str, Callable[[bool], tuple[list[Row], list[str]]]] = {
    "crash sweep": crash_sweep,
    "crash sweep of mail": mail_sweep,
    "real mails": mails,
    "random schedules": schedules,
    "mutants": mutants,
    "garbage": garbage,
    "replay": replay,
    "kills": kills,
}

if __name__ == "__main__":
    sys.exit(main())
