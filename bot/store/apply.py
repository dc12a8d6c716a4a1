"""Carries out in SQL what an event changes in the index tables."""

from bot.store.apply_letters import apply_letters
from bot.store.apply_requests import apply_request
from bot.store.index import (
    AddOutbox,
    Change,
    DropRetries,
    DropTimer,
    DropTimersAbout,
    OpenThread,
    ReportPart,
    SetTimer,
)
from bot.store.index_letters import AddCorrespondent, AddLetter
from bot.store.schema import Execute as Execute

_OPEN_THREAD = """
INSERT INTO threads (thread_id, channel, account, conversation, agent, last_seq, head, settled_seq, tries,
                     opened_at, updated_at)
VALUES (?, ?, ?, ?, ?, 1, 0, 1, 0, ?, ?)
"""
_SET_TIMER = """
INSERT OR REPLACE INTO timers (thread_id, timer_id, due_at, purpose, text, run) VALUES (?, ?, ?, ?, ?, ?)
"""
_DROP_TIMER = "DELETE FROM timers WHERE thread_id = ? AND timer_id = ?"
_DROP_RETRIES = "DELETE FROM timers WHERE thread_id = ? AND purpose = 'retry'"
_DROP_ABOUT = "DELETE FROM timers WHERE thread_id = ? AND substr(timer_id, instr(timer_id, ':') + 1) = ?"
_ADD_OUTBOX = """
INSERT INTO outbox (id, thread_id, seq, number, channel, account, destination, created_at, run, trace_id,
                    not_before, state, parts_sent, attempts, unsure)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', 0, 0, 0)
"""
_SENT = """
UPDATE outbox SET parts_sent = max(parts_sent, ?), attempts = 0, unsure = 0, not_before = NULL, state = ?
WHERE id = ? AND state = 'open'
"""
_FAILED = "UPDATE outbox SET attempts = ?, not_before = ? WHERE id = ? AND state = 'open'"
_UNKNOWN = "UPDATE outbox SET attempts = ?, not_before = ?, unsure = 1 WHERE id = ? AND state = 'open'"
_DEAD = "UPDATE outbox SET state = 'dead', attempts = ?, not_before = NULL WHERE id = ? AND state = 'open'"


def apply(execute: Execute, change: Change) -> None:
    """Make one change."""
    match change:
        case AddOutbox() as row:
            values = (row.id, row.thread_id, row.seq, row.number, row.channel, row.account, row.destination)
            execute(_ADD_OUTBOX, (*values, row.created_at, row.run, row.trace_id, row.not_before))
        case ReportPart() as report:
            _report(execute, report)
        case OpenThread() as thread:
            place = (thread.channel, thread.account, thread.conversation)
            execute(
                _OPEN_THREAD,
                (thread.thread_id, *place, thread.agent, thread.opened_at, thread.opened_at),
            )
        case SetTimer() as timer:
            what = (timer.due_at, timer.purpose, timer.text, timer.run)
            execute(_SET_TIMER, (timer.thread_id, timer.timer_id, *what))
        case DropTimer(thread_id, timer_id):
            execute(_DROP_TIMER, (thread_id, timer_id))
        case DropRetries(thread_id):
            execute(_DROP_RETRIES, (thread_id,))
        case DropTimersAbout(thread_id, about):
            execute(_DROP_ABOUT, (thread_id, about))
        case AddCorrespondent() | AddLetter():
            apply_letters(execute, change)
        case _:
            apply_request(execute, change)


def _report(execute: Execute, report: ReportPart) -> None:
    match report.status:
        case "sent":
            execute(_SENT, (report.part, "done" if report.done else "open", report.outbox_id))
        case "failed":
            execute(_FAILED, (report.attempts, report.not_before, report.outbox_id))
        case "unknown":
            execute(_UNKNOWN, (report.attempts, report.not_before, report.outbox_id))
        case "dead":
            execute(_DEAD, (report.attempts, report.outbox_id))
        case "delivered" | "undelivered":  # said later, of what was sent
            pass
