"""What the simulated Twilio remembers, in tables of its own in the simulators' file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

SCHEMA = """
CREATE TABLE IF NOT EXISTS sms_messages (
    number INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    body TEXT NOT NULL, direction TEXT NOT NULL, status TEXT NOT NULL, created_at REAL NOT NULL,
    updated_at REAL NOT NULL, sent_at REAL, segments INTEGER NOT NULL, media_urls TEXT NOT NULL,
    error_code INTEGER, callback TEXT NOT NULL, ahead TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sms_messages_ahead ON sms_messages (number) WHERE ahead != '[]';
CREATE TABLE IF NOT EXISTS sms_media (
    sid TEXT PRIMARY KEY, message_sid TEXT NOT NULL, content_type TEXT NOT NULL, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS sms_media_by_message ON sms_media (message_sid);
CREATE TABLE IF NOT EXISTS sms_opt_outs (
    number TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (number, person)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sms_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sms_posts (
    number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, message_sid TEXT NOT NULL, kind TEXT NOT NULL,
    url TEXT NOT NULL, form TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    problem TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sms_open_posts ON sms_posts (number) WHERE state = 'pending';
"""
MESSAGE = (
    "number, sid, sender, recipient, body, direction, status, created_at, updated_at, sent_at, segments, "
    "media_urls, error_code, callback, ahead"
)
POST = "token, message_sid, kind, url, form, state, attempts, problem"
PUT_POST = f"""
INSERT INTO sms_posts ({POST}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (token) DO UPDATE SET
    state = excluded.state, attempts = excluded.attempts, problem = excluded.problem
"""
KEEP_DONE_POSTS = 5_000
FORGET_OLD_POSTS = """
DELETE FROM sms_posts WHERE state != 'pending' AND number <= (SELECT MAX(number) FROM sms_posts) - ?
"""

Direction: TypeAlias = Literal["inbound", "outbound-api", "outbound-reply"]
PostState: TypeAlias = Literal["pending", "done", "failed"]


@dataclass(frozen=True)
class Message:
    """`ahead` are the statuses still to come; `number` says where it stands among all messages."""

    sid: str
    sender: str
    recipient: str
    body: str
    direction: Direction
    status: str
    created_at: float
    updated_at: float
    sent_at: float | None = None
    segments: int = 1
    media_urls: tuple[str, ...] = ()
    error_code: int | None = None
    callback: str = ""
    ahead: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Media:
    sid: str
    message_sid: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Post:
    """One request to the app. The token is the same in every attempt."""

    token: str
    message_sid: str
    kind: Literal["message", "status"]
    url: str
    form: tuple[tuple[str, str], ...]
    state: PostState = "pending"
    attempts: int = 0
    problem: str = ""


class TwilioState:
    """The tables. Autocommit; `together()` makes one commit of several writes."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        # As with Slack's tables: a killed simulator must not lose state; a machine that loses power may.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._db.execute(FORGET_OLD_POSTS, (KEEP_DONE_POSTS,))
        self.version = 0
        """Grows with each change that a person could see; the page polls it."""

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Messages

    def put_message(self, message: Message) -> Message:
        """Write a new message, or an old one as it is now; returns it with its number."""
        row = (
            message.number or None,
            message.sid,
            message.sender,
            message.recipient,
            message.body,
            message.direction,
            message.status,
            message.created_at,
            message.updated_at,
            message.sent_at,
            message.segments,
            json.dumps(message.media_urls),
            message.error_code,
            message.callback,
            json.dumps(message.ahead),
        )
        marks = ", ".join("?" * len(row))
        found = self._db.execute(
            f"INSERT OR REPLACE INTO sms_messages ({MESSAGE}) VALUES ({marks}) RETURNING number", row
        ).fetchone()
        self.version += 1
        return replace(message, number=found[0])

    def message(self, sid: str) -> Message | None:
        return next(iter(self._messages("sid = ?", sid)), None)

    def messages(self) -> tuple[Message, ...]:
        """All of them, oldest first."""
        return self._messages("1 = 1")

    def messages_under_way(self) -> tuple[Message, ...]:
        return self._messages("ahead != '[]'")

    def _messages(self, where: str, *values: str) -> tuple[Message, ...]:
        rows = self._db.execute(f"SELECT {MESSAGE} FROM sms_messages WHERE {where} ORDER BY number", values)
        return tuple(map(_message, rows))

    # Media

    def put_media(self, media: Iterable[Media]) -> None:
        self._db.executemany(
            "INSERT INTO sms_media VALUES (?, ?, ?, ?)",
            [(each.sid, each.message_sid, each.content_type, each.content) for each in media],
        )

    def media_of(self, message_sid: str) -> tuple[Media, ...]:
        rows = self._db.execute(
            "SELECT sid, message_sid, content_type, content FROM sms_media WHERE message_sid = ? ORDER BY rowid",
            (message_sid,),
        )
        return tuple(Media(*row) for row in rows)

    # Who does not want messages

    def opt_out(self, number: str, person: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO sms_opt_outs VALUES (?, ?)", (number, person))
        self.version += 1

    def opt_in(self, number: str, person: str) -> None:
        self._db.execute("DELETE FROM sms_opt_outs WHERE number = ? AND person = ?", (number, person))
        self.version += 1

    def is_opted_out(self, number: str, person: str) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM sms_opt_outs WHERE number = ? AND person = ?", (number, person)
        )
        return found.fetchone() is not None

    # Settings

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO sms_settings VALUES (?, ?)", (name, value))
        self.version += 1

    def get(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM sms_settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    # Requests to the app

    def put_post(self, post: Post) -> None:
        self._db.execute(
            PUT_POST,
            (
                post.token,
                post.message_sid,
                post.kind,
                post.url,
                json.dumps(post.form),
                post.state,
                post.attempts,
                post.problem,
            ),
        )

    def posts(self) -> tuple[Post, ...]:
        return self._posts("1 = 1")

    def pending_posts(self) -> tuple[Post, ...]:
        return self._posts("state = 'pending'")

    def posts_of(self, message_sid: str) -> tuple[Post, ...]:
        return self._posts("message_sid = ?", message_sid)

    def _posts(self, where: str, *values: str) -> tuple[Post, ...]:
        rows = self._db.execute(f"SELECT {POST} FROM sms_posts WHERE {where} ORDER BY number", values)
        return tuple(
            Post(token, sid, kind, url, tuple((n, v) for n, v in json.loads(form)), state, attempts, problem)
            for token, sid, kind, url, form, state, attempts, problem in rows
        )


def _message(row: tuple[Any, ...]) -> Message:
    *fields, media_urls, error_code, callback, ahead = row[1:]
    values = [*fields, tuple(json.loads(media_urls)), error_code, callback, tuple(json.loads(ahead)), row[0]]
    return Message(*values)
