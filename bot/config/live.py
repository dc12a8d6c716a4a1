"""Rights as today's files say them: people, approvals, tool rules and jobs change without a restart."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from bot.config.problems import ConfigError, Problem
from bot.config.settings import Config
from bot.config.sources import CONFIG, DOTENV, LOCAL

LIVE = ("people", "approvals", "jobs", "human_approval_required")
"""Besides these, the `tools` of each agent. Everything else is as it was at the start."""
LOOK_EVERY = 0.5  # seconds

Stamp = tuple[tuple[int, int, int] | None, ...]

log = structlog.get_logger("config")


class LiveConfig:
    """The settings of the start, with today's rights; of a file that is wrong, the last good ones."""

    def __init__(
        self,
        start: Config,
        load: Callable[[], Config],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._files = tuple(start.root / name for name in (CONFIG, LOCAL, DOTENV))
        self._config = start
        self._stamp: Stamp | None = None  # the files may have changed since they were read for the start
        self._looked = float("-inf")
        self.problems: tuple[Problem, ...] = ()

    def current(self) -> Config:
        """Today's settings; looks at the files at most twice a second."""
        now = self._monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()
        return self._config

    def refresh(self) -> Config:
        """Today's settings, after we have written one of the files ourselves."""
        self._looked = float("-inf")
        return self.current()

    def _look(self) -> None:
        stamp = tuple(map(_stamp, self._files))
        if stamp == self._stamp:
            return
        self._stamp = stamp  # taken before the files are read: what changes meanwhile is seen the next time
        try:
            found = self._load()
        except ConfigError as error:
            self.problems = error.problems
            for problem in error.problems:
                log.error("the settings are wrong; going on with the last good ones", problem=str(problem))
            return
        self.problems = ()
        self._config = _with_rights_of(found, self._config)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _with_rights_of(found: Config, start: Config) -> Config:
    agents = {
        name: agent.model_copy(update={"tools": found.agents[name].tools if name in found.agents else {}})
        for name, agent in start.agents.items()
    }
    agents |= {
        name: type(agent)(tools=agent.tools) for name, agent in found.agents.items() if name not in agents
    }
    return start.model_copy(update={**{name: getattr(found, name) for name in LIVE}, "agents": agents})
