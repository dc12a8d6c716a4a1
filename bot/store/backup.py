"""A backup while the bot runs, from any process: one consistent copy, checked before it gets its name."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from bot.errors import StoreError
from bot.store.opening import NoDatabase, check_header, open_reader


class BackupFailed(StoreError):
    """The backup was not made."""


def backup(path: str | Path, target: str | Path) -> None:
    """Copy the database at `path` to the new file `target`; raises BackupFailed or StartError.

    The copy is what one reader sees: whole transactions, up to the moment it starts.
    """
    source, place = Path(path), Path(target)
    if not source.exists():
        raise NoDatabase(f"There is no database {source} to back up.")
    if place.exists():
        raise BackupFailed(f"{place} exists already; name a new file.")
    try:
        draft = _draft(place)
        try:
            _copy(source, draft)
            os.link(draft, place)  # unlike a rename it never takes the place of another file
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise BackupFailed(f"{place} exists already; name a new file.") from error
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"{place} could not be written: {error}.") from error


def _draft(place: Path) -> Path:
    """A file of a name nobody else has, beside the place of the backup, for our eyes only."""
    handle, name = tempfile.mkstemp(prefix=place.name + ".", suffix=".part", dir=place.parent)
    os.close(handle)
    return Path(name)


def _copy(source: Path, draft: Path) -> None:
    with (
        closing(open_reader(source)) as original,
        closing(sqlite3.connect(draft, isolation_level=None)) as copy,
    ):
        check_header(original, source)
        original.backup(copy)  # in one step: in several it would start again after each write of the bot
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, that `cp` brings back
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupFailed(f"The copy of {source} is damaged, so the database is: {found}")
    _sync(draft)
    _sync(draft.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
