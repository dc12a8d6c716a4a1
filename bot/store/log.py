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

# Each moves the thread on and says where it is now, in one statement; none found means no such thread, or a fence.
_ARRIVE = """
UPDATE threads SET settled_seq = iif(? AND settled_seq = last_seq, last_seq + 1, settled_seq),
    last_seq = last_seq + 1, updated_at = max(updated_at, ?)
"""
_ARRIVE_BY_ID = _ARRIVE + "WHERE thread_id = ? RETURNING thread_id, last_seq, updated_at"
_ARRIVE_BY_PLACE = _ARRIVE + (
    "WHERE channel = ? AND account = ? AND conversation = ? RETURNING thread_id, last_seq, updated_at"
)
_ADVANCE = """
UPDATE threads SET head = ?, last_seq = ?, settled_seq = iif(?, ?, settled_seq), tries = iif(?, 0, tries),
    updated_at = max(updated_at, ?)
WHERE thread_id = ? AND head = ? AND last_seq = ? RETURNING channel, updated_at
"""
_INSERT = """
INSERT INTO events (thread_id, seq, id, type, v, time, actor_kind, actor, channel, run, correlation, dedupe,
                    trace_id, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FENCE = "SELECT head, last_seq FROM threads WHERE thread_id = ?"
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
    stamp = isoformat(receipt.now)
    thread_id, seq, later = _arrive(tx, receipt, stamp, random)
    now = receipt.now if later == stamp else datetime.fromisoformat(later)
    event = Event(
        thread_id, seq, uuid7(now, random(10)), now, incoming.data, incoming.actor, incoming.channel,
        incoming.run, incoming.correlation, incoming.dedupe, receipt.trace_id,
    )  # fmt: skip
    _write(tx, event, receipt.encoded, later)
    if incoming.raw:
        execute(_RAW, (receipt.raw_hash, later, incoming.raw))
    return Received(thread_id, seq, duplicate=False)


def append(tx: Transaction, batch: Batch, random: Random) -> Appended:
    """Append results if the head is unchanged, decisions only if besides no input has arrived."""
    everything = (*batch.results, *batch.decisions)
    place = _advance(tx.execute, batch, batch.seen, everything, settled=batch.settled)
    if place is not None:
        if batch.texts:
            _keep(tx.execute, batch.texts)
        return Appended(_write_all(tx, batch, batch.seen, everything, place, random), decided=True)
    last_seq = _check_fence(tx.execute, batch)
    events = _newcomers(tx.execute, batch)
    if batch.results:
        place = _advance(tx.execute, batch, last_seq, batch.results, settled=False)
        assert place is not None, "the fence was checked in this transaction"
        events += _write_all(tx, batch, last_seq, batch.results, place, random)
    return Appended(events, decided=False)


def _arrive(tx: Transaction, receipt: Receipt, stamp: str, random: Random) -> tuple[str, int, str]:
    """Move the thread of an input on by one; returns its id, the seq of the input, and the time of it."""
    incoming = receipt.incoming
    state = (needs_no_answer(incoming.data), stamp)
    rows: list[tuple[str, int, str]]
    if incoming.thread_id:
        rows = tx.execute(_ARRIVE_BY_ID, (*state, incoming.thread_id)).fetchall()
        if not rows:
            raise NoSuchThread(f"There is no thread {incoming.thread_id}.")
        return rows[0]
    place = (incoming.channel, incoming.account, incoming.conversation)
    rows = tx.execute(_ARRIVE_BY_PLACE, (*state, *place)).fetchall()
    if not rows:
        _open(tx, receipt, stamp, random)
        rows = tx.execute(_ARRIVE_BY_PLACE, (*state, *place)).fetchall()
    return rows[0]


def _open(tx: Transaction, receipt: Receipt, stamp: str, random: Random) -> None:
    incoming, now = receipt.incoming, receipt.now
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


def _advance(
    execute: Execute, batch: Batch, last_seq: int, entries: Sequence[Entry], *, settled: bool
) -> tuple[str, str] | None:
    """Move the thread on if head and last_seq are these; returns its channel and the time of the entries."""
    seq = last_seq + len(entries)
    head = seq if entries else batch.head
    stamp = isoformat(batch.now) if entries else ""
    rows: list[tuple[str, str]] = execute(
        _ADVANCE,
        (
            head, seq, settled, seq, bool(batch.results) or settled, stamp,
            batch.thread_id, batch.head, last_seq,
        ),
    ).fetchall()  # fmt: skip
    return rows[0] if rows else None


def _check_fence(execute: Execute, batch: Batch) -> int:
    """The seq of the newest input, if nothing but inputs came in between."""
    row = execute(_FENCE, (batch.thread_id,)).fetchone()
    if row is None:
        raise NoSuchThread(f"There is no thread {batch.thread_id}.")
    head, last_seq = row
    if head != batch.head or last_seq < batch.seen:
        raise Fenced
    return int(last_seq)


def _write_all(
    tx: Transaction,
    batch: Batch,
    last_seq: int,
    entries: Sequence[Entry],
    place: tuple[str, str],
    random: Random,
) -> tuple[Event, ...]:
    channel, stamp = place
    now = datetime.fromisoformat(stamp)
    events = []
    for seq, (draft, encoded) in enumerate(entries, last_seq + 1):
        event = Event(
            batch.thread_id, seq, uuid7(now, random(10)), now, draft.data, "", channel,
            draft.run, draft.correlation, None, batch.trace_id,
        )  # fmt: skip
        _write(tx, event, encoded, stamp)
        events.append(event)
    return tuple(events)


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


def _newcomers(execute: Execute, batch: Batch) -> tuple[Event, ...]:
    """The inputs that came while the loop was busy."""
    events, broken = events_after(execute, batch.thread_id, batch.seen)
    if broken:
        raise BrokenEvent(broken)
    return tuple(events)
