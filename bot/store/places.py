"""What a channel needs to know of its own past: the conversations it is in, and how often it has begun a session."""

from datetime import datetime, timedelta

from bot.events import ThreadOpened, isoformat
from bot.store import codec
from bot.store.log import Transaction
from bot.store.queries import texts
from bot.store.schema import Execute

A_DAY = timedelta(days=1)
_THREADS = "SELECT thread_id FROM threads WHERE channel = ? ORDER BY updated_at DESC LIMIT ?"
_OPENED = f"SELECT {codec.COLUMNS} FROM events WHERE thread_id = ? AND seq = 1"
_LAST = """
SELECT dedupe FROM events WHERE thread_id = ? AND type = 'message.received' AND channel = ?
ORDER BY seq DESC LIMIT 1
"""


def places(execute: Execute, channel: str, limit: int = 100) -> list[tuple[str, str]]:
    """The conversations used last, latest first: their destination, and the last part of the newest message's place."""
    found = []
    for (thread_id,) in execute(_THREADS, (channel, limit)).fetchall():
        rows = execute(_OPENED, (thread_id,)).fetchall()
        events, _ = codec.decode_rows(rows, lambda hashes: texts(execute, hashes))
        last = execute(_LAST, (thread_id, channel)).fetchone()
        if events and isinstance(events[0].data, ThreadOpened) and last and last[0]:
            found.append((events[0].data.destination, str(last[0]).rpartition(":")[2]))
    return found


def session_begun(tx: Transaction, channel: str, now: datetime) -> int:
    """Count one more session of a channel; returns how many that makes in 24 hours."""
    tx.execute("DELETE FROM sessions WHERE channel = ? AND at < ?", (channel, isoformat(now - A_DAY)))
    tx.execute("INSERT INTO sessions (channel, at) VALUES (?, ?)", (channel, isoformat(now)))
    return int(tx.execute("SELECT count(*) FROM sessions WHERE channel = ?", (channel,)).fetchone()[0])
