"""The tables, how a new database is made whole or not at all, and how an older one is brought up to date."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

APPLICATION_ID = 0x53415957  # "SAYW": tells our files from other SQLite databases
Crashpoint = Callable[[str], None]


class Execute(Protocol):
    """A cursor's `execute`."""

    def __call__(self, sql: str, parameters: tuple[Any, ...] = ..., /) -> sqlite3.Cursor: ...


# `events.position` is the order of all commits. A table clustered by (thread_id, seq) was measured: twice the
# CPU and bytes written, 1.6 times the size, because threads grow in the middle of it.
_FIRST = (
    """CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        thread_id TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
        v INTEGER NOT NULL, time TEXT NOT NULL, actor_kind TEXT NOT NULL, actor TEXT NOT NULL,
        channel TEXT NOT NULL, run TEXT NOT NULL, correlation TEXT NOT NULL, dedupe TEXT,
        trace_id TEXT NOT NULL, data TEXT NOT NULL,
        UNIQUE (thread_id, seq)
    ) STRICT""",
    "CREATE UNIQUE INDEX events_dedupe ON events (dedupe) WHERE dedupe IS NOT NULL",
    "CREATE TABLE texts (hash TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT",
    "CREATE TABLE raw (hash TEXT PRIMARY KEY, received_at TEXT NOT NULL, bytes BLOB NOT NULL) STRICT",
    """CREATE TABLE snapshots (
        thread_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, fold_version TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT",
    """CREATE TABLE threads (
        thread_id TEXT PRIMARY KEY, channel TEXT NOT NULL, account TEXT NOT NULL, conversation TEXT NOT NULL,
        agent TEXT NOT NULL, last_seq INTEGER NOT NULL, head INTEGER NOT NULL, settled_seq INTEGER NOT NULL,
        tries INTEGER NOT NULL, opened_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        UNIQUE (channel, account, conversation)
    ) STRICT""",
    """CREATE TABLE timers (
        thread_id TEXT NOT NULL, timer_id TEXT NOT NULL, due_at TEXT NOT NULL, purpose TEXT NOT NULL,
        text TEXT NOT NULL, run TEXT NOT NULL,
        PRIMARY KEY (thread_id, timer_id)
    ) STRICT""",
    "CREATE INDEX timers_due_at ON timers (due_at)",
    """CREATE TABLE outbox (
        position INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE, thread_id TEXT NOT NULL, seq INTEGER NOT NULL, channel TEXT NOT NULL,
        account TEXT NOT NULL, destination TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL,
        parts_sent INTEGER NOT NULL, attempts INTEGER NOT NULL, unsure INTEGER NOT NULL, not_before TEXT,
        created_at TEXT NOT NULL, run TEXT NOT NULL, trace_id TEXT NOT NULL
    ) STRICT""",
    """CREATE INDEX outbox_open ON outbox (channel, account, destination, position, not_before)
       WHERE state = 'open'""",
)

# Requests for a yes and questions, who was asked where, tasks outside of turns, addresses that take nothing.
_REQUESTS = (
    """CREATE TABLE requests (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, thread_id TEXT NOT NULL, seq INTEGER NOT NULL,
        requester TEXT NOT NULL, approvers TEXT NOT NULL, quorum INTEGER NOT NULL, separate INTEGER NOT NULL,
        until TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, decided_by TEXT NOT NULL, decided_at TEXT
    ) STRICT""",
    "CREATE INDEX requests_open ON requests (at) WHERE status = 'pending'",
    """CREATE TABLE asked (
        id TEXT NOT NULL, person TEXT NOT NULL, channel TEXT NOT NULL, wrong INTEGER NOT NULL,
        PRIMARY KEY (id, person, channel)
    ) STRICT""",
    """CREATE TABLE tasks (
        id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, call_id TEXT NOT NULL, seq INTEGER NOT NULL,
        tool TEXT NOT NULL, kind TEXT NOT NULL, token_hash TEXT NOT NULL, attempt INTEGER NOT NULL,
        stopped INTEGER NOT NULL, note TEXT NOT NULL, outcome TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX tasks_open ON tasks (thread_id) WHERE outcome = ''",
    """CREATE TABLE contacts (
        channel TEXT NOT NULL, address TEXT NOT NULL, reachable INTEGER NOT NULL, why TEXT NOT NULL,
        at TEXT NOT NULL, PRIMARY KEY (channel, address)
    ) STRICT""",
    "INSERT INTO meta (key, value) VALUES ('secret', randomblob(32))",
)

# What was done with each mail of a mailbox, and its bytes: beside it, because a row is written anew when its
# state changes. Then the tokens for a mailbox, and what a reply by mail is known by.
_MAIL = (
    """CREATE TABLE mail (
        id INTEGER PRIMARY KEY,
        account TEXT NOT NULL, mailbox TEXT NOT NULL, validity INTEGER NOT NULL, uid INTEGER NOT NULL,
        digest TEXT NOT NULL, size INTEGER NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL,
        sender TEXT NOT NULL, subject TEXT NOT NULL, thread_id TEXT NOT NULL, at TEXT NOT NULL,
        tries INTEGER NOT NULL, marked INTEGER NOT NULL,
        UNIQUE (account, mailbox, validity, uid)
    ) STRICT""",
    "CREATE INDEX mail_stored ON mail (account, mailbox, id) WHERE state = 'stored'",
    "CREATE INDEX mail_unmarked ON mail (account, mailbox, id) WHERE marked = 0",
    "CREATE INDEX mail_state ON mail (state, id)",
    "CREATE INDEX mail_digest ON mail (account, digest)",
    "CREATE INDEX mail_sender ON mail (sender, at)",
    "CREATE INDEX mail_thread ON mail (thread_id, at) WHERE thread_id <> ''",
    "CREATE TABLE mail_raw (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    """CREATE TABLE mailboxes (
        account TEXT NOT NULL, mailbox TEXT NOT NULL, validity INTEGER NOT NULL, baseline INTEGER NOT NULL,
        since TEXT NOT NULL, PRIMARY KEY (account, mailbox)
    ) STRICT""",
    """CREATE TABLE mail_tokens (
        account TEXT PRIMARY KEY, refresh_token TEXT NOT NULL, access_token TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE letters (
        message_id TEXT NOT NULL, address TEXT NOT NULL, thread_id TEXT NOT NULL,
        PRIMARY KEY (message_id, address)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE reply_tokens (token TEXT PRIMARY KEY, thread_id TEXT NOT NULL) STRICT",
    """CREATE TABLE correspondents (
        thread_id TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (thread_id, address)
    ) STRICT, WITHOUT ROWID""",
)

# How often a channel has begun a session with its provider, where a provider counts that.
_SESSIONS = ("CREATE TABLE sessions (channel TEXT NOT NULL, at TEXT NOT NULL) STRICT",)

INDEX_TABLES = (
    "threads", "timers", "outbox", "requests", "asked", "tasks", "contacts", "letters", "reply_tokens",
    "correspondents",
)  # fmt: skip
"""What follows from the log and can be made anew from it."""

# Number n brings a database from schema n to n + 1. A released one is never changed, only followed.
MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _REQUESTS, _MAIL, _SESSIONS)
LATEST = len(MIGRATIONS)


def nothing(name: str) -> None:
    """A crash point outside of tests."""


def create(path: Path, crashpoint: Crashpoint = nothing) -> None:
    """Make a new database beside its place and move it there only when it is complete."""
    draft = path.with_name(path.name + ".new")
    for leftover in (draft, draft.with_name(draft.name + "-wal"), draft.with_name(draft.name + "-shm")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # what people wrote is nobody else's
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, crashpoint)
    finally:
        connection.close()
    crashpoint("create.before")
    draft.rename(path)
    _sync_folder(path.parent)
    crashpoint("create.after")


def migrate(connection: sqlite3.Connection, crashpoint: Crashpoint = nothing) -> None:
    """Bring the schema up to date in one transaction: old or new, nothing between."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version >= LATEST:
        return
    from sqlite_utils import Database  # 0.3 s of CPU, which a start with nothing to migrate need not pay

    database = Database(connection, execute_plugins=False)
    with database.atomic():
        for number, statements in enumerate(MIGRATIONS[version:], version + 1):
            for statement in statements:
                database.execute(statement)
                crashpoint("migration.statement")
            database.execute(f"PRAGMA user_version = {number}")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        crashpoint("migration.before")
    crashpoint("migration.after")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
