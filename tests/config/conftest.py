"""A folder with a config.toml, as a person would have it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import Config, Problem, load
from bot.config.problems import ConfigError

Write = Callable[..., None]
Refuse = Callable[..., tuple[Problem, ...]]
Read = Callable[..., Config]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes config.toml, and on request the other two files."""

    def files(config: str = "", *, local: str | None = None, dotenv: str | None = None) -> None:
        (tmp_path / "config.toml").write_text(config, "utf-8")
        if local is not None:
            (tmp_path / "config.local.toml").write_text(local, "utf-8")
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv, "utf-8")

    return files


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Loads the folder as a command that only looks, with these environment variables."""

    def config(environ: dict[str, str] | None = None, *, look: bool = True, dev: bool = False) -> Config:
        return load(root=tmp_path, environ=environ or {}, look=look, dev=dev)

    return config


@pytest.fixture
def refuse(read: Read) -> Refuse:
    """The problems with the folder, which must have some."""

    def problems(
        environ: dict[str, str] | None = None, *, look: bool = True, dev: bool = False
    ) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as refused:
            read(environ, look=look, dev=dev)
        return refused.value.problems

    return problems
