"""Failures on request: the next commands of SMTP or IMAP go wrong, as happens with real servers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

SmtpOperation: TypeAlias = Literal["ehlo", "mail", "rcpt", "data"]
ImapOperation: TypeAlias = Literal[
    "greeting", "login", "select", "noop", "search", "fetch", "store", "copy", "move", "append", "idle"
]
Operation: TypeAlias = SmtpOperation | ImapOperation
SmtpKind: TypeAlias = Literal["421", "450", "451", "452", "550", "552", "554", "drop_after_accept"]
ImapKind: TypeAlias = Literal["no", "bye"]
EitherKind: TypeAlias = Literal["drop", "delay", "hang"]
Kind: TypeAlias = SmtpKind | ImapKind | EitherKind

SMTP_OPERATIONS: tuple[str, ...] = get_args(SmtpOperation)
REPLIES: dict[str, str] = {
    "421": "421 4.3.2 Service not available, closing transmission channel",
    "450": "450 4.2.0 Greylisted, please try again later",
    "451": "451 4.3.0 Temporary lookup failure",
    "452": "452 4.2.2 Mailbox full",
    "550": "550 5.1.1 User unknown",
    "552": "552 5.3.4 Message size exceeds fixed limit",
    "554": "554 5.7.1 Message refused",
}
USUAL: dict[str, Operation] = {
    "421": "mail",
    "450": "rcpt",
    "451": "rcpt",
    "452": "rcpt",
    "550": "rcpt",
    "no": "login",
    "bye": "noop",
}


@dataclass
class Fault:
    """`to` limits it to one recipient; `seconds` go with delay; without `on` it happens where it is usual."""

    kind: Kind
    on: Operation = "data"
    times: int = 1
    to: str = ""
    seconds: float = 1.0

    @classmethod
    def usual(
        cls, kind: Kind, on: Operation | None = None, *, times: int = 1, to: str = "", seconds: float = 1.0
    ) -> "Fault":
        return cls(kind, on or USUAL.get(kind, "data"), times, to, seconds)


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def pause(self, fault: Fault) -> None:
        """What delay and hang do; clearing the faults ends both."""
        seconds = fault.seconds if fault.kind == "delay" else None
        try:
            await asyncio.wait_for(self._released.wait(), seconds)
        except TimeoutError:
            return

    def take(self, operation: str, to: str = "") -> Fault | None:
        for fault in self._waiting:
            if fault.on == operation and fault.to.lower() in ("", to.lower()):
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
    smtp = fault.on in SMTP_OPERATIONS
    if fault.kind in get_args(SmtpKind) and not smtp:
        return f"{fault.kind} is an answer of SMTP: `on` is one of {', '.join(SMTP_OPERATIONS)}"
    if fault.kind in get_args(ImapKind) and smtp:
        return f"{fault.kind} is an answer of IMAP: `on` is one of {', '.join(get_args(ImapOperation))}"
    if fault.kind == "drop_after_accept" and fault.on != "data":
        return "a mail is accepted after its data: leave `on` out"
    if fault.to and fault.on != "rcpt":
        return "`to` goes with what happens on rcpt"
    return None
