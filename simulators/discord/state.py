"""What the simulated Discord remembers, in tables of its own in the simulators' file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from simulators.discord.config import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS discord_messages (
    id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, author INTEGER NOT NULL, nonce TEXT NOT NULL,
    at REAL NOT NULL, deleted INTEGER NOT NULL, message TEXT NOT NULL, extra TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS discord_messages_by_channel ON discord_messages (channel, id);
CREATE INDEX IF NOT EXISTS discord_messages_by_nonce ON discord_messages (nonce, author) WHERE nonce != '';
CREATE TABLE IF NOT EXISTS discord_channels (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, parent INTEGER NOT NULL,
    owner INTEGER NOT NULL, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord_files (
    id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL, content_type TEXT NOT NULL,
    content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS discord_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS discord_pings (number INTEGER PRIMARY KEY, ping TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord_commands (
    id INTEGER PRIMARY KEY, guild INTEGER NOT NULL, command TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord_interactions (
    id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, interaction TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord_sessions (
    id TEXT PRIMARY KEY, intents INTEGER NOT NULL, seq INTEGER NOT NULL, lost_at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS discord_events (
    session TEXT NOT NULL, seq INTEGER NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (session, seq))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS discord_identifies (at REAL NOT NULL);
"""
MESSAGE = "id, channel, author, nonce, at, deleted, message, extra"
FOR_ALL = "(json_extract(message, '$.flags') & 64) = 0"
"""Not the ephemeral ones, which one person sees."""
CHANNEL = "id, kind, name, parent, owner, about"

ChannelKind: TypeAlias = Literal["text", "dm", "thread"]


@dataclass(frozen=True)
class Message:
    """`message` is what Discord would return without what follows from elsewhere; `extra` only we know."""

    id: int
    channel: int
    author: int
    message: Json
    extra: Json = field(default_factory=dict)
    nonce: str = ""
    at: float = 0.0
    deleted: bool = False

    @property
    def text(self) -> str:
        return str(self.message["content"])

    @property
    def flags(self) -> int:
        return int(self.message["flags"])


@dataclass(frozen=True)
class Channel:
    """A text channel, a person's DM with the bot (`owner` is the person), or a thread (`parent` is its channel)."""

    id: int
    kind: ChannelKind
    name: str
    parent: int = 0
    owner: int = 0
    about: Json = field(default_factory=dict)

    @property
    def in_guild(self) -> bool:
        return self.kind != "dm"


@dataclass(frozen=True)
class File:
    id: int
    channel: int
    name: str
    content_type: str
    content: bytes


class DiscordState:
    """The tables. Autocommit; `together()` makes one commit of several writes."""

    def __init__(self, path: Path | None) -> None:
        self.db = sqlite3.connect(path or ":memory:", isolation_level=None)
        # As with Slack's tables: a killed simulator must not lose state; a machine that loses power may.
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.executescript(SCHEMA)
        self.version = 0
        """Grows with each change that a person could see; the page polls it."""

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        if self.db.in_transaction:
            yield
            return
        self.db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def last_id(self) -> int:
        """The largest id that was given out."""
        tables = ("messages", "channels", "files", "commands", "interactions")
        largest = (f"SELECT MAX(id) AS id FROM discord_{table}" for table in tables)
        row = self.db.execute(f"SELECT MAX(id) FROM ({' UNION ALL '.join(largest)})").fetchone()
        return int(row[0] or 0)

    # Messages

    def put_message(self, message: Message) -> Message:
        """Write a new message, or an old one as it is now."""
        row = (
            message.id,
            message.channel,
            message.author,
            message.nonce,
            message.at,
            message.deleted,
            json.dumps(message.message),
            json.dumps(message.extra),
        )
        self.db.execute(f"INSERT OR REPLACE INTO discord_messages VALUES ({', '.join('?' * 8)})", row)
        self.version += 1
        return message

    def message(self, id_: int) -> Message | None:
        return next(self._messages("id = ?", id_), None)

    def messages(self) -> list[Message]:
        """All of them, oldest first, with those that were deleted."""
        return list(self._messages("1 = 1"))

    def messages_in(
        self, channel: int, *, after: int = 0, before: int = 1 << 62, most: int = -1, newest: bool = True
    ) -> list[Message]:
        """Those that are still there; the newest first unless the oldest are wanted."""
        order = "DESC" if newest else "ASC"
        where = f"channel = ? AND id > ? AND id < ? AND NOT deleted AND {FOR_ALL}"
        found = self._messages(where, channel, after, before, order=order, most=most)
        return list(found)

    def sent_with_nonce(self, nonce: str, author: int, *, since: float) -> Message | None:
        where = "nonce = ? AND author = ? AND at > ? AND NOT deleted"
        return next(self._messages(where, nonce, author, since), None)

    def _messages(self, where: str, *values: object, order: str = "ASC", most: int = -1) -> Iterator[Message]:
        rows = self.db.execute(
            f"SELECT {MESSAGE} FROM discord_messages WHERE {where} ORDER BY id {order} LIMIT ?",
            (*values, most),
        )
        for id_, channel, author, nonce, at, deleted, message, extra in rows.fetchall():
            yield Message(
                id_, channel, author, json.loads(message), json.loads(extra), nonce, at, bool(deleted)
            )

    # Channels: the DMs and threads that came to be

    def put_channel(self, channel: Channel) -> Channel:
        row = (
            channel.id,
            channel.kind,
            channel.name,
            channel.parent,
            channel.owner,
            json.dumps(channel.about),
        )
        self.db.execute("INSERT OR REPLACE INTO discord_channels VALUES (?, ?, ?, ?, ?, ?)", row)
        self.version += 1
        return channel

    def channels(self, where: str = "1 = 1", *values: object) -> list[Channel]:
        rows = self.db.execute(f"SELECT {CHANNEL} FROM discord_channels WHERE {where} ORDER BY id", values)
        return [
            Channel(id_, kind, name, parent, owner, json.loads(about))
            for id_, kind, name, parent, owner, about in rows
        ]

    # Files

    def put_file(self, file: File) -> None:
        self.db.execute(
            "INSERT INTO discord_files VALUES (?, ?, ?, ?, ?)",
            (file.id, file.channel, file.name, file.content_type, file.content),
        )

    def file(self, id_: int) -> File | None:
        row = self.db.execute("SELECT * FROM discord_files WHERE id = ?", (id_,)).fetchone()
        return File(*row) if row else None

    # Settings and lists

    def set(self, name: str, value: object) -> None:
        self.db.execute("INSERT OR REPLACE INTO discord_settings VALUES (?, ?)", (name, json.dumps(value)))
        self.version += 1

    def get(self, name: str, default: object) -> object:
        row = self.db.execute("SELECT value FROM discord_settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def names(self, name: str, default: Iterable[str] = ()) -> list[str]:
        """A setting that is a list of words."""
        found = self.get(name, list(default))
        assert isinstance(found, list)
        return found

    def lists(self, name: str) -> dict[str, list[str]]:
        """A setting that has a list of words for each key."""
        found = self.get(name, {})
        assert isinstance(found, dict)
        return found

    def add_ping(self, ping: Json) -> None:
        self.db.execute("INSERT INTO discord_pings (ping) VALUES (?)", (json.dumps(ping),))

    def pings(self) -> list[Json]:
        rows = self.db.execute("SELECT ping FROM discord_pings ORDER BY number")
        return [json.loads(ping) for (ping,) in rows]

    # Commands and interactions

    def put_commands(self, guild: int, commands: list[Json]) -> None:
        """Replace all commands of the app (guild 0), or all it has in one server."""
        self.db.execute("DELETE FROM discord_commands WHERE guild = ?", (guild,))
        rows = [(int(command["id"]), guild, json.dumps(command)) for command in commands]
        self.db.executemany("INSERT INTO discord_commands VALUES (?, ?, ?)", rows)
        self.version += 1

    def commands(self, guild: int) -> list[Json]:
        rows = self.db.execute("SELECT command FROM discord_commands WHERE guild = ? ORDER BY id", (guild,))
        return [json.loads(command) for (command,) in rows]

    def put_interaction(self, id_: int, token: str, interaction: Json) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO discord_interactions VALUES (?, ?, ?)",
            (id_, token, json.dumps(interaction)),
        )
        self.version += 1

    def interaction(self, token: str) -> Json | None:
        row = self.db.execute(
            "SELECT interaction FROM discord_interactions WHERE token = ?", (token,)
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def newest_modal(self, person: int) -> Json | None:
        row = self.db.execute(
            "SELECT interaction FROM discord_interactions WHERE json_extract(interaction, '$.person') = ?"
            " AND json_extract(interaction, '$.modal') IS NOT NULL ORDER BY id DESC LIMIT 1",
            (person,),
        ).fetchone()
        return dict(json.loads(row[0])) if row else None
