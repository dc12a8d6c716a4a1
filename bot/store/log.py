"""The transactions that write to the log: an input, and the fenced two-part append of the loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot.errors import BrokenEvent, Fenced, NoSuchThread
from bot.events import Draft, Event, Incoming, ThreadOpened, isoformat
from bot.ids import uuid7
from bot.ports import Appended, Received
from bot.store.apply import Execute, apply
from bot.store.codec import Encoded, encode
from bot.store.index import needs_no_answer, project
from bot.store.queries import events_after

Random = Callable[[int], bytes]

_SEEN = "SELECT thread_id, seq FROM events WHERE dedupe = ?"

# Finding a row and then moving it on by rowid is cheaper than one UPDATE with RETURNING (measured: 9 to 14 us).
_FOUND = "SELECT rowid, thread_id, last_seq, settled_seq, updated_at FROM threads "
_BY_ID = _FOUND + "WHERE thread_id = ?"
_BY_PLACE = _FOUND + "WHERE channel = ? AND account = ? AND conversation = ?"
_ARRIVED = "UPDATE threads SET last_seq = ?, settled_seq = ?, updated_at = ? WHERE rowid = ?"
_FENCE = """
SELECT rowid, head, last_seq, settled_seq, tries, updated_at, channel FROM threads WHERE thread_id = ?
"""
_ADVANCED = """
UPDATE threads SET head = ?, last_seq = ?, settled_seq = ?, tries = ?, updated_at = ? WHERE rowid = ?
"""
_INSERT = """
INSERT INTO events (thread_id, seq, id, type, v, time, actor_kind, actor, channel, run, correlation, dedupe,
                    trace_id, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TEXT = "INSERT OR IGNORE INTO texts (hash, text) VALUES (?, ?)"
_RAW = "INSERT OR IGNORE INTO raw (hash, received_at, bytes) VALUES (?, ?, ?)"


@dataclass(slots=True)
class Transaction:
    """One transaction of a batch: its SQL, and the events that become visible with the commit."""

    execute: Execute
    events: list[Event] = field(default_factory=list)


class Receipt(NamedTuple):
    """An input, made ready for the writer; `agent` is that of a new thread."""

    incoming: Incoming
    encoded: Encoded
    agent: str
    now: datetime
    trace_id: str
    raw_hash: str


class Entry(NamedTuple):
    """A draft of the loop, made ready for the writer."""

    draft: Draft
    encoded: Encoded


class Batch(NamedTuple):
    """What the loop appends, made ready for the writer."""

    thread_id: str
    head: int
    seen: int
    results: Sequence[Entry]
    decisions: Sequence[Entry]
    texts: Mapping[str, str]
    settled: bool
    now: datetime
    trace_id: str


def receive(tx: Transaction, receipt: Receipt, random: Random) -> Received:
    """Append an input, opening its thread if it is the first of its conversation."""
    incoming, execute = receipt.incoming, tx.execute
    if incoming.dedupe is not None:
        seen = execute(_SEEN, (incoming.dedupe,)).fetchone()
        if seen is not None:
            return Received(seen[0], seen[1], duplicate=True)
    rowid, thread_id, last_seq, settled_seq, updated_at = _find(execute, incoming) or _open(
        tx, receipt, random
    )
    seq = last_seq + 1
    now, stamp = _later(receipt.now, updated_at)
    event = Event(
        thread_id, seq, uuid7(now, random(10)), now, incoming.data, incoming.actor, incoming.channel,
        incoming.run, incoming.correlation, incoming.dedupe, receipt.trace_id,
    )  # fmt: skip
    _write(tx, event, receipt.encoded, stamp)
    if settled_seq == last_seq and needs_no_answer(incoming.data):
        settled_seq = seq
    execute(_ARRIVED, (seq, settled_seq, stamp, rowid))
    if incoming.raw:
        execute(_RAW, (receipt.raw_hash, stamp, incoming.raw))
    return Received(thread_id, seq, duplicate=False)


def append(tx: Transaction, batch: Batch, random: Random) -> Appended:
    """Append results if the head is unchanged, decisions only if besides no input has arrived."""
    row = tx.execute(_FENCE, (batch.thread_id,)).fetchone()
    if row is None:
        raise NoSuchThread(f"There is no thread {batch.thread_id}.")
    rowid, head, last_seq, settled_seq, tries, updated_at, channel = row
    if head != batch.head or last_seq < batch.seen:
        raise Fenced
    decided = last_seq == batch.seen
    events = [] if decided else _newcomers(tx.execute, batch)
    entries = (*batch.results, *batch.decisions) if decided else batch.results
    settled = decided and batch.settled
    stamp = updated_at
    if entries:
        now, stamp = _later(batch.now, updated_at)
        events += _write_all(tx, batch, entries, last_seq, now, stamp, channel, random)
        head = last_seq = last_seq + len(entries)
    if entries or settled:
        settled_seq = last_seq if settled else settled_seq
        tries = 0 if batch.results or settled else tries
        tx.execute(_ADVANCED, (head, last_seq, settled_seq, tries, stamp, rowid))
    if decided and batch.texts:
        _keep(tx.execute, batch.texts)
    return Appended(tuple(events), decided)


def _find(execute: Execute, incoming: Incoming) -> tuple[int, str, int, int, str] | None:
    row: tuple[int, str, int, int, str] | None
    if incoming.thread_id:
        row = execute(_BY_ID, (incoming.thread_id,)).fetchone()
        if row is None:
            raise NoSuchThread(f"There is no thread {incoming.thread_id}.")
        return row
    row = execute(_BY_PLACE, (incoming.channel, incoming.account, incoming.conversation)).fetchone()
    return row


def _open(tx: Transaction, receipt: Receipt, random: Random) -> tuple[int, str, int, int, str]:
    """Open the thread of this input; returns its row as `_find` does."""
    incoming, now, stamp = receipt.incoming, receipt.now, isoformat(receipt.now)
    opened = ThreadOpened(
        conversation=incoming.conversation,
        agent=receipt.agent,
        account=incoming.account,
        destination=incoming.destination,
    )
    event = Event(
        uuid7(now, random(10)), 1, uuid7(now, random(10)), now, opened, channel=incoming.channel,
        trace_id=receipt.trace_id,
    )  # fmt: skip
    _write(tx, event, encode(opened), stamp)
    row: tuple[int, str, int, int, str] = tx.execute(_BY_ID, (event.thread_id,)).fetchone()
    return row


def _write_all(
    tx: Transaction,
    batch: Batch,
    entries: Sequence[Entry],
    last_seq: int,
    now: datetime,
    stamp: str,
    channel: str,
    random: Random,
) -> list[Event]:
    """The events of the loop, all of one time."""
    events = []
    for seq, (draft, encoded) in enumerate(entries, last_seq + 1):
        event = Event(
            batch.thread_id, seq, uuid7(now, random(10)), now, draft.data, "", channel,
            draft.run, draft.correlation, None, batch.trace_id,
        )  # fmt: skip
        _write(tx, event, encoded, stamp)
        events.append(event)
    return events


def _write(tx: Transaction, event: Event, encoded: Encoded, stamp: str) -> None:
    data, execute = event.data, tx.execute
    execute(
        _INSERT,
        (
            event.thread_id, event.seq, event.id, data.type, data.v, stamp, data.actor, event.actor,
            event.channel, event.run, event.correlation, event.dedupe, event.trace_id, encoded.json,
        ),
    )  # fmt: skip
    if encoded.texts:
        _keep(execute, encoded.texts)
    for change in project(event):
        apply(execute, change)
    tx.events.append(event)


def _keep(execute: Execute, texts: Mapping[str, str]) -> None:
    for item in texts.items():
        execute(_TEXT, item)


def _newcomers(execute: Execute, batch: Batch) -> list[Event]:
    """The inputs that came while the loop was busy."""
    events, broken = events_after(execute, batch.thread_id, batch.seen)
    if broken:
        raise BrokenEvent(broken)
    return events


def _later(now: datetime, previous: str) -> tuple[datetime, str]:
    """The time of the next event of a thread: the clock may go back, the log does not."""
    stamp = isoformat(now)
    if stamp >= previous:
        return now, stamp
    return datetime.fromisoformat(previous), previous
