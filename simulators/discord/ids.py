"""Discord's ids: numbers that grow with time, written as strings on the wire."""

from collections.abc import Callable
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000


class Snowflakes:
    """Makes ids. Each is larger than all before it, also when the clock stands still."""

    def __init__(self, now: Callable[[], datetime], last: int) -> None:
        self._now = now
        self._last = last

    def next(self) -> int:
        self._last = max(self._last + 1, first_at(self._now()))
        return self._last


def first_at(time: datetime) -> int:
    return (int(time.timestamp() * 1_000) - EPOCH_MS) << 22


def iso(time: datetime) -> str:
    """A time as Discord writes it."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
