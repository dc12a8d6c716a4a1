"""Many random schedules over all cores; a process of its own for each share of the seeds."""

import asyncio
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.sim.checks import Violation
from tests.sim.ground import be_quiet, fast_folder
from tests.sim.world import Chances, run_seed

SHARE = 10  # seeds of one task


def sweep(seeds: range, *, calm: bool = False, jobs: int = 0) -> tuple[Counter[str], list[str]]:
    """Play these seeds; returns what was counted and the promises that were broken. `calm`: nothing crashes."""
    shares = [(seeds[start : start + SHARE], calm) for start in range(0, len(seeds), SHARE)]
    counts: Counter[str] = Counter()
    broken: list[str] = []
    with multiprocessing.get_context("spawn").Pool(jobs or os.cpu_count()) as pool:
        for counted, violations in pool.imap_unordered(_play, shares):
            counts += Counter(counted)
            broken += violations
    return counts, broken


def _play(share: tuple[Sequence[int], bool]) -> tuple[dict[str, int], list[str]]:
    be_quiet()
    seeds, calm = share
    chances = Chances(inputs=0.3, crash=0, other=0) if calm else None
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        found = list(asyncio.run(_all(seeds, Path(folder), chances)))
    counts: Counter[str] = Counter()
    for counted, _ in found:
        counts += counted
    return dict(counts), [violation for _, violation in found if violation]


async def _all(seeds: Sequence[int], folder: Path, chances: Chances | None) -> list[tuple[Counter[str], str]]:
    found = []
    for seed in seeds:
        try:
            found.append((Counter(schedules=1) + await run_seed(seed, folder, chances=chances), ""))
        except Violation as violation:
            found.append((Counter(schedules=1), str(violation)))
    return found
