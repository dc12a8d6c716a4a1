"""What a check of the doctor says."""

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` says what to do, if there is something to do."""

    status: Status
    name: str
    detail: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def ok(name: str, detail: str) -> Check:
    return Check("ok", name, detail)


def note(name: str, detail: str) -> Check:
    """Worth knowing; nothing to do."""
    return Check("note", name, detail)


def warn(name: str, detail: str, fix: str) -> Check:
    return Check("warn", name, detail, fix)


def fail(name: str, detail: str, fix: str) -> Check:
    return Check("fail", name, detail, fix)
