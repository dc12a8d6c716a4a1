"""What is read of requests, tasks and contacts, as functions of a connection's `execute`."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.events import Event
from bot.ports import AskedRow, RequestRow, TaskRow
from bot.store import codec
from bot.store.queries import texts
from bot.store.schema import Execute

_REQUEST = """
SELECT r.id, r.kind, r.thread_id, r.seq, r.requester, r.approvers, r.quorum, r.separate, r.until, r.at, r.status,
       r.decided_by, r.decided_at
FROM requests AS r
"""
_ASKED = _REQUEST.replace(
    "FROM requests AS r", ", a.person, a.channel, a.wrong FROM requests AS r JOIN asked AS a USING (id)"
)
_TASK = (
    "SELECT id, thread_id, call_id, seq, tool, kind, token_hash, attempt, stopped, note, outcome FROM tasks"
)
_CALL = f"""
SELECT {codec.COLUMNS} FROM events
WHERE thread_id = ? AND type = 'tool.started' AND correlation = ? ORDER BY seq DESC LIMIT 1
"""


def requests(execute: Execute, *, pending: bool, limit: int) -> list[RequestRow]:
    """Requests, the oldest first; only those still open, or all, the newest ones."""
    if pending:
        rows = execute(
            f"{_REQUEST} WHERE r.status = 'pending' ORDER BY r.at, r.id LIMIT ?", (limit,)
        ).fetchall()
    else:
        rows = execute(f"{_REQUEST} ORDER BY r.at DESC, r.id LIMIT ?", (limit,)).fetchall()[::-1]
    return [_request(row) for row in rows]


def request(execute: Execute, id_: str) -> RequestRow | None:
    row = execute(f"{_REQUEST} WHERE r.id = ?", (id_,)).fetchone()
    return _request(row) if row else None


def requests_of(execute: Execute, thread_id: str) -> list[RequestRow]:
    """The open requests of one thread."""
    rows = execute(f"{_REQUEST} WHERE r.status = 'pending' AND r.thread_id = ? ORDER BY r.seq", (thread_id,))
    return [_request(row) for row in rows]


def asked(execute: Execute, person: str, channel: str, limit: int) -> list[AskedRow]:
    """What a person was asked on a channel: all that is open, and what was decided last."""
    where = "WHERE a.person = ? AND a.channel = ?"
    sql = f"{_ASKED} {where} ORDER BY r.status = 'pending' DESC, r.at DESC, r.id LIMIT ?"
    return [
        AskedRow(_request(row[:13]), row[13], row[14], row[15])
        for row in execute(sql, (person, channel, limit)).fetchall()
    ]


def wrong_tries(execute: Execute, id_: str, person: str, channel: str) -> int:
    """How many wrong codes this person has sent on this channel that may have meant this request."""
    row = execute(
        "SELECT wrong FROM asked WHERE id = ? AND person = ? AND channel = ?", (id_, person, channel)
    ).fetchone()
    return int(row[0]) if row else 0


def task(execute: Execute, id_: str) -> TaskRow | None:
    row = execute(f"{_TASK} WHERE id = ?", (id_,)).fetchone()
    return _task(row) if row else None


def open_tasks(execute: Execute) -> list[TaskRow]:
    """What runs outside any turn, the oldest first."""
    return [_task(row) for row in execute(f"{_TASK} WHERE outcome = '' ORDER BY thread_id, seq").fetchall()]


def call(execute: Execute, thread_id: str, call_id: str) -> Event | None:
    """The announcement of a call."""
    row = execute(_CALL, (thread_id, call_id)).fetchone()
    events, _ = codec.decode_rows([row] if row else [], lambda hashes: texts(execute, hashes))
    return events[0] if events else None


def unreachable(execute: Execute) -> dict[tuple[str, str], str]:
    """Addresses that take nothing from us, by channel, and why."""
    rows = execute("SELECT channel, address, why FROM contacts WHERE reachable = 0").fetchall()
    return {(channel, address): why for channel, address, why in rows}


_HEARD = """
SELECT max(CASE WHEN actor_kind = 'person' THEN time END), min(time) FROM events WHERE channel = ?
"""


def last_heard(execute: Execute, channel: str) -> datetime | None:
    """When a person was last heard on a channel, else when it was first used; None if it never was.

    Reads every event's channel, so it is for the start only.
    """
    heard, first = execute(_HEARD, (channel,)).fetchone()
    return _time(heard or first) if heard or first else None


def is_another_part(execute: Execute, provider_id: str, outbox_id: str, part: int) -> bool:
    """Whether the provider's id is known to be that of another part than this one.

    Reads every delivery report, so it is for doubtful cases only. A report may be there before we know that the part
    was sent at all: providers tell of a message whose answer was lost.
    """
    sql = """SELECT 1 FROM events WHERE type = 'delivery.reported' AND json_extract(data, '$.provider_id') = ?
             AND (json_extract(data, '$.outbox_id') <> ? OR json_extract(data, '$.part_number') <> ?) LIMIT 1"""
    return execute(sql, (provider_id, outbox_id, part)).fetchone() is not None


def secret(execute: Execute) -> bytes:
    """What codes are derived from; made with the database."""
    row = execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    return bytes(row[0]) if row else b""


def _request(row: Sequence[Any]) -> RequestRow:
    id_, kind, thread_id, seq, requester, approvers, quorum, separate, until, at, status, by, decided_at = row
    return RequestRow(
        id_, kind, thread_id, seq, requester, tuple(json.loads(approvers)), quorum, bool(separate), _time(until),
        _time(at), status, tuple(json.loads(by)), _time(decided_at) if decided_at else None,
    )  # fmt: skip


def _task(row: Sequence[Any]) -> TaskRow:
    id_, thread_id, call_id, seq, tool, kind, token_hash, attempt, stopped, note, outcome = row
    return TaskRow(
        id_, thread_id, call_id, seq, tool, kind, token_hash, attempt, bool(stopped), note, outcome
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
