"""Carries out in SQL what an event changes in the index tables of requests, tasks and contacts."""

import json
from typing import assert_never

from bot.store.index_requests import (
    AddAsked,
    AddRequest,
    CloseQuestions,
    CloseRequest,
    CloseTask,
    CountWrong,
    OpenTask,
    PassOnRequest,
    RequestChange,
    SetContact,
    StopTasks,
    TouchTask,
)
from bot.store.schema import Execute

_ADD = """
INSERT OR REPLACE INTO requests (id, kind, thread_id, seq, requester, approvers, quorum, separate, until, at, status,
                                 decided_by, decided_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', '[]', NULL)
"""
_PASSED_ON = "UPDATE requests SET approvers = ?, until = ? WHERE id = ? AND status = 'pending'"
_CLOSE = """
UPDATE requests SET status = ?, decided_by = ?, decided_at = ? WHERE id = ? AND kind = ? AND status = 'pending'
"""
_CLOSE_QUESTIONS = """
UPDATE requests SET status = 'cancelled', decided_at = ?
WHERE thread_id = ? AND kind = 'question' AND status = 'pending'
"""
_DROP_QUESTION_TIMERS = """
DELETE FROM timers WHERE thread_id = ? AND substr(timer_id, instr(timer_id, ':') + 1) IN (
    SELECT id FROM requests WHERE thread_id = ? AND kind = 'question' AND status = 'pending'
)
"""
_ASKED = "INSERT OR IGNORE INTO asked (id, person, channel, wrong) VALUES (?, ?, ?, 0)"
_WRONG = """
INSERT INTO asked (id, person, channel, wrong) VALUES (?, ?, ?, 1)
ON CONFLICT (id, person, channel) DO UPDATE SET wrong = wrong + 1
"""
_OPEN_TASK = """
INSERT OR REPLACE INTO tasks (id, thread_id, call_id, seq, tool, kind, token_hash, attempt, stopped, note, outcome)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, '', '')
"""
_TOUCH_TASK = "UPDATE tasks SET attempt = max(attempt, ?), note = ? WHERE id = ? AND outcome = ''"
_CLOSE_TASK = "UPDATE tasks SET outcome = ? WHERE id = ? AND outcome = ''"
_STOP_TASKS = "UPDATE tasks SET stopped = 1 WHERE thread_id = ? AND outcome = ''"
_CONTACT = """
INSERT INTO contacts (channel, address, reachable, why, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (channel, address) DO UPDATE SET reachable = excluded.reachable, why = excluded.why, at = excluded.at
"""


def apply_request(execute: Execute, change: RequestChange) -> None:  # noqa: C901 - one branch for each change
    """Make one change."""
    match change:
        case AddRequest() as new:
            execute(
                _ADD,
                (
                    new.id, new.kind, new.thread_id, new.seq, new.requester, json.dumps(new.approvers), new.quorum,
                    int(new.separate), new.until, new.at,
                ),
            )  # fmt: skip
        case PassOnRequest(id_, approvers, until):
            execute(_PASSED_ON, (json.dumps(approvers), until, id_))
        case CloseRequest() as end:
            execute(_CLOSE, (end.status, json.dumps(end.by), end.at, end.id, end.kind))
        case CloseQuestions(thread_id, at):
            execute(_DROP_QUESTION_TIMERS, (thread_id, thread_id))
            execute(_CLOSE_QUESTIONS, (at, thread_id))
        case AddAsked(id_, person, channel):
            execute(_ASKED, (id_, person, channel))
        case CountWrong(id_, person, channel):
            execute(_WRONG, (id_, person, channel))
        case OpenTask() as task:
            values = (task.id, task.thread_id, task.call_id, task.seq, task.tool, task.kind, task.token_hash)
            execute(_OPEN_TASK, values)
        case TouchTask(id_, attempt, note):
            execute(_TOUCH_TASK, (attempt, note, id_))
        case CloseTask(id_, outcome):
            execute(_CLOSE_TASK, (outcome, id_))
        case StopTasks(thread_id):
            execute(_STOP_TASKS, (thread_id,))
        case SetContact() as contact:
            execute(
                _CONTACT,
                (contact.channel, contact.address, int(contact.reachable), contact.why, contact.at),
            )
        case _:
            assert_never(change)
