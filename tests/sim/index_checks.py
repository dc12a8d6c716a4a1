"""What must hold in the index tables at any moment: they are what the log says, by the fold and by a rebuild."""

import json
import re
import sqlite3
from collections.abc import Sequence

from bot.codes import Keys
from bot.events import Event, isoformat
from bot.fold import fold_all
from bot.store import queries
from bot.store.rebuild import rebuild
from bot.store.schema import Execute
from bot.thread import Approval, Question, Task, Thread
from tests.sim.violation import Counts, must

TABLES = {
    "threads": "thread_id, channel, account, conversation, agent, last_seq, head, settled_seq, tries, opened_at",
    "timers": "*",
    "outbox": "*",
    "requests": "*",
    "asked": "*",
    "tasks": "*",
    "contacts": "*",
}


def check_thread(execute: Execute, run: str, thread_id: str, lane: Thread | None, counts: Counts) -> None:
    """The indexes of a thread, and what a process remembers of it, are the fold of its log."""
    log, broken = queries.events_after(execute, thread_id, 0)
    must(not broken, run, broken)
    thread = check_indexes(execute, run, log, counts)
    if lane is not None:
        folded = thread if lane.seq == thread.seq else fold_all(Thread(thread_id), log[: lane.seq])
        must(folded == lane, run, "a lane is not its log")
        counts["lanes compared"] += 1


def check_indexes(execute: Execute, run: str, log: Sequence[Event], counts: Counts) -> Thread:
    """Open timers, requests, questions and tasks are those of the thread."""
    thread = fold_all(Thread(log[0].thread_id), log)
    _same(run, "timers", _timers(execute, thread), _folded_timers(thread))
    _same(run, "requests", _requests(execute, thread, "approval"), {
        id_: (each.seq, each.approvers, isoformat(each.expires_at)) for id_, each in thread.approvals.items()
    })  # fmt: skip
    _same(run, "questions", _requests(execute, thread, "question"), {
        id_: (each.seq, (each.to,), isoformat(each.expires_at)) for id_, each in thread.questions.items()
    })  # fmt: skip
    tasks, stopped = _tasks(execute, thread)
    _same(
        run, "tasks", tasks, {id_: (each.seq, each.kind, each.attempt) for id_, each in thread.tasks.items()}
    )
    # One whose turn was stopped before it began is void too, which the index cannot know.
    alive = {id_ for id_ in stopped if not thread.tasks[id_].void}
    must(not alive, run, f"tasks are stopped in the index and not in the log: {alive}")
    _check_runs(run, thread)
    counts["indexes compared"] += 1
    return thread


def _same(run: str, name: str, rows: object, folded: object) -> None:
    must(rows == folded, run, f"the {name} of the index are not those of the log: {rows} / {folded}")


def _timers(execute: Execute, thread: Thread) -> set[tuple[str, str]]:
    rows = execute("SELECT timer_id, due_at FROM timers WHERE thread_id = ?", (thread.id,))
    return set(rows.fetchall())


def _folded_timers(thread: Thread) -> set[tuple[str, str]]:
    return {(timer_id, isoformat(timer.due_at)) for timer_id, timer in thread.timers.items()}


def _requests(execute: Execute, thread: Thread, kind: str) -> dict[str, tuple[int, tuple[str, ...], str]]:
    sql = "SELECT id, seq, approvers, until FROM requests WHERE thread_id = ? AND kind = ? AND status = 'pending'"
    rows = execute(sql, (thread.id, kind)).fetchall()
    return {id_: (seq, tuple(json.loads(approvers)), until) for id_, seq, approvers, until in rows}


def _tasks(execute: Execute, thread: Thread) -> tuple[dict[str, tuple[int, str, int]], set[str]]:
    """The open tasks, and which of them are stopped."""
    sql = "SELECT id, seq, kind, attempt, stopped FROM tasks WHERE thread_id = ? AND outcome = ''"
    rows = execute(sql, (thread.id,)).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}, {row[0] for row in rows if row[4]}


def _check_runs(run: str, thread: Thread) -> None:
    """What a run has used so far is known as long as anything of it is open."""
    waiting: list[Approval | Question | Task] = [
        *thread.approvals.values(),
        *(question for question in thread.questions.values() if question.run),
        *(task for task in thread.tasks.values() if not task.void),
    ]
    needed = {each.run for each in waiting} | ({thread.turn.run} if thread.turn else set())
    lost = needed - thread.runs.keys()
    must(not lost, run, f"runs are forgotten while something of them is open: {lost}")


# ---------------------------------------------------------------- a database


def check_rebuild(connection: sqlite3.Connection, run: str) -> None:
    """The index tables, made anew from the log, are the same."""
    before = _tables(connection)
    connection.execute("BEGIN")
    must(rebuild(connection.execute) == 0, run, "an event cannot be read")
    after = _tables(connection)
    connection.execute("ROLLBACK")
    for name, rows in before.items():
        must(rows == after[name], run, f"{name} is not what the log says: {rows} / {after[name]}")


def _tables(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        name: sorted(connection.execute(f"SELECT {columns} FROM {name}").fetchall(), key=repr)
        for name, columns in TABLES.items()
    }


def check_codes(connection: sqlite3.Connection, run: str, counts: Counts) -> None:
    """No code of anybody stands anywhere in the log."""
    (secret,) = connection.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    keys = Keys(bytes(secret))
    asked = connection.execute(
        "SELECT r.kind, r.id, a.person, a.channel FROM asked AS a JOIN requests AS r USING (id)"
    ).fetchall()
    if not asked:
        return
    written = [row[0] for row in connection.execute("SELECT data FROM events").fetchall()]
    written += [row[0] for row in connection.execute("SELECT text FROM texts").fetchall()]
    words = set(re.findall(r"[0-9A-Z]+", "\n".join(written).upper()))
    for kind, id_, person, channel in asked:
        counts["codes looked for in the log"] += 1
        found = keys.code(kind, id_, person, channel) in words
        must(not found, run, f"the code of {person} for the {kind} {id_} stands in the log")
