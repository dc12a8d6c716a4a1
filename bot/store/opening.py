"""Opening the database file; what is refused, is refused in one line with the command that helps."""

import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.errors import EXIT_IO, StartError
from bot.store.schema import APPLICATION_ID, LATEST, Crashpoint, create, migrate, nothing

SMALL = 200 * 2**20  # up to this size every page is checked at start: some 2 s for the largest
_OLDEST = (3, 37)  # STRICT tables


class NoDatabase(StartError):
    """There is no database yet; the bot makes one when it first runs."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an open database, by device and inode: writes to a replaced one are lost."""

    path: Path
    database: tuple[int, int]
    wal: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> "Files":
        return cls(path, _identity(path), _identity(_wal(path)))

    def changed(self) -> str:
        """What was replaced or deleted, "" if nothing."""
        for path, before in ((self.path, self.database), (_wal(self.path), self.wal)):
            try:
                now = _identity(path)
            except FileNotFoundError:
                return f"{path} was deleted while the bot was running"
            if now != before:
                return f"{path} was replaced while the bot was running"
        return ""


def open_writer(path: Path, *, busy: float, crashpoint: Crashpoint = nothing) -> sqlite3.Connection:
    """The one writing connection to a checked and up-to-date database, made new if there is none.

    The caller holds the lock. Raises StartError.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StartError(f"SQLite {sqlite3.sqlite_version} is too old; Saywhen needs 3.37 or newer.")
    check_place(path)
    try:
        if not path.exists():
            _refuse_orphaned_wal(path)
            create(path, crashpoint)
        connection = _connect(path, "rw", busy)
        try:
            _check(connection, path)
            _set_up(connection, path, crashpoint)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _refusal(path, error) from error
    except PermissionError as error:
        raise StartError(f"{error.filename} cannot be written: {error.strerror}.") from error
    return connection


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that can only read."""
    connection = _connect(path, "ro&immutable=1" if immutable else "ro", 5.0)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -2000")
    return connection


def open_visitor(path: Path) -> sqlite3.Connection:
    """A connection for a command that looks while the bot runs, or while it does not; makes no files."""
    if not path.exists():
        raise NoDatabase(f"There is no database {path}; the bot makes one when it first runs.")
    try:
        # Without a WAL nobody has the database open. SQLite would then make one, even for reading only.
        connection = open_reader(path, immutable=not _wal(path).exists())
        check_header(connection, path)
    except sqlite3.Error as error:
        raise _refusal(path, error) from error
    return connection


def check_header(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of one of our databases; raises StartError for a foreign or a newer one."""
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if application != APPLICATION_ID:
        raise StartError(
            f"{path} is a database of another program (application id {application:#x}). "
            "Set DATABASE_URL to another file."
        )
    if version > LATEST:
        raise StartError(
            f"{path} was written by a newer Saywhen (schema {version}, this one knows {LATEST}). "
            "Update this program, or restore an older backup: " + restore_command(path)
        )
    return int(version)


def restore_command(path: Path) -> str:
    """How to put a backup in the place of a database; a WAL left behind would be played into the backup."""
    return (
        f"mv {path} {path}.broken; rm -f {path}-wal {path}-shm; cp BACKUP {path}  (BACKUP: from `bot backup`)"
    )


def check_place(path: Path) -> None:
    """Refuse a place where no database can be."""
    if not path.parent.is_dir():
        raise StartError(f"The folder of {path} does not exist. Make it: mkdir -p {path.parent}")
    if path.is_dir():
        raise StartError(f"{path} is a folder; DATABASE_URL must name a file.")
    if path.exists() and path.stat().st_size == 0:
        raise StartError(
            f"{path} is empty, its data are gone. Restore: {restore_command(path)}", code=EXIT_IO
        )
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            raise StartError(f"{place} cannot be written by this user. Allow it: chmod u+rw {place}")


def _connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True, isolation_level=None, timeout=busy, check_same_thread=False,
    )  # fmt: skip


def _check(connection: sqlite3.Connection, path: Path) -> None:
    check_header(connection, path)
    if path.stat().st_size <= SMALL:
        found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _corrupt(path, found)
    else:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _set_up(connection: sqlite3.Connection, path: Path, crashpoint: Crashpoint) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StartError(f"{path} is on a disk without shared memory (a network disk?); use a local one.")
    settings = {
        "synchronous": "FULL",
        "foreign_keys": "OFF",
        "wal_autocheckpoint": 4000,  # 16 MB
        "journal_size_limit": 64 * 2**20,
        "temp_store": "MEMORY",
        "cache_size": -8000,  # KB
        "secure_delete": "FAST",
    }
    if sys.platform == "darwin":
        settings |= {
            "fullfsync": "ON",
            "checkpoint_fullfsync": "ON",
        }  # fsync alone leaves it in the disk's cache
    for name, value in settings.items():
        connection.execute(f"PRAGMA {name} = {value}")
    migrate(connection, crashpoint)
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('opened', datetime('now'))")


def _refuse_orphaned_wal(path: Path) -> None:
    wal = _wal(path)
    if wal.exists() and wal.stat().st_size:
        raise StartError(
            f"{path} is missing, but {wal} is there and holds data. Put {path.name} back, "
            f"or start empty: mv {wal} {wal}.old",
            code=EXIT_IO,
        )


def _refusal(path: Path, error: sqlite3.Error) -> StartError:
    """The refusal for an error of SQLite at start."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return StartError(
            f"{path} is not an SQLite database (or an encrypted one). Set DATABASE_URL to another file, "
            f"or restore: {restore_command(path)}"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return _corrupt(path, str(error))
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StartError(
            f"{path} cannot be written ({error}): check the owner and mode of it and its folder."
        )
    if code == sqlite3.SQLITE_BUSY:
        return StartError(f"{path} is being written by another program. End that one and start again.")
    return StartError(f"{path} cannot be opened: {error}.", code=EXIT_IO)


def _corrupt(path: Path, found: str) -> StartError:
    line = found.splitlines()[-1] if found else ""
    return StartError(f"{path} is damaged ({line}). Restore: {restore_command(path)}", code=EXIT_IO)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
