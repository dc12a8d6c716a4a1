"""Makes the index tables anew from the log, for a database whose indexes are in doubt."""

from dataclasses import dataclass

from bot.store import queries
from bot.store.apply import Execute, apply
from bot.store.codec import COLUMNS, decode_rows
from bot.store.index import needs_no_answer, project
from bot.store.schema import INDEX_TABLES

_PAGE = 1000
_EVENTS = f"SELECT {COLUMNS}, position FROM events WHERE position > ? ORDER BY position LIMIT {_PAGE}"
_UPDATE = """
UPDATE threads SET last_seq = ?, head = ?, settled_seq = ?, tries = ?, updated_at = ? WHERE thread_id = ?
"""


@dataclass(slots=True)
class _Known:
    """What a thread's row says besides what its first event says."""

    last_seq: int = 0
    head: int = 0
    settled_seq: int = 0
    tries: int = 0
    updated_at: str = ""


def rebuild(execute: Execute) -> int:
    """Empty the index tables and fill them again; returns how many events could not be read.

    Two columns do not follow from the log: `tries` and `settled_seq` are kept where a row was there. Where it
    was not, `settled_seq` stays behind: the loop takes the thread over, finds nothing to do and settles it.
    """
    kept = _kept(execute)
    for table in INDEX_TABLES:
        execute(f"DELETE FROM {table}")
    known: dict[str, _Known] = {}
    unreadable, position = 0, 0
    while rows := execute(_EVENTS, (position,)).fetchall():
        position = rows[-1][-1]
        for row in rows:
            unreadable += _replay(execute, row[:-1], known)
    for thread_id, found in known.items():
        _fill(execute, thread_id, found, kept.get(thread_id))
    return unreadable


def _kept(execute: Execute) -> dict[str, tuple[int, int, int]]:
    rows = execute("SELECT thread_id, settled_seq, tries, head FROM threads")
    return {thread_id: (settled_seq, tries, head) for thread_id, settled_seq, tries, head in rows}


def _replay(execute: Execute, row: tuple[object, ...], known: dict[str, _Known]) -> bool:
    """Project one event; returns whether it was unreadable."""
    thread = known.setdefault(str(row[0]), _Known())
    seq, time = int(str(row[1])), str(row[5])
    previous, thread.last_seq, thread.updated_at = thread.last_seq, seq, time
    events, broken = decode_rows([row], lambda hashes: queries.texts(execute, hashes))
    for event in events:
        for change in project(event):
            apply(execute, change)
        if event.data.part != "input":
            thread.head = seq
        if thread.settled_seq == previous and needs_no_answer(event.data):
            thread.settled_seq = seq
    return bool(broken)


def _fill(execute: Execute, thread_id: str, found: _Known, kept: tuple[int, int, int] | None) -> None:
    if kept is not None:
        settled_seq, found.tries, head = kept
        found.settled_seq = max(found.settled_seq, min(settled_seq, found.last_seq))
        found.head = max(found.head, head)  # the loop's last event may be one that could not be read
    values = (found.last_seq, found.head, found.settled_seq, found.tries, found.updated_at)
    execute(_UPDATE, (*values, thread_id))
