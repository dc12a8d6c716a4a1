"""Failures on request: the next calls of a method go wrong in the ways the real Slack does."""

import asyncio
import fnmatch
from dataclasses import dataclass

KINDS = (
    "429",
    "500",
    "reset_before_accept",
    "reset_after_accept",
    "hang",
    "hang_after_accept",
    "not_ok:<error>",
)


@dataclass
class Fault:
    method: str
    kind: str
    times: int = 1
    retry_after: int = 1

    @property
    def after_accept(self) -> bool:
        return self.kind.endswith("_after_accept")


class Faults:
    """The faults still to come, oldest first. `method` may be a pattern such as `chat.*`."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, method: str, kind: str, *, times: int = 1, retry_after: int = 1) -> None:
        if not is_kind(kind):
            raise ValueError(f"unknown kind of fault {kind!r}; known are {', '.join(KINDS)}")
        self._waiting.append(Fault(method, kind, times, retry_after))

    def clear(self) -> None:
        self._waiting.clear()
        self.release()

    def release(self) -> None:
        """Let go of the calls that hang."""
        self._released.set()
        self._released = asyncio.Event()

    def take(self, method: str) -> Fault | None:
        for fault in self._waiting:
            if fnmatch.fnmatchcase(method, fault.method):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    async def hang(self) -> None:
        await self._released.wait()

    @property
    def waiting(self) -> list[Fault]:
        return list(self._waiting)


def is_kind(kind: str) -> bool:
    return kind in KINDS[:-1] or (kind.startswith("not_ok:") and len(kind) > len("not_ok:"))
