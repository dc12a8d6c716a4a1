"""What waits for people: requests for a yes, questions and tasks, as the store and the log have them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from bot.events import ApprovalRequested, Event, QuestionAsked, TaskStarted
from bot.ports import RequestRow, Store, TaskRow
from bot.web.models import OpenApproval
from bot.web.problems import Problem
from bot.web.request_models import ApprovalOut, QuestionOut, TaskOut

Kind = Literal["approval", "question"]
MOST = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and the event that made it; no event if this program cannot read it."""

    row: RequestRow
    data: ApprovalRequested | QuestionAsked | None

    @property
    def tool(self) -> str:
        return self.data.tool if isinstance(self.data, ApprovalRequested) else ""

    @property
    def args(self) -> dict[str, JsonValue]:
        return self.data.args if isinstance(self.data, ApprovalRequested) else {}


class Waiting:
    """Reads requests and tasks together with what the log says of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def requests(self, kind: Kind, *, ended: int = MOST, thread_id: str | None = None) -> list[Asked]:
        """Requests of this kind, the oldest first: all that are open, and about as many that ended last."""
        rows = {row.id: row for row in await self._open(thread_id)}
        if ended:
            rows |= {row.id: row for row in await self._store.requests(pending=False, limit=ended)}
        mine = [row for row in rows.values() if row.kind == kind and thread_id in (None, row.thread_id)]
        return await self._with_events(sorted(mine, key=lambda row: (row.asked_at, row.id)))

    async def request(self, kind: Kind, id_: str) -> Asked:
        """One request, or a 404."""
        row = await self._store.request(id_)
        if row is None or row.kind != kind:
            raise Problem(404, f"there is no such {kind}", found=id_, allowed=f"an id from GET /api/{kind}s")
        return (await self._with_events([row]))[0]

    async def tasks(self) -> list[TaskOut]:
        rows = await self._store.open_tasks()
        events = await self._events((row.thread_id, row.seq) for row in rows)
        return [_task_out(row, events.get((row.thread_id, row.seq))) for row in rows]

    async def _open(self, thread_id: str | None) -> Sequence[RequestRow]:
        if thread_id is not None:
            return await self._store.requests_of(thread_id)
        return await self._store.requests(pending=True, limit=-1)

    async def _with_events(self, rows: Sequence[RequestRow]) -> list[Asked]:
        events = await self._events((row.thread_id, row.seq) for row in rows)
        return [Asked(row, _asking(events.get((row.thread_id, row.seq)))) for row in rows]

    async def _events(self, places: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Event]:
        seqs: dict[str, list[int]] = {}
        for thread_id, seq in places:
            seqs.setdefault(thread_id, []).append(seq)
        found = [await self._store.events_at(thread_id, wanted) for thread_id, wanted in seqs.items()]
        return {(event.thread_id, event.seq): event for events in found for event in events}


def _asking(event: Event | None) -> ApprovalRequested | QuestionAsked | None:
    data = event.data if event else None
    return data if isinstance(data, ApprovalRequested | QuestionAsked) else None


# ---------------------------------------------------------------- as the API shows it


def approval_out(asked: Asked) -> ApprovalOut:
    row, data = asked.row, asked.data
    about = data if isinstance(data, ApprovalRequested) else None
    return ApprovalOut(
        approval_id=row.id,
        thread_id=row.thread_id,
        tool=asked.tool,
        args=asked.args,
        status=row.status,
        expires_at=row.expires_at,
        requester=row.requester or (about.by if about else ""),
        why=about.why if about else "",
        approvers=list(row.approvers),
        asked_at=row.asked_at,
        decided_by=list(row.decided_by),
        decided_at=row.decided_at,
    )


def open_approval(asked: Asked) -> OpenApproval:
    row = asked.row
    return OpenApproval(
        approval_id=row.id, tool=asked.tool, args=asked.args, status=row.status, expires_at=row.expires_at
    )


def question_out(asked: Asked) -> QuestionOut:
    row, data = asked.row, asked.data
    about = data if isinstance(data, QuestionAsked) else None
    return QuestionOut(
        question_id=row.id,
        thread_id=row.thread_id,
        to=", ".join(row.approvers),
        text=about.text if about else "",
        options=list(about.options) if about else [],
        status=row.status,
        expires_at=row.expires_at,
        asked_at=row.asked_at,
        answered_by=list(row.decided_by),
        answered_at=row.decided_at,
    )


def _task_out(row: TaskRow, event: Event | None) -> TaskOut:
    started = event.data if event and isinstance(event.data, TaskStarted) else None
    return TaskOut(
        task_id=row.task_id,
        thread_id=row.thread_id,
        tool=row.tool,
        kind=row.kind,
        attempt=row.attempt,
        stopped=row.stopped,
        note=row.note,
        started_at=event.time if event else None,
        expires_at=started.expires_at if started else None,
    )
