"""A broken promise, and the counters beside it."""

from collections import Counter

Counts = Counter[str]


class Violation(AssertionError):
    """A promise was broken."""


def must(holds: bool, run: str, what: str) -> None:
    if not holds:
        raise Violation(f"{run}: {what}")
