"""What waits for people, as commands see it: read from the database alone, found by the beginning of an id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.cli.reading import MOST_NAMED
from bot.errors import SaywhenError
from bot.events import ApprovalRequested, QuestionAsked, TaskStarted, isoformat
from bot.ports import RequestRow
from bot.store.read import ReadOnlyStore

Kind = Literal["approval", "question"]
EVERY = -1


class NoSuchRequest(SaywhenError):
    """No request has this id."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and what it asks; nothing if its event cannot be read."""

    row: RequestRow
    data: ApprovalRequested | QuestionAsked | None


async def requests(store: ReadOnlyStore, *, ended: int = 0) -> list[Asked]:
    """All that is open, and so many of what ended last; the oldest first."""
    rows = {row.id: row for row in await store.requests(pending=True, limit=EVERY)}
    if ended:
        rows |= {row.id: row for row in await store.requests(pending=False, limit=ended)}
    return [
        Asked(row, await _data(store, row)) for row in sorted(rows.values(), key=lambda r: (r.asked_at, r.id))
    ]


async def find_request(store: ReadOnlyStore, beginning: str, kinds: Sequence[Kind]) -> RequestRow:
    """The one request whose id begins so: of those that are open, else of all. Raises NoSuchRequest."""
    beginning = beginning.strip().lower()
    rows = [row for row in await store.requests(pending=False, limit=EVERY) if row.kind in kinds]
    fits = [row for row in rows if beginning and row.id.startswith(beginning)]
    found = [row for row in fits if row.status == "pending"] or fits
    if not found:
        command = "bot approvals --all"
        raise NoSuchRequest(f'no {" or ".join(kinds)} begins with "{beginning}"; `{command}` lists them')
    if len(found) > 1:
        named = ", ".join(row.id for row in found[:MOST_NAMED])
        raise NoSuchRequest(f'more than one {found[0].kind} begins with "{beginning}": {named}')
    return found[0]


async def _data(store: ReadOnlyStore, row: RequestRow) -> ApprovalRequested | QuestionAsked | None:
    events = await store.events_at(row.thread_id, [row.seq])
    data = events[0].data if events else None
    return data if isinstance(data, ApprovalRequested | QuestionAsked) else None


# ---------------------------------------------------------------- with the names that the API has


def approval_json(asked: Asked) -> dict[str, Any]:
    row, data = asked.row, asked.data
    about = data if isinstance(data, ApprovalRequested) else None
    return {
        "approval_id": row.id,
        "thread_id": row.thread_id,
        "tool": about.tool if about else "",
        "args": about.args if about else {},
        "status": row.status,
        "expires_at": _time(row),
        "requester": row.requester or (about.by if about else ""),
        "why": about.why if about else "",
        "approvers": list(row.approvers),
        "asked_at": isoformat(row.asked_at),
        "decided_by": list(row.decided_by),
        "decided_at": isoformat(row.decided_at) if row.decided_at else None,
    }


def question_json(asked: Asked) -> dict[str, Any]:
    row, data = asked.row, asked.data
    about = data if isinstance(data, QuestionAsked) else None
    return {
        "question_id": row.id,
        "thread_id": row.thread_id,
        "to": ", ".join(row.approvers),
        "text": about.text if about else "",
        "options": list(about.options) if about else [],
        "status": row.status,
        "expires_at": _time(row),
        "asked_at": isoformat(row.asked_at),
        "answered_by": list(row.decided_by),
        "answered_at": isoformat(row.decided_at) if row.decided_at else None,
    }


def _time(row: RequestRow) -> str:
    return isoformat(row.expires_at)


async def tasks(store: ReadOnlyStore) -> list[dict[str, Any]]:
    """What goes on outside any turn, the oldest first."""
    found = []
    for row in await store.open_tasks():
        events = await store.events_at(row.thread_id, [row.seq])
        data = events[0].data if events else None
        until = data.expires_at if isinstance(data, TaskStarted) else None
        found.append(
            {
                "task_id": row.task_id,
                "thread_id": row.thread_id,
                "tool": row.tool,
                "kind": row.kind,
                "attempt": row.attempt,
                "stopped": row.stopped,
                "note": row.note,
                "started_at": isoformat(events[0].time) if events else None,
                "expires_at": isoformat(until) if until else None,
            }
        )
    return found
