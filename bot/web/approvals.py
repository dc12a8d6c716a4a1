"""GET /api/approvals and questions, POST a decision or an answer: people decide what waits for them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from bot.answering import Attempt
from bot.web.callers import acting
from bot.web.deciding import decide
from bot.web.parts import BEARER, ByCaller, IdempotencyKey, Parts, RequestId
from bot.web.problems import Problem, documented
from bot.web.request_models import (
    AnswerIn,
    AnswerOut,
    ApprovalOut,
    ApprovalsOut,
    DecisionIn,
    QuestionOut,
    QuestionsOut,
    RulingOut,
    Which,
)
from bot.web.waiting import MOST, Waiting, approval_out, question_out

Status = Annotated[Which, Query(description="pending: only what is open; all: what ended last besides.")]
OfThread = Annotated[str | None, Query(max_length=200, description="Only those of this thread.")]

LATER = {"model": RulingOut, "description": "Taken and counts; takes effect when its thread goes on"}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["approvals"], dependencies=[BEARER])
    waiting = Waiting(parts.site.store)
    _approvals(router, parts, waiting)
    _questions(router, parts, waiting)
    return router


def _approvals(router: APIRouter, parts: Parts, waiting: Waiting) -> None:
    @router.get("/api/approvals", summary="What waits for a person's yes", responses=documented())
    async def get_approvals(status: Status = "all", thread_id: OfThread = None) -> ApprovalsOut:
        found = await waiting.requests(
            "approval", ended=0 if status == "pending" else MOST, thread_id=thread_id
        )
        return ApprovalsOut(approvals=[approval_out(asked) for asked in found])

    @router.get("/api/approvals/{approval_id}", summary="One request for a yes", responses=documented())
    async def get_approval(approval_id: RequestId) -> ApprovalOut:
        return approval_out(await waiting.request("approval", approval_id))

    @router.post(
        "/api/approvals/{approval_id}/decision",
        summary="Decide, as a person who may",
        response_model=RulingOut,
        responses={202: LATER, **documented(409)},
    )
    async def post_decision(
        approval_id: RequestId,
        body: DecisionIn,
        response: Response,
        caller: ByCaller,
        idempotency_key: IdempotencyKey = None,
    ) -> RulingOut:
        """403 who may not, 409 what is decided already (says by whom) or over, 422 arguments the tool refuses."""
        asked = await waiting.request("approval", approval_id)
        _check_whole(body)
        attempt = Attempt(body.decision, acting(caller, body.as_, parts.site), body.message, body.args)
        ruling = await decide(parts, asked.row, attempt, idempotency_key)
        response.status_code = 200 if ruling.done else 202
        return RulingOut(
            approval_id=approval_id, status=ruling.status, decided_by=list(ruling.by), message=ruling.message
        )


def _questions(router: APIRouter, parts: Parts, waiting: Waiting) -> None:
    @router.get("/api/questions", summary="What the agent has asked people", responses=documented())
    async def get_questions(status: Status = "all", thread_id: OfThread = None) -> QuestionsOut:
        found = await waiting.requests(
            "question", ended=0 if status == "pending" else MOST, thread_id=thread_id
        )
        return QuestionsOut(questions=[question_out(asked) for asked in found])

    @router.get("/api/questions/{question_id}", summary="One question", responses=documented())
    async def get_question(question_id: RequestId) -> QuestionOut:
        return question_out(await waiting.request("question", question_id))

    @router.post(
        "/api/questions/{question_id}/answer",
        summary="Answer, as the person who was asked",
        responses=documented(409),
    )
    async def post_answer(
        question_id: RequestId, body: AnswerIn, caller: ByCaller, idempotency_key: IdempotencyKey = None
    ) -> AnswerOut:
        row = (await waiting.request("question", question_id)).row
        if row.status == "pending" and parts.site.clock() >= row.expires_at:
            raise Problem(409, "the time for this question is over", found=row.expires_at)
        attempt = Attempt("respond", acting(caller, body.as_, parts.site), body.text)
        ruling = await decide(parts, row, attempt, idempotency_key)
        return AnswerOut(
            question_id=question_id, status=ruling.status, answered_by=list(ruling.by), message=ruling.message
        )


def _check_whole(body: DecisionIn) -> None:
    """What goes with a decision must be there, and nothing that the person may think counts."""
    if body.decision == "edit" and body.args is None:
        raise Problem(422, "args: an edit names all arguments", found="nothing", allowed="an object")
    if body.decision != "edit" and body.args is not None:
        raise Problem(422, "args: only an edit changes arguments", found=body.decision, allowed="edit")
    if body.decision == "respond" and not body.message.strip():
        raise Problem(422, "message: what do you answer?", found="nothing", allowed="required")
