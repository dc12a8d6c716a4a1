"""Kills the bot at every point where it can die, lets it recover, and judges: `python -m tests.crash.sweep`.

Each case is a process forked from this one, which never starts a thread; each life of the bot in it is forked
once more, so that what dies is a whole process and what comes after it is a fresh one.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tests.crash.forked import error, fork, wait
from tests.crash.judge import judge
from tests.crash.life import DIED, STORIES, Life, live
from tests.sim.checks import Violation
from tests.sim.ground import be_quiet, fast_folder

BRIEF = ("savepoint.done", "migration.statement")  # left out of a short sweep: each is like its neighbour


@dataclass(frozen=True, slots=True)
class Case:
    """One story: the points at which the lives end, one after the other; then comes one that goes on to the end."""

    story: str
    deaths: tuple[int, ...]
    finds: bool
    late: bool
    mutant: str = ""

    def lives(self) -> Iterator[Life]:
        for number, point in enumerate((*self.deaths, 0), start=1):
            yield Life(number, self.story, point, self.finds, self.late, self.mutant)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a case: counts, or the promise that was broken."""

    case: Case
    counts: Counter[str]
    violation: str = ""


def points_of(folder: Path, story: str, *, mutant: str = "") -> list[str]:
    """The names of all points of one undisturbed life of this story, in order."""
    place = folder / story
    place.mkdir()

    def count() -> None:
        (place / "points").write_text(json.dumps(live(place, Life(1, story, mutant=mutant))))
        judge(place, "undisturbed", STORIES[story])

    if wait(fork(count, place)):
        raise RuntimeError(error(place))
    names: list[str] = json.loads((place / "points").read_text())
    return names


def sweep(cases: Iterable[Case], *, folder: Path, jobs: int, stop_early: bool = False) -> Iterator[Found]:
    """Play the cases, some side by side, and say what came of each."""
    running: dict[int, tuple[Case, Path]] = {}
    rest: Iterator[tuple[int, Case]] = iter(enumerate(cases))
    while True:
        while len(running) < jobs and (following := next(rest, None)) is not None:
            number, case = following
            place = folder / str(number)
            place.mkdir()
            running[fork(partial(_play, case, place), place)] = case, place
        if not running:
            return
        pid, _ = os.wait()
        case, place = running.pop(pid)
        found = _read(case, place)
        shutil.rmtree(place)
        yield found
        if found.violation and stop_early:
            rest = iter(())


def _play(case: Case, place: Path) -> None:
    for life in case.lives():
        code = wait(fork(partial(live, place, life), place))
        if code not in (0, DIED):
            raise Violation(f"life {life.number} ended with {code}: {error(place)}")
    counts = judge(place, "judged", STORIES[case.story])
    (place / "counts").write_text(json.dumps(counts))


def _read(case: Case, place: Path) -> Found:
    if (place / "counts").exists():
        return Found(case, Counter(json.loads((place / "counts").read_text())))
    return Found(case, Counter(), error(place))


# ---------------------------------------------------------------- which cases


def single(
    story: str, points: Sequence[str], *, every: int, brief: bool, both: bool, only: str, mutant: str = ""
) -> Iterator[Case]:
    """A death at each point, or at every nth of each name; a brief sweep leaves out what is like its neighbours."""
    seen: Counter[str] = Counter()
    for number, name in enumerate(points, start=1):
        left_out = (brief and name in BRIEF) or not name.startswith(tuple(only.split(",")))
        if not left_out and seen[name] % every == 0:
            finds, late = number % 2 == 0, number // 2 % 2 == 0
            yield Case(story, (number,), finds, late, mutant)
            if both:
                yield Case(story, (number,), not finds, not late, mutant)
        seen[name] += 1


def pairs(story: str, points: Sequence[str], count: int, *, seed: int) -> Iterator[Case]:
    """Two deaths, the second one soon: in the recovery from the first."""
    chance = random.Random(seed)
    for _ in range(count):
        deaths = chance.randint(1, len(points)), chance.randint(1, 40)
        yield Case(story, deaths, chance.random() < 0.5, chance.random() < 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """A whole sweep, in numbers."""

    points: int
    kinds: int
    cases: int
    pairs: int
    counts: dict[str, int]
    violations: list[str]


def run(*, every: int, brief: bool, both: bool, pair_count: int, mutant: str, only: str, jobs: int) -> Result:
    """Sweep: each point, or `every` nth of a name, or `only` points whose name begins so."""
    be_quiet()
    with tempfile.TemporaryDirectory(dir=fast_folder()) as name:
        folder = Path(name)
        points = {story: points_of(folder, story, mutant=mutant) for story in STORIES}
        singles, doubles = list[Case](), list[Case]()
        for story, names in points.items():
            singles += single(story, names, every=every, brief=brief, both=both, only=only, mutant=mutant)
            doubles += pairs(story, names, pair_count // len(STORIES), seed=1)
        counts, violations, played = Counter[str](), [], 0
        for found in sweep([*singles, *doubles], folder=folder, jobs=jobs, stop_early=bool(mutant)):
            played += 1
            counts += found.counts
            if found.violation:
                known = points[found.case.story]
                names = [known[point - 1] for point in found.case.deaths if point <= len(known)]
                violations.append(f"{found.case}, {names}: {found.violation}")
        total = [name for names in points.values() for name in names]
        return Result(len(total), len(set(total)), played, len(doubles), dict(counts), violations)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every nth case")
    parser.add_argument(
        "--brief", action="store_true", help="leave out points that are like their neighbours"
    )
    parser.add_argument(
        "--both", action="store_true", help="each point with and without a provider that can be asked"
    )
    parser.add_argument("--pairs", type=int, default=0, help="how many random pairs of deaths")
    parser.add_argument(
        "--mutant", default="", help="break the bot on purpose, and stop at the first violation"
    )
    parser.add_argument("--only", default="", help="only points whose name begins so, separated by commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    found = parser.parse_args()
    result = run(
        every=found.every, brief=found.brief, both=found.both, pair_count=found.pairs,
        mutant=found.mutant, only=found.only, jobs=found.jobs,
    )  # fmt: skip
    print(json.dumps(asdict(result)))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
