"""Is the database whole, and who has it?"""

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.doctor.checks import Check, fail, note, ok, warn
from bot.cli.place import Place
from bot.errors import StartError
from bot.store.opening import SMALL, open_visitor, restore_command
from bot.store.read import Readers

if TYPE_CHECKING:
    from bot.store.apply import Execute

Version = tuple[int, ...]

RESET_BUG: tuple[Version, Version] = ((3, 7, 0), (3, 51, 2))
"""The versions of SQLite in which two connections that write and checkpoint at once can corrupt a WAL."""


async def checks(place: Place) -> list[Check]:
    """The file, the program that reads it, and the process that has it."""
    path = place.database
    if not path.exists():
        return [note("database", f"{path} does not exist yet; the bot makes it"), _holder(place)]
    readers = Readers(lambda: open_visitor(path), 1)
    try:
        whole, version = await readers.run(_look, full=path.stat().st_size <= SMALL)
    except StartError as error:
        return [fail("database", str(error), "see above")]
    finally:
        await readers.close()
    return [_integrity(path, whole), _sqlite(version), *_mode(path), _holder(place)]


def _look(execute: "Execute", *, full: bool) -> tuple[str, Version]:
    """Of a large file only the pages are checked, not the indexes: it would take minutes."""
    found = execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}(1)").fetchone()[0]
    version = execute("SELECT sqlite_version()").fetchone()[0]
    return str(found), tuple(int(part) for part in str(version).split("."))


def _integrity(path: Path, found: str) -> Check:
    if found == "ok":
        return ok("database", f"{path} is whole ({path.stat().st_size:,} bytes)")
    return fail(
        "database", f"{path} is damaged: {found.splitlines()[-1]}", f"restore: {restore_command(path)}"
    )


def _sqlite(version: Version) -> Check:
    shown = ".".join(map(str, version))
    first, last = RESET_BUG
    if not first <= version <= last:
        return ok("SQLite", shown)
    return note(
        "SQLite",
        f"{shown}: of 3.7.0 to 3.51.2, in which two connections that write can corrupt the WAL. Saywhen has "
        "exactly one; let no other program write to the database while the bot runs",
    )


def _mode(path: Path) -> list[Check]:
    """What people wrote is nobody else's."""
    if not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [warn("database", f"{path} can be read by other users", f"chmod 600 {path} {path}-wal {path}-shm")]


def _holder(place: Place) -> Check:
    found = place.holder
    if found is None:
        return note("bot", "none is running on this database")
    return ok("bot", f"process {found.pid} runs at {found.url or '(still starting)'}")
