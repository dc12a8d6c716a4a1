"""The page of what waits for people: requests for a yes, questions, and what goes on in the background."""

import json
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bot.events import ApprovalRequested, Decision
from bot.ports import RequestRow
from bot.shown import shown
from bot.web.callers import ANN, Caller
from bot.web.pages import Pages
from bot.web.parts import ByCaller, Parts
from bot.web.request_models import QuestionOut, TaskOut
from bot.web.site import Site
from bot.web.waiting import Asked, Waiting, question_out

ENDED = 50  # those that are over, the last first


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the page shows it: the exact call as an approver reads it, and its arguments to change."""

    row: RequestRow
    requester: str
    call: str
    args: str
    why: str = ""
    influences: str = ""
    decisions: tuple[Decision, ...] = ()


def routes(parts: Parts, pages: Pages) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    waiting = Waiting(parts.site.store)

    @router.get("/approvals")
    async def approvals(caller: ByCaller) -> HTMLResponse:
        requests = [_request(asked) for asked in await waiting.requests("approval", ended=ENDED)]
        asked = [question_out(each) for each in await waiting.requests("question", ended=0)]
        open_, ended = _parted(requests)
        return pages.page(
            "approvals.html",
            open=open_,
            ended=ended,
            questions=asked,
            tasks=(tasks := await waiting.tasks()),
            state=_state(open_, asked, tasks),
            me="" if caller == ANN else caller.person,
            played=_played(caller, parts.site, open_),
        )

    return router


def _request(asked: Asked) -> Request:
    row, data = asked.row, asked.data
    if not isinstance(data, ApprovalRequested):
        return Request(row, row.requester, "(this program cannot read what was asked for)", "")
    two = row.quorum > 1
    return Request(
        row,
        row.requester or data.by,
        shown(data.tool, data.args),
        # ASCII: what cannot be seen or looks like something else is written out
        json.dumps(data.args, indent=2),
        data.why,
        ", ".join(data.influenced_by),
        ("approve", "reject", "respond") if two else ("approve", "edit", "reject", "respond"),
    )


def _parted(requests: list[Request]) -> tuple[list[Request], list[Request]]:
    """What is open, the oldest first; and what is over, the last first."""
    over = [each for each in requests if each.row.status != "pending"]
    over.sort(key=lambda each: each.row.decided_at or each.row.asked_at, reverse=True)
    return [each for each in requests if each.row.status == "pending"], over


def _state(requests: list[Request], questions: list[QuestionOut], tasks: list[TaskOut]) -> str:
    """Changes when the page has something else to show."""
    ids = [f"{each.row.id}:{','.join(each.row.approvers)}" for each in requests]
    ids += [each.question_id for each in questions]
    ids += [f"{each.task_id}:{each.attempt}:{each.stopped}:{each.note}" for each in tasks]
    return " ".join(ids)


def _played(caller: Caller, site: Site, requests: list[Request]) -> list[str]:
    """Whom a caller in `bot dev` may play: those first who may decide something that is open."""
    if caller != ANN:
        return []
    wanted = [name for each in requests for name in each.row.approvers]
    demo = [name for name, someone in site.people().items() if someone.demo]
    return [*dict.fromkeys(name for name in wanted if name in demo), *(n for n in demo if n not in wanted)]
