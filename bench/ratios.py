"""From measurements to rows: medians of interleaved runs, as ratios and counts."""

from collections.abc import Iterable
from statistics import median

from bench.table import Row


def at_most(name: str, value: float, limit: float, unit: str = "x", *, digits: int = 2) -> Row:
    return Row(name, round(value, digits), unit, f"at most {limit:g}", value <= limit)


def at_least(name: str, value: float, limit: float, unit: str = "x", *, digits: int = 2) -> Row:
    return Row(name, round(value, digits), unit, f"at least {limit:g}", value >= limit)


def ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """The median of the ratios of runs that followed each other; what slows the machine down slows down both."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
