"""What a check has found, before anybody knows on which line it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.config.section import KeyPath


@dataclass(frozen=True)
class Finding:
    """The first key is the one to show; the others are what the finding rests on as well."""

    keys: Sequence[KeyPath]
    found: str
    allowed: str
    fix: str
    severity: Literal["error", "warning"] = "error"
