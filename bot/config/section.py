"""What every table of the configuration has in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.config.problems import Problem

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: a file and line, or an environment variable."""

    source: str
    line: int | None = None
    name: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place} {self.name}" if self.name else place

    @property
    def label(self) -> str:
        """As `bot config` shows it: the file, or the environment and the variable's name."""
        return f"{self.source} {self.name}" if self.source == "environment" else self.source


@dataclass(frozen=True)
class Loaded:
    """What `load` knows besides the values: the validation context of every section."""

    root: Path
    origins: Mapping[KeyPath, Origin] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)


def folder_of(context: object) -> Path:
    """Relative paths are relative to the config file; without one, to the current directory."""
    return context.root if isinstance(context, Loaded) else Path.cwd()


class Section(BaseModel):
    """A table of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
