"""Where a command works: the folder with config.toml, and which of its databases."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bot
from bot.cli.output import note
from bot.config import Config, load
from bot.store.lock import Holder, holder


@dataclass(frozen=True, slots=True)
class Place:
    """The settings in force here. `dev`: the database is that of `bot dev`."""

    config: Config
    dev: bool

    @property
    def database(self) -> Path:
        return self.config.database.path

    @property
    def holder(self) -> Holder | None:
        """The process that has the database now."""
        return holder(self.database)


def find_root(given: Path | None) -> Path:
    """The folder of config.toml: the one given, else the current one, else the checkout."""
    if given is not None:
        return given
    here = Path.cwd()
    return here if (here / "config.toml").is_file() else checkout()


def checkout() -> Path:
    """The folder that holds the package `bot`."""
    assert bot.__file__ is not None
    return Path(bot.__file__).resolve().parent.parent


def choose(root: Path, environ: Mapping[str, str] | None = None) -> Place:
    """The database of DATABASE_URL, else of a running `bot dev` here, else of `bot run`.

    Nothing is checked that only a starting bot needs. Raises ConfigError.
    """
    environ = os.environ if environ is None else environ
    config = load(root=root, environ=environ, look=True)
    if is_named(config):
        return Place(config, dev=False)
    dev = load(root=root, environ=environ, look=True, dev=True)
    if holder(dev.database.path) is not None:
        return Place(dev, dev=True)
    if dev.database.path.exists() and not config.database.path.exists():
        note(f"there is no {config.database.path.name} here; looking into {dev.database.path.name} (bot dev)")
        return Place(dev, dev=True)
    return Place(config, dev=False)


def is_named(config: Config) -> bool:
    """Does DATABASE_URL, in the environment or in .env, name the database?"""
    source = next(row.source for row in config.effective() if row.key == "database.url")
    return source == ".env" or source.startswith("environment")
