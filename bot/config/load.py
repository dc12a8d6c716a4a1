"""Reads the configuration, or says everything that is wrong with it at once."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from bot.config.checks import findings
from bot.config.environment import misspelt
from bot.config.explain import explain, named
from bot.config.finding import Finding
from bot.config.problems import ConfigError, Problem
from bot.config.section import KeyPath, Loaded
from bot.config.settings import Config
from bot.config.shape import is_secret
from bot.config.sources import CONFIG, LOCAL, PEOPLE, Gathered, gather
from bot.config.toml import Table


def load(*, root: Path, environ: Mapping[str, str], dev: bool = False, look: bool = False) -> Config:
    """The settings of this folder and environment; ConfigError with every problem if something is wrong.

    `dev`: simulators stand in for missing credentials, and the database is one of its own.
    `look`: for commands that start nothing, which may run without the credentials a running bot needs.
    """
    problems: list[Problem] = []
    root = root.resolve()
    gathered = gather(root, environ, problems, dev=dev)
    loaded = Loaded(root, gathered.origins)
    config, refused = _validate(gathered, loaded, problems)
    for finding in findings(config, dev=dev, look=look):
        if not _rests_on(finding, refused):
            (loaded.warnings if finding.severity == "warning" else problems).append(
                _locate(finding, gathered)
            )
    loaded.warnings.extend(_secrets_in_git(gathered, root))
    loaded.warnings.extend(misspelt(gathered.variables, _names_in_use(config)))
    if problems:
        raise ConfigError(problems)
    return config


def _validate(gathered: Gathered, loaded: Loaded, problems: list[Problem]) -> tuple[Config, list[KeyPath]]:
    """The settings without those that are refused, so that the rest is looked at as well."""
    refused: list[KeyPath] = []
    while True:
        try:
            return Config.model_validate(_as_input(gathered.table), context=loaded), refused
        except ValidationError as failed:
            errors = failed.errors(include_url=False)
            paths = [named(error["loc"], gathered) for error in errors]
            new = [error for error, path in zip(errors, paths, strict=True) if path not in refused]
            problems.extend(explain(error, gathered) for error in new)
            refused.extend(paths)
            if not any([_drop(gathered.table, path) for path in paths]):
                raise  # a default of ours is wrong: nothing that anybody wrote


def _as_input(table: Table) -> Table:
    people = table.get(PEOPLE)
    return {**table, PEOPLE: list(people.values())} if isinstance(people, dict) else table


def _drop(table: Table, path: KeyPath) -> bool:
    """Takes out what the path leads to, or the innermost thing on the way to it that exists."""
    holder, name = table, path[0]
    for deeper in path[1:]:
        inner = holder.get(name)
        if not isinstance(inner, dict) or deeper not in inner:
            break
        holder, name = cast(Table, inner), deeper
    return holder.pop(name, None) is not None


def _rests_on(finding: Finding, refused: list[KeyPath]) -> bool:
    """Was one of the values a finding is about refused already? Then it would speak of a default."""
    return any(
        key[: len(path)] == path or path[: len(key)] == key for key in finding.keys for path in refused
    )


def _locate(finding: Finding, gathered: Gathered) -> Problem:
    key = finding.keys[0]
    where = str(gathered.origin(key))
    return Problem(where, ".".join(key), finding.found, finding.allowed, finding.fix, finding.severity)


def _secrets_in_git(gathered: Gathered, root: Path) -> Iterator[Problem]:
    if not any(os.path.exists(folder / ".git") for folder in (root, *root.parents)):
        return
    for path, origin in gathered.origins.items():
        if origin.source == CONFIG and is_secret(path):
            fix = f"move it to .env or {LOCAL}, which git ignores, and replace it if it was ever committed"
            found, allowed = "a secret in a file under git", "no secrets in this file"
            yield Problem(str(origin), ".".join(path), found, allowed, fix, "warning")


def _names_in_use(config: Config) -> set[str]:
    return {model.api_key_env.upper() for model in config.models.values()}
