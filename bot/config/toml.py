"""Reads a TOML file and remembers on which line each key stands."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bot.config.problems import Problem
from bot.config.section import KeyPath

Table = dict[str, object]


@dataclass(frozen=True)
class TomlFile:
    """The content of one file. Items of an array of tables are called #1, #2, ... in `lines`."""

    name: str
    table: Table = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)


def read_toml(path: Path, problems: list[Problem]) -> TomlFile:
    """The file, empty if it cannot be read: then `problems` says why."""
    text = ""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return TomlFile(path.name, tomllib.loads(text), key_lines(text))
    except OSError as failed:
        found = f"an error of the file system ({failed.strerror})"
        problems.append(
            Problem(path.name, "", found, "a file that can be read", "look at its owner and mode")
        )
    except UnicodeDecodeError as failed:
        found = f"bytes that are not UTF-8 at offset {failed.start}"
        problems.append(Problem(path.name, "", found, "UTF-8 text", "save it as UTF-8"))
    except tomllib.TOMLDecodeError as failed:
        problems.append(_syntax_problem(path.name, text, str(failed)))
    return TomlFile(path.name)


def _syntax_problem(name: str, text: str, message: str) -> Problem:
    """Says line and column, never the line itself: it may hold a token."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    end = str(text.count("\n") + 1), str(len(text.rpartition("\n")[2]) + 1)
    line, column = (place[1], place[2]) if place and place[1] else end
    what = message[: place.start()] if place else message
    fix = "texts stand in quotes, tables in [brackets], true and false are lower case"
    return Problem(f"{name}:{line}:{column}", "", f"a syntax error ({what})", "TOML 1.0", fix)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of every key of a valid TOML text.

    A statement is complete as soon as TOML itself can read it, so strings and arrays over several lines need
    no parser of our own.
    """
    found: dict[KeyPath, int] = {}
    header: KeyPath = ()
    arrays: dict[KeyPath, int] = {}
    for line, statement in _statements(text):
        if statement.startswith("["):
            header = _header(statement, arrays)
            found.setdefault(header, line)
        for path in node_paths(tomllib.loads(statement)) if not statement.startswith("[") else ():
            found.setdefault(header + path, line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    start, pending = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        start, pending = (start, f"{pending}{line}\n") if pending else (number, f"{line.lstrip()}\n")
        try:
            tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield start, pending
        pending = ""


def _header(statement: str, arrays: dict[KeyPath, int]) -> KeyPath:
    """The path of [a.b] or [[a]]; what stands below [[a]] belongs to its last item."""
    names = next(reversed(list(node_paths(tomllib.loads(statement)))))
    path: KeyPath = ()
    plain: KeyPath = ()
    for name in names:
        plain = (*plain, name)
        path = (*path, name)
        if statement.startswith("[[") and plain == names:
            arrays[plain] = arrays.get(plain, 0) + 1
        if plain in arrays:
            path = (*path, f"#{arrays[plain]}")
    return path


def node_paths(table: Table, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key, tables before what is in them."""
    for name, value in table.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from node_paths(cast(Table, value), (*path, name))
