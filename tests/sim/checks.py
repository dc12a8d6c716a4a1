"""What must hold in every log that has come to rest, and in the database that it stands in.

Each function raises Violation, which names the run, where a promise was broken, and counts what it saw.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from bot import context, events as ev, snapshot
from bot.canonical import digest
from bot.context import AgentTexts, Ask
from bot.decide import decide
from bot.events import Event
from bot.fold import fold, fold_all
from bot.rules import Rules
from bot.store import queries
from bot.thread import Thread, Unread
from tests.sim.index_checks import check_codes, check_indexes, check_rebuild, check_thread as check_thread
from tests.sim.request_checks import check_requests
from tests.sim.violation import Counts as Counts, Violation as Violation, must as must

Log = Sequence[Event]


# ---------------------------------------------------------------- a log


def check_log(run: str, log: Log, counts: Counts, gated: frozenset[str] = frozenset()) -> None:
    """Everything that one log at rest can show by itself."""
    thread = fold_all(Thread(log[0].thread_id), log)
    must(thread.turn is None, run, "a turn is left open")
    must(not thread.unread, run, f"left unread: {thread.unread}")
    must([event.seq for event in log] == list(range(1, len(log) + 1)), run, "seqs are not dense")
    must(all(a.time <= b.time for a, b in pairwise(log)), run, "time went back")
    ours = [e.seq for e in log if isinstance(e.data, ev.ThreadParked) and "error of our own" in e.data.reason]
    must(not ours, run, f"parked for an error of our own at {ours}")
    counts["events"] += len(log)
    _check_messages(run, log, counts)
    _check_turns(run, log)
    _check_calls(run, log, counts)
    _check_stops(run, log, counts)
    _check_snapshots(run, log, counts)
    check_requests(run, log, counts, gated)


def _check_messages(run: str, log: Log, counts: Counts) -> None:
    """Every message is read exactly once, or the log says why not."""
    read = Counter(e.data.input for e in log if isinstance(e.data, ev.TurnStarted | ev.TurnRead))
    gone = explained(run, log)
    for event in log:
        if isinstance(event.data, ev.MessageReceived):
            counts["messages"] += 1
            times = read[event.seq]
            must(times + (event.seq in gone) == 1, run, f"message {event.seq} was read {times} times")


def explained(run: str, log: Log) -> set[int]:
    """Inputs that left `unread` without being read, which only what may drop them does."""
    thread = Thread(log[0].thread_id)
    before: dict[int, Unread] = {}
    gone: set[int] = set()
    for event in log:
        thread = fold(thread, event)
        now = {unread.seq: unread for unread in thread.unread}
        taken = {event.data.input} if isinstance(event.data, ev.TurnStarted | ev.TurnRead) else set()
        dropped = before.keys() - now.keys() - taken
        for seq in dropped:
            must(_may_drop(event, before[seq]), run, f"{event.type} {event.seq} dropped the input {seq}")
        gone |= dropped
        if isinstance(event.data, ev.MessageReceived) and event.seq not in now:
            gone.add(event.seq)
        before = now
    return gone


def _may_drop(event: Event, unread: Unread) -> bool:
    """A control, a delete or a take-over; an answer is void if the message is edited, or the request withdrawn."""
    match event.data:
        case ev.ControlRequested() | ev.MessageDeleted() | ev.MessageReceived() | ev.TakeoverStarted():
            return True
        case ev.MessageEdited():
            return unread.kind == "answer"
        case ev.ToolFinished(withdraws=withdraws):
            return unread.kind == "answer" and bool(withdraws)
        case _:
            return False


def _check_turns(run: str, log: Log) -> None:
    """Turns do not overlap, each ends, and each end says something or says why it does not."""
    is_open = False
    for event in log:
        match event.data:
            case ev.TurnStarted():
                must(not is_open, run, f"turn.started {event.seq} inside a turn")
                is_open = True
            case ev.TurnEnded() as data:
                must(is_open, run, f"turn.ended {event.seq} outside a turn")
                must(bool(data.reply or data.reason), run, f"turn.ended {event.seq} says nothing")
                is_open = False
            case ev.ModelAsked() | ev.ModelAnswered() | ev.ToolStarted() | ev.ToolFinished():
                must(is_open, run, f"{event.type} {event.seq} outside a turn")
            case _:
                pass


def _check_calls(run: str, log: Log, counts: Counts) -> None:
    """Each announcement has one result, after it; each repetition is in the log."""
    asked = [e.seq for e in log if isinstance(e.data, ev.ModelAsked)]
    answered = [e.seq for e in log if isinstance(e.data, ev.ModelAnswered)]
    started = Counter(e.data.call_id for e in log if isinstance(e.data, ev.ToolStarted))
    finished = Counter(e.data.call_id for e in log if isinstance(e.data, ev.ToolFinished))
    counts["asked"] += len(asked)
    counts["answered"] += len(answered)
    counts["resumed"] += sum(isinstance(e.data, ev.TurnResumed) for e in log)
    counts["tools started"] += started.total()
    must(all(times == 1 for times in started.values()), run, "a call was announced twice")
    must(all(times == 1 for times in finished.values()), run, "a call finished twice")
    for asking, answer in zip(asked, answered, strict=False):
        must(asking < answer, run, f"model.answered {answer} was not asked for")


def _check_stops(run: str, log: Log, counts: Counts) -> None:
    """Nothing starts after a committed stop in a run begun before it."""
    begun = {e.run: e.seq for e in reversed(log) if isinstance(e.data, ev.TurnStarted)}
    for stop in log:
        if isinstance(stop.data, ev.ControlRequested) and stop.data.action == "stop":
            counts["stops"] += 1
            for event in log[stop.seq :]:
                acts = isinstance(event.data, ev.ToolStarted | ev.ModelAsked | ev.ApprovalRequested)
                late = acts and begun.get(event.run, event.seq) < stop.seq
                must(not late, run, f"{event.type} {event.seq} after the stop {stop.seq}")


def _check_snapshots(run: str, log: Log, counts: Counts) -> None:
    """Wherever a snapshot may be taken, what is read back is the same thread, order included."""
    thread = Thread(log[0].thread_id)
    for event in log:
        thread = fold(thread, event)
        if thread.turn is None:
            text = snapshot.dump(thread)
            back = snapshot.parse(text)
            must(back == thread and snapshot.dump(back) == text, run, f"the snapshot at {event.seq} differs")
            counts["snapshots compared"] += 1


def check_decided_as_written(run: str, log: Log, rules: Rules, counts: Counts) -> None:
    """Decided anew at the time of the event, each turn begins with the input it began with."""
    thread = Thread(log[0].thread_id)
    for event in log:
        if isinstance(event.data, ev.TurnStarted):
            again = decide(thread, event.time, rules).drafts[:1]
            same = bool(again) and again[0].data == event.data and again[0].run == event.run
            must(same, run, f"turn.started {event.seq} would be decided otherwise")
            counts["decisions repeated"] += 1
        thread = fold(thread, event)


# ---------------------------------------------------------------- a database


def check_database(
    path: Path, run: str, counts: Counts, *, gated: frozenset[str] = frozenset()
) -> dict[str, Log]:
    """A database that nobody has open, at rest: whole, its indexes those of the log, nothing left to do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        logs = _check_file(connection, run, counts)
        for log in logs.values():
            check_log(run, log, counts, gated)
            _check_bodies(connection, run, log, counts)
        _check_settled(connection, run)
        _check_outbox(connection, run, logs, counts)
        check_codes(connection, run, counts)
    return logs


def check_at_death(path: Path, run: str, counts: Counts) -> None:
    """A database as a process left it behind: whole, and its indexes those of the log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _check_file(connection, run, counts)


def _check_file(connection: sqlite3.Connection, run: str, counts: Counts) -> dict[str, Log]:
    found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    must(found == "ok", run, f"the file is damaged: {found}")
    logs = dict(logs_in(connection, run))
    for log in logs.values():
        check_indexes(connection.execute, run, log, counts)
    check_rebuild(connection, run)
    return logs


def logs_in(connection: sqlite3.Connection, run: str) -> Iterator[tuple[str, Log]]:
    for (thread_id,) in connection.execute("SELECT thread_id FROM threads ORDER BY thread_id").fetchall():
        log, broken = queries.events_after(connection.execute, thread_id, 0)
        must(not broken, run, broken)
        yield thread_id, log


def _check_bodies(connection: sqlite3.Connection, run: str, log: Log, counts: Counts) -> None:
    """Every request is rebuilt byte for byte, and begins as the one before it, up to a compaction."""
    compacted = [event.seq for event in log if isinstance(event.data, ev.ContextCompacted)]
    before: list[JsonValue] = []
    since = 0
    for seq, logged, body in rebuilt(connection, log):
        must(digest(body) == logged, run, f"request {seq} is not rebuilt the same")
        counts["requests rebuilt"] += 1
        shown = _stable(body)
        if not any(since < each < seq for each in compacted):
            must(shown[: len(before)] == before, run, f"request {seq} does not begin as the one before it")
            counts["prefixes compared"] += 1
        before, since = shown, seq


def _stable(body: dict[str, Any]) -> list[JsonValue]:
    """The texts of a request but for the last one, which says what changes."""
    return [block["text"] for block in body["messages"][0]["content"][:-1]]


def rebuilt(connection: sqlite3.Connection, log: Log) -> Iterator[tuple[int, str, dict[str, JsonValue]]]:
    """Every request of a thread from the log and the texts alone: its seq, the hash written down, the body."""
    thread, events = Thread(log[0].thread_id), {event.seq: event for event in log}
    for event in log:
        if isinstance(asked := event.data, ev.ModelAsked):
            names = (asked.prompt, asked.tools, asked.output_schema)
            texts = queries.texts(connection.execute, names)
            agent = AgentTexts(*(texts[name] for name in names))
            before = {seq: each for seq, each in events.items() if seq < event.seq}
            ask = Ask(asked.model, asked.now, asked.settings)
            yield event.seq, asked.request, context.request(thread, before, agent, ask)
        thread = fold(thread, event)


def _check_settled(connection: sqlite3.Connection, run: str) -> None:
    rows = connection.execute("SELECT thread_id, tries FROM threads WHERE settled_seq < last_seq").fetchall()
    must(not rows, run, f"work is left in {rows}")


def _check_outbox(connection: sqlite3.Connection, run: str, logs: dict[str, Log], counts: Counts) -> None:
    """What a turn says has a row, and every row is done with."""
    rows = connection.execute("SELECT thread_id, seq, number, state FROM outbox").fetchall()
    expected = {
        (event.thread_id, event.seq, number)
        for log in logs.values()
        for event in log
        for number, outgoing in enumerate(getattr(event.data, "outgoing", ()))
        if outgoing.channel and outgoing.destination
    }
    must({row[:3] for row in rows} == expected, run, "the outbox is not that of the log")
    must(all(row[3] == "done" for row in rows), run, f"not sent: {[row for row in rows if row[3] != 'done']}")
    counts["messages sent"] += len(rows)
