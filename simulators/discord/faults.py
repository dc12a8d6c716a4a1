"""Failures on request: the next requests go wrong in the ways that happen with Discord."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Operation: TypeAlias = Literal[
    "send", "edit", "delete", "typing", "react", "history", "thread", "dm", "command", "callback", "followup",
    "read", "file", "any",
]  # fmt: skip
Kind: TypeAlias = Literal[
    "429", "cloudflare", "500", "502", "503", "error", "garbage", "reset_before_accept", "reset_after_accept",
    "hang", "hang_after_accept",
]  # fmt: skip
Scope: TypeAlias = Literal["user", "global", "shared"]


@dataclass
class Fault:
    """`code` goes with error. `retry_after` goes with 429; text is sent as it is, None leaves it out.

    So many requests as `skip` says go well first.
    """

    kind: Kind
    on: Operation = "send"
    times: int = 1
    skip: int = 0
    code: int | None = None
    status: int | None = None
    retry_after: float | str | None = 1.0
    scope: Scope = "user"

    @property
    def after_accept(self) -> bool:
        return self.kind.endswith("_after_accept")


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()
        self.release()

    def release(self) -> None:
        """Let go of the requests that hang."""
        self._released.set()
        self._released = asyncio.Event()

    async def hang(self) -> None:
        await self._released.wait()

    def take(self, operation: str) -> Fault | None:
        for fault in self._waiting:
            if fault.on not in (operation, "any"):
                continue
            if fault.skip:
                fault.skip -= 1
            else:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    @property
    def waiting(self) -> Sequence[Fault]:
        return tuple(self._waiting)


def problem(fault: Fault) -> str | None:
    """Why a fault makes no sense as it was asked for."""
    if fault.kind == "error" and fault.code is None:
        return "error needs a code, such as 50007"
    return None
