"""What the simulated Slack remembers: one SQLite file that outlives the process."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulators.people import Person
from simulators.slack.config import Channel, Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT NOT NULL, tz TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS channels (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, members TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    channel TEXT NOT NULL, ts TEXT NOT NULL, thread_ts TEXT, sender TEXT NOT NULL, deleted INTEGER NOT NULL,
    message TEXT NOT NULL, extra TEXT NOT NULL, PRIMARY KEY (channel, ts)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_thread ON messages (channel, thread_ts, ts);
CREATE INDEX IF NOT EXISTS messages_by_sender ON messages (sender, ts);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, content_type TEXT NOT NULL, owner TEXT NOT NULL,
    created INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, attempt INTEGER NOT NULL,
    reason TEXT NOT NULL, due_at REAL NOT NULL, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS open_deliveries ON deliveries (number) WHERE state = 'pending';
"""
KEEP_DONE_DELIVERIES = 5_000
FORGET_OLD_DELIVERIES = """
DELETE FROM deliveries WHERE state != 'pending' AND number <= (SELECT MAX(number) FROM deliveries) - ?
"""
RAISE_COUNTER = """
INSERT INTO counters VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = MAX(value + 1, excluded.value) RETURNING value
"""
PUT_DELIVERY = """
INSERT INTO deliveries (event_id, state, attempt, reason, due_at, payload) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (event_id) DO UPDATE SET
    state = excluded.state, attempt = excluded.attempt, reason = excluded.reason, due_at = excluded.due_at
"""
MESSAGES = "SELECT channel, ts, sender, message, thread_ts, deleted, extra FROM messages"
DELIVERIES = "SELECT event_id, payload, attempt, reason, due_at, state FROM deliveries"


@dataclass(frozen=True)
class Message:
    """A message as Slack would return it, plus what only the simulator knows about it (`extra`)."""

    channel: str
    ts: str
    sender: str
    message: Json
    thread_ts: str | None = None
    deleted: bool = False
    extra: Json = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True)
class StoredFile:
    id: str
    name: str
    content_type: str
    owner: str
    created: int
    content: bytes


@dataclass(frozen=True)
class Delivery:
    """One event on its way to the app: `attempt` 0 is the first try, 1 to 3 are Slack's retries."""

    event_id: str
    payload: Json
    attempt: int = 0
    reason: str = ""
    due_at: float = 0.0
    state: str = "pending"


class SlackState:
    """The tables. Autocommit; `together()` makes one commit of several writes."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        # A killed simulator must not lose state; a machine that loses power may.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._db.execute(FORGET_OLD_DELIVERIES, (KEEP_DONE_DELIVERIES,))
        self.version = 0
        """Grows with each change that a person could see; the page polls it."""

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Counters

    def next_ts(self, now: float) -> str:
        """A ts no message ever had: the clock in microseconds, or one more than the last."""
        micros = self._raise_counter("ts", at_least=round(now * 1_000_000))
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def next_number(self, name: str) -> int:
        return self._raise_counter(name, at_least=1)

    def _raise_counter(self, name: str, *, at_least: int) -> int:
        (value,) = self._db.execute(RAISE_COUNTER, (name, at_least)).fetchone()
        return int(value)

    # People who are not in the configuration

    def add_user(self, person: Person) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO users VALUES (?, ?, ?)", (person.slack_user_id, person.name, person.tz)
        )

    def users(self) -> tuple[Person, ...]:
        rows = self._db.execute("SELECT name, id, tz FROM users ORDER BY id")
        return tuple(Person(name, user_id, tz) for name, user_id, tz in rows)

    # Channels

    def put_channel(self, channel: Channel, *, overwrite: bool = True) -> None:
        verb = "INSERT OR REPLACE" if overwrite else "INSERT OR IGNORE"
        row = (channel.id, channel.name, channel.kind, json.dumps(channel.members))
        self._db.execute(f"{verb} INTO channels VALUES (?, ?, ?, ?)", row)
        self.version += 1

    def channel(self, channel_id: str) -> Channel | None:
        rows = self._db.execute("SELECT id, name, kind, members FROM channels WHERE id = ?", (channel_id,))
        row = rows.fetchone()
        return Channel(row[0], row[1], row[2], tuple(json.loads(row[3]))) if row else None

    def channels(self) -> tuple[Channel, ...]:
        rows = self._db.execute("SELECT id, name, kind, members FROM channels ORDER BY kind, id")
        return tuple(Channel(r[0], r[1], r[2], tuple(json.loads(r[3]))) for r in rows)

    # Messages

    def put_message(self, message: Message) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                message.channel,
                message.ts,
                message.thread_ts,
                message.sender,
                message.deleted,
                json.dumps(message.message),
                json.dumps(message.extra),
            ),
        )
        self.version += 1

    def message(self, channel: str, ts: str) -> Message | None:
        return next(iter(self._messages("channel = ? AND ts = ?", channel, ts)), None)

    def messages_in(self, channel: str) -> tuple[Message, ...]:
        return self._messages("channel = ?", channel)

    def replies_to(self, channel: str, root: str) -> tuple[Message, ...]:
        return self._messages("channel = ? AND thread_ts = ? AND ts != thread_ts", channel, root)

    def messages_of(self, sender: str) -> tuple[Message, ...]:
        return self._messages("sender = ?", sender)

    def channels_with_message(self, ts: str) -> tuple[str, ...]:
        return tuple(r[0] for r in self._db.execute("SELECT channel FROM messages WHERE ts = ?", (ts,)))

    def _messages(self, where: str, *values: str) -> tuple[Message, ...]:
        rows = self._db.execute(f"{MESSAGES} WHERE {where} ORDER BY ts", values)
        return tuple(
            Message(c, ts, s, json.loads(m), t, bool(d), json.loads(e)) for c, ts, s, m, t, d, e in rows
        )

    # Files

    def put_file(self, file: StoredFile) -> None:
        row = (file.id, file.name, file.content_type, file.owner, file.created, file.content)
        self._db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", row)

    def file(self, file_id: str) -> StoredFile | None:
        columns = "id, name, content_type, owner, created, content"
        row = self._db.execute(f"SELECT {columns} FROM files WHERE id = ?", (file_id,)).fetchone()
        return StoredFile(*row) if row else None

    # Deliveries

    def put_delivery(self, delivery: Delivery) -> None:
        self._db.execute(
            PUT_DELIVERY,
            (
                delivery.event_id,
                delivery.state,
                delivery.attempt,
                delivery.reason,
                delivery.due_at,
                json.dumps(delivery.payload),
            ),
        )

    def settle_delivery(self, event_id: str, state: str) -> None:
        self._db.execute("UPDATE deliveries SET state = ? WHERE event_id = ?", (state, event_id))

    def delivery(self, event_id: str) -> Delivery | None:
        return next(iter(self._deliveries("event_id = ?", event_id)), None)

    def pending_deliveries(self) -> tuple[Delivery, ...]:
        return self._deliveries("state = 'pending'")

    def all_deliveries(self) -> tuple[Delivery, ...]:
        return self._deliveries("1 = 1")

    def _deliveries(self, where: str, *values: str) -> tuple[Delivery, ...]:
        rows = self._db.execute(f"{DELIVERIES} WHERE {where} ORDER BY number", values)
        return tuple(Delivery(e, json.loads(p), a, r, d, s) for e, p, a, r, d, s in rows)


def with_message(message: Message, **changes: object) -> Message:
    """The same message with some of Slack's own fields changed; a None removes the field."""
    merged = {k: v for k, v in {**message.message, **changes}.items() if v is not None}
    return replace(message, message=merged)
