"""What is wrong with the settings: one line each, all of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.errors import EXIT_CONFIG, StartError
from bot.secrets import redact

LONGEST_FOUND = 100


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, what was found, what is allowed, how to put it right."""

    where: str
    key: str
    found: str
    allowed: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        return one_line(f"{place}: found {self.found}; allowed: {self.allowed}; fix: {self.fix}")


class ConfigError(StartError):
    """The configuration is wrong; each line says where, what was found, what is allowed and the fix."""

    code = EXIT_CONFIG

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def exit_code(self) -> int:
        return self.code


def one_line(text: str) -> str:
    return " ".join(text.split())


def shown(value: object, *, secret: bool = False) -> str:
    """A refused value as a problem may show it: never a secret, never a screenful."""
    if secret:
        return f"a text of {len(value)} characters" if isinstance(value, str) else "something that is no text"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    text = one_line(redact(f'"{value}"' if isinstance(value, str) else str(value)))
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}…"
