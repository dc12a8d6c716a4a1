"""What is read from the database, as functions of a connection's `execute`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import JsonValue

from bot.errors import NoSuchThread
from bot.events import Event, isoformat, outgoing_of
from bot.ports import DueTimer, Loaded, OutboxRow, ThreadRow
from bot.store import codec
from bot.store.apply import Execute

EVER = datetime.max.replace(tzinfo=UTC)
_AT_ONCE = 500  # parameters of one statement

_THREAD = """
SELECT thread_id, channel, account, conversation, agent, last_seq, settled_seq, tries, opened_at, updated_at
FROM threads
"""
_AFTER = f"SELECT {codec.COLUMNS} FROM events WHERE thread_id = ? AND seq > ? ORDER BY seq LIMIT ?"
_TIMERS = """
SELECT thread_id, timer_id, due_at, purpose, text, run FROM timers
WHERE due_at <= ? ORDER BY due_at, thread_id, timer_id LIMIT ?
"""
_EVENT = ", ".join(f"e.{name}" for name in codec.COLUMNS.split(", "))
# min() makes SQLite take not_before from the same row: the first open message of each destination. One that is
# only to be sent later (at the end of quiet hours) lets the others pass.
_FIRST = """
SELECT min(position) AS position, not_before FROM outbox
WHERE state = 'open' AND NOT (attempts = 0 AND unsure = 0 AND coalesce(not_before, '') > ?)
GROUP BY channel, account, destination
"""
_OUTBOX = f"""
SELECT o.id, o.number, o.created_at, o.parts_sent, o.attempts, o.unsure, o.not_before, {_EVENT}
FROM ({_FIRST}) AS first JOIN outbox AS o USING (position) JOIN events AS e USING (thread_id, seq)
WHERE first.not_before IS NULL OR first.not_before <= ?
ORDER BY o.position LIMIT ?
"""
_NEXT_OUTBOX = f"""
SELECT min(coalesce(first.not_before, o.created_at))
FROM ({_FIRST}) AS first JOIN outbox AS o USING (position)
"""


def load(execute: Execute, thread_id: str, fold_version: str) -> Loaded:
    """The thread with the newest snapshot of this fold version and all events after it."""
    row = execute("SELECT tries, head, last_seq FROM threads WHERE thread_id = ?", (thread_id,)).fetchone()
    if row is None:
        raise NoSuchThread(f"There is no thread {thread_id}.")
    snapshot = execute(
        "SELECT seq, body FROM snapshots WHERE thread_id = ? AND fold_version = ?", (thread_id, fold_version)
    ).fetchone()
    seq, body = snapshot or (0, None)
    events, broken = events_after(execute, thread_id, seq)
    return Loaded(thread_id, body, tuple(events), tries=row[0], head=row[1], last_seq=row[2], broken=broken)


def events_after(
    execute: Execute, thread_id: str, seq: int, limit: int | None = None
) -> tuple[list[Event], str]:
    """The events after this seq, up to the first that cannot be read, and why it cannot."""
    rows = execute(_AFTER, (thread_id, seq, _most(limit))).fetchall()
    return codec.decode_rows(rows, lambda hashes: texts(execute, hashes))


def raw_events(
    execute: Execute, thread_id: str, seq: int, limit: int | None = None
) -> list[dict[str, JsonValue]]:
    """The rows after this seq, whatever is in them."""
    rows = execute(_AFTER, (thread_id, seq, _most(limit))).fetchall()
    return codec.plain_rows(rows, lambda hashes: texts(execute, hashes))


def events_at(execute: Execute, thread_id: str, seqs: Iterable[int]) -> tuple[Event, ...]:
    """The events at these seqs, in order; what is missing or cannot be read is left out."""
    rows: list[codec.Row] = []
    for some in _slices(sorted(set(seqs))):
        where = f"thread_id = ? AND seq IN ({_marks(some)})"
        sql = f"SELECT {codec.COLUMNS} FROM events WHERE {where} ORDER BY seq"
        rows += execute(sql, (thread_id, *some)).fetchall()
    read = [codec.decode_rows([row], lambda hashes: texts(execute, hashes))[0] for row in rows]
    return tuple(event for events in read for event in events)


def texts(execute: Execute, hashes: Iterable[str]) -> dict[str, str]:
    """The texts with these hashes, as far as they are there."""
    found: dict[str, str] = {}
    for some in _slices(list(hashes)):
        sql = f"SELECT hash, text FROM texts WHERE hash IN ({_marks(some)})"
        found.update(execute(sql, tuple(some)).fetchall())
    return found


def raw(execute: Execute, hash_: str) -> bytes | None:
    """The bytes as the provider sent them, while they are kept."""
    row = execute("SELECT bytes FROM raw WHERE hash = ?", (hash_,)).fetchone()
    return row[0] if row else None


def raw_to_prune(execute: Execute, before: datetime, cap_bytes: int) -> list[str]:
    """The raw bytes that are older than this, or too many: the newest are kept."""
    total, victims = 0, []
    rows = execute("SELECT hash, received_at, length(bytes) FROM raw ORDER BY received_at DESC, hash")
    limit = isoformat(before)
    for hash_, received_at, size in rows:
        total += size
        if received_at < limit or total > cap_bytes:
            victims.append(hash_)
    return victims


def due_timers(execute: Execute, now: datetime, limit: int) -> list[DueTimer]:
    return [
        DueTimer(thread_id, timer_id, _time(due_at), purpose, text, run)
        for thread_id, timer_id, due_at, purpose, text, run in execute(_TIMERS, (isoformat(now), limit))
    ]


def next_timer(execute: Execute) -> datetime | None:
    return _maybe_time(execute("SELECT min(due_at) FROM timers").fetchone()[0])


def outbox_due(execute: Execute, now: datetime, limit: int, held: datetime | None = None) -> list[OutboxRow]:
    """The first open message of each destination, if it may be sent now and its event can be read.

    Messages that are not to be sent before `held` (by default now) stand in nobody's way.
    """
    rows = execute(_OUTBOX, (isoformat(held or now), isoformat(now), limit)).fetchall()
    return [message for row in rows for message in _outbox_row(execute, row)]


_UNFINISHED = (
    "id", "thread_id", "state", "channel", "account", "destination", "parts_sent", "attempts", "unsure",
    "not_before", "created_at",
)  # fmt: skip


def unfinished_outbox(execute: Execute, limit: int) -> list[dict[str, JsonValue]]:
    """The messages that wait to be sent and those that were given up, oldest first."""
    columns = ", ".join(_UNFINISHED)
    sql = f"SELECT {columns} FROM outbox WHERE state <> 'done' ORDER BY position LIMIT ?"
    rows = [dict(zip(_UNFINISHED, row, strict=True)) for row in execute(sql, (limit,))]
    return [{**row, "unsure": bool(row["unsure"])} for row in rows]


def next_outbox(execute: Execute) -> datetime | None:
    """When the next message may be sent; in the past if one may be sent now."""
    return _maybe_time(execute(_NEXT_OUTBOX, (isoformat(EVER),)).fetchone()[0])


def threads(execute: Execute, limit: int, before: str | None) -> list[ThreadRow]:
    """The threads opened last, newest first; `before` is the last thread id of the previous page."""
    if before is None:
        rows = execute(f"{_THREAD} ORDER BY thread_id DESC LIMIT ?", (limit,))
    else:
        rows = execute(f"{_THREAD} WHERE thread_id < ? ORDER BY thread_id DESC LIMIT ?", (before, limit))
    return [_thread_row(row) for row in rows]


def thread(execute: Execute, thread_id: str) -> ThreadRow | None:
    row = execute(f"{_THREAD} WHERE thread_id = ?", (thread_id,)).fetchone()
    return _thread_row(row) if row else None


def thread_of(execute: Execute, channel: str, account: str, conversation: str) -> ThreadRow | None:
    key = (channel, account, conversation)
    row = execute(f"{_THREAD} WHERE channel = ? AND account = ? AND conversation = ?", key).fetchone()
    return _thread_row(row) if row else None


def tokens_since(execute: Execute, time: datetime) -> int:
    """All tokens of model calls answered since then, besides those of the demo brain, which cost nothing.

    It reads every event's type, so it is for the start only.
    """
    found = execute(
        """
        SELECT coalesce(sum(
            json_extract(data, '$.usage.input') + json_extract(data, '$.usage.output')
            + json_extract(data, '$.usage.cache_read') + json_extract(data, '$.usage.cache_creation')
        ), 0) FROM events WHERE type = 'model.answered' AND time >= ?
            AND json_extract(data, '$.request_id') NOT LIKE 'req_sim%'
        """,
        (isoformat(time),),
    ).fetchone()
    return int(found[0])


def unsettled(execute: Execute, tries: Literal["none", "some"]) -> list[str]:
    """Threads with work, the one that has waited longest first."""
    sign = "=" if tries == "none" else ">"
    sql = f"""SELECT thread_id FROM threads WHERE settled_seq < last_seq AND tries {sign} 0
              ORDER BY tries, updated_at, thread_id"""
    return [row[0] for row in execute(sql)]


def _thread_row(row: Sequence[Any]) -> ThreadRow:
    thread_id, channel, account, conversation, agent, last_seq, settled_seq, tries, opened_at, updated_at = (
        row
    )
    return ThreadRow(
        thread_id, channel, account, conversation, agent, last_seq, settled_seq, tries,
        _time(opened_at), _time(updated_at),
    )  # fmt: skip


def _outbox_row(execute: Execute, row: Sequence[Any]) -> Iterator[OutboxRow]:
    id_, number, created_at, parts_sent, attempts, unsure, not_before, *event_row = row
    events, _ = codec.decode_rows([event_row], lambda hashes: texts(execute, hashes))
    for event in events:
        yield OutboxRow(
            id_, event.thread_id, event.seq, outgoing_of(event.data)[number], _time(created_at), event.run,
            parts_sent, attempts, bool(unsure), _maybe_time(not_before), event.trace_id,
        )  # fmt: skip


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe_time(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _most(limit: int | None) -> int:
    return -1 if limit is None else limit


def _slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
