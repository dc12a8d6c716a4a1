"""Failures on request: the next requests go wrong, or the next messages do not arrive, as happens with Twilio."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Operation: TypeAlias = Literal["send", "list", "fetch", "media"]
RequestKind: TypeAlias = Literal[
    "429", "500", "error", "reset_before_accept", "reset_after_accept", "hang", "hang_after_accept"
]
OutcomeKind: TypeAlias = Literal["undelivered", "failed", "statuses"]
Kind: TypeAlias = RequestKind | OutcomeKind

OPERATIONS: tuple[str, ...] = get_args(Operation)
OUTCOMES: tuple[str, ...] = get_args(OutcomeKind)
DEFAULT_CODE = 30008
STATUSES = ("queued", "sending", "sent", "delivered", "undelivered", "failed")


@dataclass
class Fault:
    """`code` goes with error, undelivered and failed; `statuses` is what is reported, in that order."""

    kind: Kind
    on: Operation = "send"
    times: int = 1
    code: int | None = None
    retry_after: int = 1
    statuses: tuple[str, ...] = ()

    @property
    def after_accept(self) -> bool:
        return self.kind.endswith("_after_accept")

    def is_outcome(self) -> bool:
        """True where the request succeeds and only the message fares badly."""
        return self.kind in OUTCOMES


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

    def take(self, operation: Operation) -> Fault | None:
        for fault in self._waiting:
            if fault.on == operation:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    @property
    def waiting(self) -> Sequence[Fault]:
        return tuple(self._waiting)


def plan(fault: Fault | None) -> tuple[str, ...]:
    """The statuses that a message goes through and reports; the ones that fail carry the error's code."""
    if fault is None or not fault.is_outcome():
        return ("queued", "sent", "delivered")
    code = fault.code or DEFAULT_CODE
    names = fault.statuses or (
        ("queued", "failed") if fault.kind == "failed" else ("queued", "sent", fault.kind)
    )
    return tuple(f"{name}:{code}" if name in ("undelivered", "failed") else name for name in names)


def problem(fault: Fault) -> str | None:
    """Why a fault makes no sense as it was asked for."""
    if fault.is_outcome() and fault.on != "send":
        return f"{fault.kind} happens to what is sent: leave `on` out"
    if fault.kind == "error" and fault.code is None:
        return "error needs a code, such as 21211"
    if fault.kind == "statuses" and not fault.statuses:
        return "statuses needs the list `statuses`, such as ['delivered', 'sent', 'sent']"
    return None
