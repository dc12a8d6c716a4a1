"""The transactions that write to the log: an input, and the fenced two-part append of the loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

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
_BY_ID = "SELECT thread_id, last_seq, settled_seq, updated_at FROM threads WHERE thread_id = ?"
_BY_PLACE = """
SELECT thread_id, last_seq, settled_seq, updated_at FROM threads
WHERE channel = ? AND account = ? AND conversation = ?
"""
_FENCE = "SELECT head, last_seq, settled_seq, updated_at, channel, tries FROM threads WHERE thread_id = ?"
_INSERT = """
INSERT INTO events (thread_id, seq, id, type, v, time, actor_kind, actor, channel, run, correlation, dedupe,
                    trace_id, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_RECEIVED = "UPDATE threads SET last_seq = ?, settled_seq = ?, updated_at = ? WHERE thread_id = ?"
_APPENDED = """
UPDATE threads SET head = ?, last_seq = ?, settled_seq = ?, tries = ?, updated_at = ? WHERE thread_id = ?
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
    thread_id, last_seq, settled_seq, updated_at = _find(execute, incoming) or _open(tx, receipt, random)
    now, stamp = _later(receipt.now, updated_at)
    seq = last_seq + 1
    event = Event(
        thread_id, seq, uuid7(now, random(10)), now, incoming.data, incoming.actor, incoming.channel,
        incoming.run, incoming.correlation, incoming.dedupe, receipt.trace_id,
    )  # fmt: skip
    _write(tx, event, receipt.encoded, stamp)
    if settled_seq == last_seq and needs_no_answer(incoming.data):
        settled_seq = seq
    execute(_RECEIVED, (seq, settled_seq, stamp, thread_id))
    if incoming.raw:
        execute(_RAW, (receipt.raw_hash, stamp, incoming.raw))
    return Received(thread_id, seq, duplicate=False)


def append(tx: Transaction, batch: Batch, random: Random) -> Appended:
    """Append results if the head is unchanged, decisions only if besides no input has arrived."""
    execute = tx.execute
    row = execute(_FENCE, (batch.thread_id,)).fetchone()
    if row is None:
        raise NoSuchThread(f"There is no thread {batch.thread_id}.")
    head, last_seq, settled_seq, updated_at, channel, tries = row
    if head != batch.head or batch.seen > last_seq:
        raise Fenced
    decided = last_seq == batch.seen
    events = [] if decided else _newcomers(execute, batch)
    now, stamp = _later(batch.now, updated_at)
    entries = (*batch.results, *batch.decisions) if decided else batch.results
    for seq, entry in enumerate(entries, last_seq + 1):
        draft = entry.draft
        event = Event(
            batch.thread_id, seq, uuid7(now, random(10)), now, draft.data, "", channel,
            draft.run, draft.correlation, None, batch.trace_id,
        )  # fmt: skip
        _write(tx, event, entry.encoded, stamp)
        events.append(event)
    if decided and batch.texts:
        _keep(execute, batch.texts)
    settled = batch.settled and decided
    if entries or settled:
        last_seq += len(entries)
        head = last_seq if entries else head
        settled_seq = last_seq if settled else settled_seq
        tries = 0 if batch.results or settled else tries
        execute(_APPENDED, (head, last_seq, settled_seq, tries, stamp, batch.thread_id))
    return Appended(tuple(events), decided)


def _find(execute: Execute, incoming: Incoming) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None
    if incoming.thread_id:
        row = execute(_BY_ID, (incoming.thread_id,)).fetchone()
        if row is None:
            raise NoSuchThread(f"There is no thread {incoming.thread_id}.")
        return row
    row = execute(_BY_PLACE, (incoming.channel, incoming.account, incoming.conversation)).fetchone()
    return row


def _open(tx: Transaction, receipt: Receipt, random: Random) -> tuple[str, int, int, str]:
    """Open a thread; returns its row as `_find` does."""
    incoming, now = receipt.incoming, receipt.now
    thread_id = uuid7(now, random(10))
    stamp = isoformat(now)
    opened = ThreadOpened(
        conversation=incoming.conversation,
        agent=receipt.agent,
        account=incoming.account,
        destination=incoming.destination,
    )
    event = Event(
        thread_id, 1, uuid7(now, random(10)), now, opened, "", incoming.channel,
        trace_id=receipt.trace_id,
    )  # fmt: skip
    _write(tx, event, encode(opened), stamp)
    return thread_id, 1, 1, stamp


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
