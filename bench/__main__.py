"""`make bench`: measures, and reports against the targets of the design. Exits 0 also where one is not met."""

import os
import sys
import time
from collections.abc import Callable, Iterator

from bench import against_floor, each_channel, end_to_end, prompts
from bench.pending import recovery
from bench.processes import ROOT, measure
from bench.ratios import at_least, at_most
from bench.sizes import FULL, SHORT, Sizes
from bench.table import Row, report


def main() -> None:
    sizes = SHORT if os.environ.get("SHORT", "") not in ("", "0") else FULL
    parts: dict[str, Callable[[], list[Row]]] = {
        "core against raw SQLite": lambda: against_floor.rows(sizes),
        "long threads": lambda: _long_threads(sizes),
        "after kill -9": lambda: _recovery(sizes),
        "prompts": prompts.rows,
        "over Slack, against bolt + pydantic-ai": lambda: end_to_end.rows(sizes),
        "each channel": lambda: each_channel.rows(sizes),
    }
    wanted = sys.argv[1:]
    rows = [row for name, part in parts.items() if _is_wanted(name, wanted) for row in _said(name, part)]
    print()
    report(rows, ROOT / "bench" / "latest.json")


def _is_wanted(name: str, wanted: list[str]) -> bool:
    return not wanted or any(word in name for word in wanted)


def _said(name: str, part: Callable[[], list[Row]]) -> Iterator[Row]:
    began = time.monotonic()
    print(f"{name} ...", end="", flush=True, file=sys.stderr)
    yield from part()
    print(f" {time.monotonic() - began:.0f} s", flush=True, file=sys.stderr)


def _long_threads(sizes: Sizes) -> list[Row]:
    turns = measure("turns", long_turns=sizes.long_turns)
    talk = measure("talk")
    events = f"{turns['events']:,.0f} events"
    return [
        at_most(f"CPU of a turn in a thread of {events}, against one of 100", turns["long"] / turns["short"], 1.5),
        Row(
            f"CPU of the first turn after a restart, {events} against 100",
            round(turns["first_long"] / turns["first_short"], 2), "x",
        ),
        at_most("input tokens, turn 500 against turn 50", talk["tokens_500"] / talk["tokens_50"], 1.2),
        at_least("share of a request that the next one begins with", talk["share"] * 100, 90, "%", digits=1),
        at_most("disk a short turn, at turn 500", talk["bytes"] / 1024, 6, "KB"),
    ]  # fmt: skip


def _recovery(sizes: Sizes) -> list[Row]:
    ours, floor = recovery("core", sizes.pending), recovery("floor", sizes.pending)
    what = f"{sizes.pending:,} pending messages after kill -9"
    times = ours["seconds"] / floor["seconds"]
    return [
        at_most(f"{what}: lost", ours["lost"], 0, "", digits=0),
        at_most(f"{what}: doubled", ours["doubled"], 0, "", digits=0),
        at_most(f"{what}: time until all are answered, against raw SQLite", times, 3),
    ]


if __name__ == "__main__":
    main()
