"""Kills the mail path at every point where it can die, lets it recover, and judges: `python -m tests.crash.mail_sweep`.

Each life is a process forked from this one, which never starts a thread.
"""

import argparse
import gc
import json
import logging
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tests.crash.forked import error, fork, wait
from tests.crash.life import DIED
from tests.crash.mail_judge import judge
from tests.crash.mail_life import MailLife, live
from tests.sim.checks import Violation
from tests.sim.ground import be_quiet, fast_folder

LIKE_THE_NEXT = ("savepoint.done", "migration.", "create.")
"""Left out of a short sweep: a commit follows at once, or the other sweep has it."""


@dataclass(frozen=True, slots=True)
class Case:
    """The points at which the lives end, one after the other; then comes one that goes on to the end."""

    deaths: tuple[int, ...]
    late: bool
    mutant: str = ""

    def lives(self) -> Iterator[MailLife]:
        for point in (*self.deaths, 0):
            yield MailLife(point, self.late, self.mutant)


@dataclass(frozen=True, slots=True)
class Result:
    """A whole sweep, in numbers."""

    points: int
    cases: int
    pairs: int
    counts: dict[str, int]
    violations: list[str]


def run(*, every: int, brief: bool, pair_count: int, only: str, mutant: str, jobs: int) -> Result:
    """Sweep: each point, or `every` nth of a name, or `only` points whose name begins so; then pairs of deaths."""
    be_quiet()
    logging.disable()  # of each life it would say that the broken mail is in quarantine
    gc.freeze()  # what is forked copies less
    with tempfile.TemporaryDirectory(dir=fast_folder()) as name:
        folder = Path(name)
        points = points_of(folder / "undisturbed", mutant)
        doubles = list(pairs(points, pair_count, seed=1))
        cases = [*single(points, every=every, brief=brief, only=only, mutant=mutant), *doubles]
        counts, violations = Counter[str](), []
        for case, found, violation in sweep(cases, folder, jobs):
            counts += found
            if violation:
                where = [points[point - 1] for point in case.deaths if point <= len(points)]
                violations.append(f"{case}, {where}: {violation}")
        return Result(len(points), len(cases), len(doubles), dict(counts), violations)


def points_of(place: Path, mutant: str) -> list[str]:
    """The names of all points of one undisturbed life, in order."""
    place.mkdir()

    def count() -> None:
        (place / "points").write_text(json.dumps(live(place, MailLife(mutant=mutant))))
        if not mutant:
            judge(place, "undisturbed")

    if wait(fork(count, place)):
        raise RuntimeError(error(place))
    names: list[str] = json.loads((place / "points").read_text())
    return names


def single(points: Sequence[str], *, every: int, brief: bool, only: str, mutant: str) -> Iterator[Case]:
    """A death at each point, or at every nth of each name."""
    seen: Counter[str] = Counter()
    for number, name in enumerate(points, start=1):
        left_out = brief and name.startswith(LIKE_THE_NEXT)
        if not left_out and name.startswith(tuple(only.split(","))) and seen[name] % every == 0:
            yield Case((number,), number // 2 % 2 == 0, mutant)
        seen[name] += 1


def pairs(points: Sequence[str], count: int, *, seed: int) -> Iterator[Case]:
    """Two deaths, the second one in the recovery from the first, or soon after."""
    chance = random.Random(seed)
    for _ in range(count):
        yield Case((chance.randint(1, len(points)), chance.randint(1, 40)), chance.random() < 0.5)


# ---------------------------------------------------------------- playing


def sweep(cases: Sequence[Case], folder: Path, jobs: int) -> Iterator[tuple[Case, Counter[str], str]]:
    """Play the cases, some side by side: what was counted, or the promise that was broken."""
    running: dict[int, tuple[Case, Path]] = {}
    for number, case in enumerate(cases):
        place = folder / str(number)
        place.mkdir()
        running[fork(partial(_play, case, place), place)] = case, place
        if len(running) >= jobs:
            yield _next(running)
    while running:
        yield _next(running)


def _next(running: dict[int, tuple[Case, Path]]) -> tuple[Case, Counter[str], str]:
    pid, _ = os.wait()
    case, place = running.pop(pid)
    if (place / "counts").exists():
        return case, Counter(json.loads((place / "counts").read_text())), ""
    return case, Counter(), error(place)


def _play(case: Case, place: Path) -> None:
    for number, life in enumerate(case.lives(), start=1):
        code = wait(fork(partial(live, place, life), place))
        if code not in (0, DIED):
            raise Violation(f"life {number} ended with {code}: {error(place)}")
    (place / "counts").write_text(json.dumps(judge(place, "judged")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every nth case of each name")
    parser.add_argument("--brief", action="store_true", help="leave out points like their neighbours")
    parser.add_argument("--pairs", type=int, default=0, help="how many random pairs of deaths")
    parser.add_argument("--mutant", default="", help="break the bot on purpose")
    parser.add_argument("--only", default="", help="only points whose name begins so, separated by commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    result = run(
        every=given.every, brief=given.brief, pair_count=given.pairs,
        only=given.only, mutant=given.mutant, jobs=given.jobs,
    )  # fmt: skip
    print(json.dumps(asdict(result)))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
