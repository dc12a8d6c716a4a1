"""Writes one person into config.local.toml and leaves the rest of the file as it is, byte for byte."""

import fcntl
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bot.config.problems import ConfigError
from bot.config.sources import LOCAL, PEOPLE
from bot.config.toml import Table
from bot.errors import SaywhenError

HEADER = "# Settings of this machine, laid over config.toml; git ignores this file.\n"
BOM = "\ufeff"
Value = str | tuple[str, ...]


class CannotWrite(SaywhenError):
    """config.local.toml cannot be changed."""


@dataclass(frozen=True)
class Change:
    """What is to be set of one person; who is not in the file yet is added. `roles` replaces all of them."""

    name: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] | None = None
    api_token_hash: str | None = None

    @property
    def plain(self) -> dict[str, Value]:
        """The settings that are no tables."""
        given: dict[str, Value | None] = {"roles": self.roles, "api_token_hash": self.api_token_hash}
        return {name: value for name, value in given.items() if value is not None}


def write_person(root: Path, change: Change, *, check: Callable[[], object]) -> None:
    """Change the file in one step, or raise CannotWrite or ConfigError and leave it as it was.

    `check` loads the settings: what it refuses is taken back.
    """
    path = Path(os.path.realpath(root / LOCAL))
    with _alone(path.parent):
        before = _read(path)
        after = changed(before or "", change)
        _replace(path, after)
        try:
            check()
        except ConfigError:
            if before is None:
                path.unlink()
            else:
                _replace(path, before)
            raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time: a command and the bot may both want to."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as failed:
        raise CannotWrite(f"{folder}: {failed.strerror}") from failed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as failed:
        raise CannotWrite(f"{path.name} cannot be read ({type(failed).__name__})") from failed


def _replace(path: Path, text: str) -> None:
    """The whole file or the old one, whatever happens; only for its owner, since it holds token hashes."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as failed:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise CannotWrite(f"{path.name} cannot be written: {failed.strerror}") from failed


# ---------------------------------------------------------------- pure


def changed(text: str, change: Change) -> str:
    """The text with the change. Raises CannotWrite if people stand there in a way that we cannot edit."""
    bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotWrite(f"{LOCAL} is not TOML: `bot config` says where") from error
    wanted = _applied(table, change)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _edited(list(_parts(text)), change, _own(table, change.name))
    after = "".join(
        part.text if not part.new else part.text.replace("\r\n", "\n").replace("\n", newline)
        for part in lines
    )
    if not _means(after, wanted):
        raise CannotWrite(
            f"{LOCAL}: people stand there in a form that cannot be edited; write [[people]] tables, or set "
            f"{', '.join([*change.plain, *(f'addresses.{name}' for name in change.addresses)])} by hand"
        )
    return bom + after


def _means(text: str, wanted: Table) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _applied(table: Table, change: Change) -> Table:
    """What the file has to mean afterwards."""
    people = table.get(PEOPLE, [])
    if not isinstance(people, list):
        raise CannotWrite(f"{LOCAL}: people is no list of tables")
    persons = [dict(cast(Table, person)) for person in people]
    found = next((person for person in persons if person.get("name") == change.name), None)
    if found is None:
        found = {"name": change.name}
        persons.append(found)
    found.update({name: _as_toml(value) for name, value in change.plain.items()})
    if change.addresses:
        addresses = found.get("addresses", {})
        found["addresses"] = {**(addresses if isinstance(addresses, dict) else {}), **change.addresses}
    return {**table, PEOPLE: persons}


def _as_toml(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _own(table: Table, name: str) -> Table:
    """The person as this file has them, without what stands elsewhere."""
    people = cast(list[Table], table.get(PEOPLE, []))
    return next((person for person in people if person.get("name") == name), {})


@dataclass(frozen=True)
class _Part:
    """One statement of the file, or a blank line or comment, and the table that it stands in."""

    text: str
    header: tuple[str, ...] = ()
    person: int = 0  # the number of the [[people]] table above it; 0 outside of them
    new: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """What it sets: ("roles",), ("addresses", "sms"); () if nothing, or if it is a header."""
        beginning = self.text.lstrip()[:1]
        if beginning in ("", "[", "#"):
            return ()
        return tuple(name.strip(" \t\"'") for name in self.text.partition("=")[0].split("."))


def _parts(text: str) -> Iterator[_Part]:
    header: tuple[str, ...] = ()
    person = 0
    for statement in _statements(text):
        if statement.lstrip().startswith("["):
            value: object = tomllib.loads(statement)
            names: list[str] = []
            while isinstance(value, dict | list) and value:
                if isinstance(value, dict):
                    names.append(next(iter(value)))
                    value = value[names[-1]]
                else:
                    value = value[0]
            header = tuple(names)
            person += statement.lstrip().startswith("[[") and header == (PEOPLE,)
        yield _Part(statement, header, person if header[:1] == (PEOPLE,) else 0)


def _statements(text: str) -> Iterator[str]:
    """The text in pieces that TOML can read one by one, none of its characters left out."""
    pending = ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        pending += line
        try:
            tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield pending
        pending = ""


def _edited(parts: list[_Part], change: Change, own: Table) -> list[_Part]:
    number = next((p.person for p in parts if p.person and _names(p, change.name)), 0)
    if not number:
        return [*parts, _Part(_block(change, parts), new=True)]
    for name, value in change.plain.items():
        parts = _set(parts, number, (PEOPLE,), (name,), value)
    if change.addresses:
        parts = _set_addresses(parts, number, change.addresses, own)
    return parts


def _names(part: _Part, name: str) -> bool:
    return part.header == (PEOPLE,) and part.key == ("name",) and tomllib.loads(part.text)["name"] == name


def _set_addresses(parts: list[_Part], number: int, addresses: Mapping[str, str], own: Table) -> list[_Part]:
    """As they are written already: a table of their own, dotted keys, or in one line."""
    mine = [part for part in parts if part.person == number]
    if any(part.header == (PEOPLE, "addresses") for part in mine):
        for channel, address in addresses.items():
            parts = _set(parts, number, (PEOPLE, "addresses"), (channel,), address)
    elif any(part.key[:1] == ("addresses",) and len(part.key) == 2 for part in mine):
        for channel, address in addresses.items():
            parts = _set(parts, number, (PEOPLE,), ("addresses", channel), address)
    else:
        there = own.get("addresses", {})
        whole = {**(cast(dict[str, str], there) if isinstance(there, dict) else {}), **addresses}
        parts = _set(parts, number, (PEOPLE,), ("addresses",), whole)
    return parts


def _set(
    parts: list[_Part],
    number: int,
    header: tuple[str, ...],
    key: tuple[str, ...],
    value: Value | Mapping[str, str],
) -> list[_Part]:
    """Replaces the statement that sets this key, or adds one below the last that stands there."""
    there = [index for index, p in enumerate(parts) if p.person == number and p.header == header]
    line = f"{'.'.join(key)} = {_toml(value)}"
    for index in there:
        if parts[index].key == key:
            old = parts[index].text
            indent = old[: len(old) - len(old.lstrip())]
            kept = f"{indent}{line}{_comment(old)}\n"
            return [*parts[:index], _Part(kept, header, number, new=True), *parts[index + 1 :]]
    last = max(index for index in there if parts[index].text.strip()[:1] not in ("", "#"))
    above = parts[last]
    if not above.text.endswith("\n"):
        above = _Part(f"{above.text}\n", above.header, above.person, new=True)
    added = _Part(f"{line}\n", header, number, new=True)
    return [*parts[:last], above, added, *parts[last + 1 :]]


def _comment(statement: str) -> str:
    """The comment behind a statement of one line, with the space before it."""
    line = statement.rstrip("\r\n")
    if "\n" in line:
        return ""
    for at in [index for index, character in enumerate(line) if character == "#"]:
        without = line[:at]
        try:
            if without.strip() and tomllib.loads(without) == tomllib.loads(line):
                return without[len(without.rstrip()) :] + line[at:]
        except tomllib.TOMLDecodeError:
            continue
    return ""


def _block(change: Change, parts: Sequence[_Part]) -> str:
    text = "".join(part.text for part in parts)
    before = HEADER + "\n" if not text else "\n" if text.endswith("\n") else "\n\n"
    lines = ["[[people]]", f"name = {_toml(change.name)}"]
    lines += [f"{name} = {_toml(value)}" for name, value in change.plain.items()]
    lines += [f"addresses = {_toml(change.addresses)}"] if change.addresses else []
    return before + "\n".join(lines) + "\n"


def _toml(value: Value | Mapping[str, str]) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            inside = ", ".join(f"{name} = {_toml(each)}" for name, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
