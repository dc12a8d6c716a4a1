"""Lays the sources over each other: config.toml, config.local.toml, .env, the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bot.config.environment import METHOD_KEYS, Variable, read_variables, values_by_key
from bot.config.problems import Problem
from bot.config.section import KeyPath, Origin
from bot.config.toml import Table, TomlFile, node_paths, read_toml

CONFIG, LOCAL, DOTENV = "config.toml", "config.local.toml", ".env"
PEOPLE = "people"
DATABASE_URL: KeyPath = ("database", "url")
DEV_DATABASE = "sqlite:///saywhen-dev.db"


@dataclass
class Gathered:
    """All values, people by their name, and where each comes from."""

    table: Table = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)

    def origin(self, path: KeyPath) -> Origin:
        """Where a value stands, or else the table that it would stand in."""
        return self.origins[nearest] if (nearest := longest(path, self.origins)) else Origin(CONFIG)

    def put(self, path: KeyPath, value: object, origin: Origin) -> None:
        at = self.table
        for name in path[:-1]:
            inner = at.get(name)
            at[name] = inner if isinstance(inner, dict) else {}
            at = cast(Table, at[name])
        at[path[-1]] = value
        self.origins[path] = origin


def gather(root: Path, environ: Mapping[str, str], problems: list[Problem], *, dev: bool) -> Gathered:
    """Reads everything. What cannot be read is left out, and `problems` says so."""
    gathered = Gathered(variables=read_variables(root, environ, problems))
    for file in _files(root, problems):
        table, lines = _normal(file, problems)
        gathered.table = overlay(gathered.table, table)
        for path in node_paths(table):
            nearest = longest(path, lines)
            gathered.origins[path] = Origin(file.name, lines[nearest] if nearest else None)
    if dev:
        gathered.put(DATABASE_URL, DEV_DATABASE, Origin("bot dev"))
    for path, variable in values_by_key(gathered.variables).items():
        secret = path[-1].endswith(("token", "secret"))  # the space around a secret is a mistake to be told
        gathered.put(path, variable.value if secret else variable.value.strip(), variable.origin)
    _complete(gathered)
    return gathered


def _files(root: Path, problems: list[Problem]) -> list[TomlFile]:
    if not os.path.exists(root / CONFIG):  # also when the folder may not be looked into
        fix = f"start in the folder of {CONFIG}, or get it back with: git checkout {CONFIG}"
        problems.append(Problem(CONFIG, "", "no such file", "the file that comes with Saywhen", fix))
    return [read_toml(root / name, problems) for name in (CONFIG, LOCAL) if os.path.exists(root / name)]


def _normal(file: TomlFile, problems: list[Problem]) -> tuple[Table, dict[KeyPath, int]]:
    """One file with the method's keys in lower case and its people by name."""
    table: Table = {}
    lines = dict(file.lines)
    for name, value in file.table.items():
        key = name.lower() if name.lower() in METHOD_KEYS else name
        lines[(key,)] = lines.get((name,), 1)
        if key in table:
            fix = "letter case does not matter here: keep one of them"
            problems.append(
                Problem(f"{file.name}:{lines[(key,)]}", key, "the same key twice", "one value", fix)
            )
        table[key] = value
    if isinstance(people := table.get(PEOPLE), list):
        table[PEOPLE] = _people_by_name(people, file.name, lines, problems)
    return table, lines


def _people_by_name(
    people: list[object], file: str, lines: dict[KeyPath, int], problems: list[Problem]
) -> dict[str, object]:
    found: dict[str, object] = {}
    for number, person in enumerate(people, 1):
        name = person.get("name") if isinstance(person, dict) else None
        key = name if isinstance(name, str) else f"#{number}"
        line = lines.get((PEOPLE, f"#{number}"), lines.get((PEOPLE,), 1))
        if key in found:
            fix = "give each person a name of their own, or put both entries into one"
            problems.append(
                Problem(f"{file}:{line}", f"{PEOPLE}.{key}", "the same name twice", "one entry", fix)
            )
            continue
        found[key] = person
        for path in [path for path in lines if path[:2] == (PEOPLE, f"#{number}")]:
            lines[(PEOPLE, key, *path[2:])] = lines[path]
    return found


def overlay(base: Table, over: Table) -> Table:
    """Both tables, where they differ the second; tables within them alike, lists as a whole."""
    merged = dict(base)
    for name, value in over.items():
        if isinstance(value, dict):
            below = merged.get(name)
            value = overlay(cast(Table, below) if isinstance(below, dict) else {}, cast(Table, value))
        merged[name] = value
    return merged


def _complete(gathered: Gathered) -> None:
    """Adds what no source says: sections that need to know the folder, keys and addresses of the models."""
    gathered.table.setdefault("database", {})
    models = gathered.table.setdefault("models", {"main": {}})
    for name, entry in models.items() if isinstance(models, dict) else ():
        if isinstance(entry, dict):
            key_name = str(entry.get("api_key_env", "ANTHROPIC_API_KEY")).upper()
            _fill(gathered, ("models", name, "base_url"), entry, "ANTHROPIC_BASE_URL")
            _fill(gathered, ("models", name, "api_key"), entry, key_name)


def _fill(gathered: Gathered, path: KeyPath, entry: Table, variable: str) -> None:
    if path[-1] not in entry and (found := gathered.variables.get(variable)):
        value = found.value if path[-1] == "api_key" else found.value.strip()
        gathered.put(path, value, found.origin)


def longest(path: KeyPath, among: Mapping[KeyPath, object]) -> KeyPath:
    """The path itself or the nearest one above it that is known; () if none is."""
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in among), ())
