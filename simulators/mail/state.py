"""What the simulated mail provider remembers, in tables of its own in the simulators' file."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mail_boxes (
    name TEXT PRIMARY KEY, validity INTEGER NOT NULL, last_uid INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mail_items (
    box TEXT NOT NULL, uid INTEGER NOT NULL, raw BLOB NOT NULL, flags TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (box, uid));
CREATE TABLE IF NOT EXISTS mail_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, message_id TEXT NOT NULL, direction TEXT NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, raw BLOB NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS mail_letters_by_message_id ON mail_letters (message_id);
"""
LETTER = "number, id, message_id, direction, sender, recipients, raw, at"
INBOX = "INBOX"
FOLDERS = ("Archive", "Sent", "Trash")
LATER = "UPDATE mail_boxes SET last_uid = MAX(last_uid, ?) WHERE name = ?"

Direction: TypeAlias = Literal["in", "out"]


@dataclass(frozen=True)
class Item:
    """A mail in a mailbox."""

    uid: int
    raw: bytes
    flags: tuple[str, ...]
    at: float

    @property
    def when(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True)
class Letter:
    """A mail on its way: "out" of the app, or "in" to it. `sender` and `recipients` are those of the envelope."""

    id: str
    message_id: str
    direction: Direction
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: float
    number: int = 0


class MailState:
    """The tables, in autocommit."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        # As with Slack's tables: a killed simulator must not lose state; a machine that loses power may.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self.version = 0
        """Grows with each change that a person could see; the page polls it."""

    def close(self) -> None:
        self._db.close()

    # Settings

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO mail_settings VALUES (?, ?)", (name, value))

    def get(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM mail_settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    # Mailboxes

    def add_box(self, name: str, *, at: float) -> None:
        """Nothing happens if it exists."""
        if name not in self.boxes():
            self._db.execute("INSERT INTO mail_boxes VALUES (?, ?, 0)", (name, self._new_validity(at)))

    def _new_validity(self, at: float) -> int:
        """A UIDVALIDITY that no mailbox had before, also none of a file that is gone."""
        validity = max(int(at), int(self.get("last_validity") or 0) + 1)
        self.set("last_validity", str(validity))
        return validity

    def boxes(self) -> tuple[str, ...]:
        return tuple(name for (name,) in self._db.execute("SELECT name FROM mail_boxes ORDER BY name"))

    def numbering(self, box: str) -> tuple[int, int]:
        """UIDVALIDITY, and the highest UID that was ever given."""
        found = self._db.execute(
            "SELECT validity, last_uid FROM mail_boxes WHERE name = ?", (box,)
        ).fetchone()
        return int(found[0]), int(found[1])

    def renumber(self, box: str, *, at: float) -> int:
        """As after a restored backup: the same mails in the same order, with new UIDs and a new UIDVALIDITY."""
        validity = self._new_validity(at)
        items = self.items(box)
        self._db.execute("DELETE FROM mail_items WHERE box = ?", (box,))
        self._db.execute("UPDATE mail_boxes SET validity = ?, last_uid = 0 WHERE name = ?", (validity, box))
        for uid, item in enumerate(items, 1):
            self.put_item(box, Item(uid, item.raw, item.flags, item.at))
        return validity

    def rename_box(self, before: str, after: str) -> None:
        self._db.execute("UPDATE mail_boxes SET name = ? WHERE name = ?", (after, before))
        self._db.execute("UPDATE mail_items SET box = ? WHERE box = ?", (after, before))

    def delete_box(self, name: str) -> None:
        self._db.execute("DELETE FROM mail_boxes WHERE name = ?", (name,))
        self._db.execute("DELETE FROM mail_items WHERE box = ?", (name,))

    # Mails in them

    def items(self, box: str) -> tuple[Item, ...]:
        rows = self._db.execute(
            "SELECT uid, raw, flags, at FROM mail_items WHERE box = ? ORDER BY uid", (box,)
        )
        return tuple(Item(uid, raw, tuple(json.loads(flags)), at) for uid, raw, flags, at in rows)

    def put_item(self, box: str, item: Item) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO mail_items VALUES (?, ?, ?, ?, ?)",
            (box, item.uid, item.raw, json.dumps(item.flags), item.at),
        )
        self._db.execute(LATER, (item.uid, box))

    def move_item(self, box: str, uid: int, to_box: str, to_uid: int) -> None:
        self._db.execute(
            "UPDATE mail_items SET box = ?, uid = ? WHERE box = ? AND uid = ?", (to_box, to_uid, box, uid)
        )
        self._db.execute(LATER, (to_uid, to_box))

    def copy_item(self, box: str, uid: int, to_box: str, to_uid: int) -> None:
        self._db.execute(
            "INSERT INTO mail_items SELECT ?, ?, raw, flags, at FROM mail_items WHERE box = ? AND uid = ?",
            (to_box, to_uid, box, uid),
        )
        self._db.execute(LATER, (to_uid, to_box))

    def flag_item(self, box: str, uid: int, flags: Iterable[str]) -> None:
        self._db.execute(
            "UPDATE mail_items SET flags = ? WHERE box = ? AND uid = ?", (json.dumps(sorted(flags)), box, uid)
        )

    def delete_items(self, box: str, uids: Iterable[int]) -> None:
        self._db.executemany("DELETE FROM mail_items WHERE box = ? AND uid = ?", [(box, uid) for uid in uids])

    # Mails on their way

    def put_letter(self, letter: Letter) -> Letter:
        """Keep a new one; returns it with its number."""
        row = (
            letter.id,
            letter.message_id,
            letter.direction,
            letter.sender,
            json.dumps(letter.recipients),
            letter.raw,
            letter.at,
        )
        found = self._db.execute(
            f"INSERT INTO mail_letters ({LETTER}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?) RETURNING {LETTER}", row
        ).fetchone()
        self.version += 1
        return _letter(found)

    def letters(self, *, last: int | None = None) -> tuple[Letter, ...]:
        """All of them or the last so many, oldest first."""
        rows = self._db.execute(
            f"SELECT {LETTER} FROM mail_letters ORDER BY number DESC LIMIT ?", (-1 if last is None else last,)
        )
        return tuple(reversed([_letter(row) for row in rows]))

    def letter(self, ref: str) -> Letter | None:
        """By its number, its id or its Message-ID; the newest if there are several."""
        row = self._db.execute(
            f"SELECT {LETTER} FROM mail_letters WHERE message_id = ? OR id = ? OR number = ?"
            " ORDER BY number DESC LIMIT 1",
            (ref, ref, int(ref) if ref.isdecimal() and len(ref) < 16 else None),
        ).fetchone()
        return None if row is None else _letter(row)


def _letter(row: tuple[int, str, str, Direction, str, str, bytes, float]) -> Letter:
    number, id_, message_id, direction, sender, recipients, raw, at = row
    return Letter(id_, message_id, direction, sender, tuple(json.loads(recipients)), raw, at, number)
