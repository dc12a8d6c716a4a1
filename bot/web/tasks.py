"""GET /api/tasks: what goes on outside any turn. POST /api/tasks/ID: an outside system says how its task ended."""

import hmac

from fastapi import APIRouter, Request

from bot.canonical import text_hash
from bot.codes import Keys, matches
from bot.events import Incoming, TaskFinished
from bot.ids import task_dedupe
from bot.one_line import first_part
from bot.ports import TaskRow
from bot.web.callers import Caller, bearer
from bot.web.parts import BEARER, ByAnybody, Parts, RequestId
from bot.web.problems import Problem, documented
from bot.web.request_models import TaskEnded, TaskIn, TasksOut
from bot.web.waiting import Waiting

OVER = "this task has ended already"


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/tasks", tags=["tasks"], dependencies=[BEARER])
    waiting = Waiting(parts.site.store)

    @router.get("", summary="What goes on outside any turn", responses=documented())
    async def get_tasks() -> TasksOut:
        return TasksOut(tasks=await waiting.tasks())

    @router.post("/{task_id}", summary="Say how a task ended, once", responses=documented(408, 409))
    async def finish(task_id: RequestId, body: TaskIn, request: Request, caller: ByAnybody) -> TaskEnded:
        """Authenticated by the one-time token that the outside system was given with the task."""
        row = await parts.site.store.task(task_id)
        token = bearer(request.headers)
        if row is None and matches(Keys(await parts.site.secret()).token(task_id), token):
            raise Problem(503, "this task is being written down", headers={"Retry-After": "1"})
        if row is None or not opens(row, token):
            raise _closed(row, caller)
        if row.outcome:
            raise Problem(409, OVER, found=row.outcome)
        received = await parts.site.receive(_incoming(parts, row, body))
        if received.duplicate:
            raise Problem(409, OVER)
        return TaskEnded(task_id=task_id, status=body.status)

    return router


def opens(row: TaskRow, token: str) -> bool:
    """Is this the task's own token? Only its hash is known; a task that runs here has none."""
    return row.kind == "outside" and hmac.compare_digest(text_hash(token), row.token_hash)


def _closed(row: TaskRow | None, caller: Caller | None) -> Problem:
    """Whoever has a wrong token learns nothing; who may see all tasks anyway learns what is wrong."""
    if caller is not None and row is None:
        return Problem(404, "there is no such task")
    if caller is not None and row is not None and row.kind == "background":
        return Problem(404, "this task runs here: nobody else ends it", allowed="tasks of the kind outside")
    why = "this is not the token of this task"
    return Problem(401, why, headers={"WWW-Authenticate": "Bearer"})


def _incoming(parts: Parts, row: TaskRow, body: TaskIn) -> Incoming:
    data = TaskFinished(task_id=row.task_id, outcome=body.status, result=_clipped(parts, body.result))
    return Incoming(
        data,
        channel="api",
        thread_id=row.thread_id,
        correlation=row.task_id,
        dedupe=task_dedupe(row.task_id),
        actor=f"task:{row.task_id}",
    )


def _clipped(parts: Parts, text: str) -> str:
    """Secrets out, and no longer than what a tool of ours may say."""
    most = parts.site.result_clip
    shown = first_part(text, most=most, clean=parts.site.clean)
    if len(text) <= most:
        return shown
    return f"{shown}… [clipped: {len(text):,} characters, the first {len(shown):,} are shown]"
