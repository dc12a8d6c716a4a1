"""The core and the store alone against raw SQLite: CPU, commits, events and fsyncs of a message."""

from statistics import median

from bench.processes import measure
from bench.ratios import at_most, ratio
from bench.sizes import Sizes
from bench.table import Row

KINDS = ("floor", "store", "core")
MOST_FSYNCS = {16: 0.15, 256: 0.03}  # a commit; one thread alone shares its commits with nobody

Runs = dict[str, list[dict[str, float]]]


def rows(sizes: Sizes) -> list[Row]:
    found: list[Row] = []
    for at_once, messages in sizes.floor:
        runs: Runs = {kind: [] for kind in KINDS}
        for _ in range(sizes.rounds):
            for kind in KINDS:
                runs[kind].append(measure(kind, at_once=at_once, messages=messages))
        found += _rows(runs, at_once, messages)
    return found


def _rows(runs: Runs, at_once: int, messages: int) -> list[Row]:
    cpu = {kind: [run["cpu"] for run in runs[kind]] for kind in KINDS}
    commits = median(run["transactions"] for run in runs["core"]) / messages
    events = median(run["events"] for run in runs["core"]) / messages
    fsyncs = median(run["fsyncs"] / run["transactions"] for run in runs["core"])
    where = f"{at_once} thread{'s' if at_once > 1 else ''}"
    found = [
        at_most(f"core CPU a message, {where}, against raw SQLite", ratio(cpu["core"], cpu["floor"]), 3),
        at_most(
            f"store alone CPU a message, {where}, against raw SQLite", ratio(cpu["store"], cpu["floor"]), 1.3
        ),
        # Snapshots ride along with other commits and are not waited for, so the average may be a little above.
        at_most(f"commits of a tool turn, {where}", round(commits, 1), 6, "", digits=1),
        at_most(f"events of a tool turn, {where}", round(events, 1), 10, "", digits=1),
    ]
    if at_once in MOST_FSYNCS:
        limit = MOST_FSYNCS[at_once]
        found.append(at_most(f"fsyncs a commit, {where} (batches written)", fsyncs, limit, "x", digits=3))
    return found
