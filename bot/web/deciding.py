"""What became of somebody's answer to a request: whether it was let in, whether it came first, what follows."""

import asyncio
from dataclasses import dataclass
from typing import assert_never

from bot import words
from bot.answering import Attempt, late_words
from bot.events import (
    Answerer,
    ApprovalAnswered,
    ApprovalPassedOn,
    ApprovalRequested,
    Event,
    Incoming,
    QuestionAnswered,
    Refusal,
)
from bot.fold_requests import approval_answered, approval_passed_on, approval_requested
from bot.ports import Received, RequestRow
from bot.thread import Approval, Thread
from bot.web.parts import Parts
from bot.web.problems import Problem

TAKES_EFFECT_WITHIN = 5.0  # seconds
LOOK_AGAIN = 1.0
PAGE = 256

NO_PERSON = (
    "only a person decides: a service token, and the pages that it opens, say nothing about who is asking. Use a "
    "person's token (`bot people token NAME`), the shell (`bot approve`), or answer where you were asked"
)
ENDS = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}
SAID = {
    "approved": "Approved: it starts now.",
    "edited": "Approved as changed: it starts now.",
    "rejected": "Rejected: it will not be done, and the agent is told why.",
    "answered": "Your answer goes to the agent; the call itself is not made.",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """An answer that counts. `done`: it has taken effect, as far as it can."""

    status: str
    by: tuple[str, ...]
    message: str
    done: bool = True


async def decide(parts: Parts, row: RequestRow, attempt: Attempt, key: str | None) -> Ruling:
    """Hand an answer in and say what became of it; raises Problem if it does not count."""
    data = await parts.site.judge(row, attempt)
    received = await parts.site.receive(_incoming(data, row, attempt.by, key))
    stored = await _stored(parts, received, data)
    if received.duplicate and not _says(stored, attempt, data):
        raise Problem(409, "this Idempotency-Key was used for another answer; nothing was decided", found=key)
    row = await _today(parts, row)
    if stored.refused is not None:
        raise _refusal(stored.refused, row, attempt.by, stored)
    if row.kind == "question":
        return await _answered(parts, row, received.seq)
    return await _in_effect(parts, row, received.seq)


# ---------------------------------------------------------------- handing it in


def _incoming(
    data: ApprovalAnswered | QuestionAnswered, row: RequestRow, by: Answerer, key: str | None
) -> Incoming:
    return Incoming(
        data,
        channel="api",
        thread_id=row.thread_id,
        correlation=row.id,
        actor=f"api:{by.address}",
        dedupe=f"api:decision:{by.person or by.address}:{key}" if key else None,
    )


async def _stored(
    parts: Parts, received: Received, data: ApprovalAnswered | QuestionAnswered
) -> ApprovalAnswered | QuestionAnswered:
    """What stands in the log: with a key that was used before, what came then."""
    if not received.duplicate:
        return data
    events = await parts.site.store.events_at(received.thread_id, [received.seq])
    found = events[0].data if events else None
    return found if isinstance(found, ApprovalAnswered | QuestionAnswered) else data


def _says(
    stored: ApprovalAnswered | QuestionAnswered, attempt: Attempt, data: ApprovalAnswered | QuestionAnswered
) -> bool:
    """Is what stands in the log what somebody says now? `data` is that as judged now: perhaps as late."""
    match stored, data:
        case ApprovalAnswered(), ApprovalAnswered():
            same = stored.refused is not None or stored.decision == attempt.decision
            edited = data.edited_args is None or data.edited_args == stored.edited_args
            return same and edited and stored.approval_id == data.approval_id
        case QuestionAnswered(), QuestionAnswered():
            same = stored.refused is not None or stored.text == attempt.message
            return same and stored.question_id == data.question_id
        case _:
            return False


def _refusal(
    why: Refusal, row: RequestRow, by: Answerer, data: ApprovalAnswered | QuestionAnswered
) -> Problem:
    may = ", ".join(row.approvers) or "nobody"
    match why:
        case "unauthorised":
            return Problem(403, words.NOT_YOURS if by.person else NO_PERSON, found=by.address, allowed=may)
        case "own_request":
            return Problem(403, words.OWN_REQUEST, found=by.address, allowed=may)
        case "invalid_args":
            said = data.message if isinstance(data, ApprovalAnswered) else ""
            return Problem(422, said or words.invalid_edit("the tool does not take them"))
        case "late":
            return Problem(409, _late(row))
        case "ambiguous" | "wrong_code" | "locked":
            return Problem(409, "nothing was decided")
        case _:
            assert_never(why)


def _late(row: RequestRow) -> str:
    return late_words(row) if row.kind == "approval" else words.question_over(row.status)


# ---------------------------------------------------------------- what became of it


async def _in_effect(parts: Parts, row: RequestRow, seq: int) -> Ruling:
    """Wait until the thread has acted on the answer at this seq, for a few seconds at most."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TAKES_EFFECT_WITHIN
    if parts.watch.full:
        return await _look(parts, row, seq)
    with parts.watch.bell(row.thread_id, {"approval.resolved"}) as bell:
        while True:
            bell.silence()
            ruling = await _look(parts, row, seq)
            left = until - loop.time()
            if ruling.done or left <= 0 or parts.watch.closed or await _stands_still(parts, row):
                return ruling
            await bell.wait(min(left, LOOK_AGAIN))


async def _stands_still(parts: Parts, row: RequestRow) -> bool:
    """The answer waits for a person to let the thread go on."""
    thread = await parts.readings.row(row.thread_id)
    return await parts.readings.status(thread) in ("paused", "with_person", "parked")


async def _today(parts: Parts, row: RequestRow) -> RequestRow:
    """The request as it stands now."""
    found = await parts.site.store.request(row.id)
    return row if found is None else found


async def _look(parts: Parts, row: RequestRow, seq: int) -> Ruling:
    row = await _today(parts, row)
    if row.status != "pending":
        approval = await _as_answered(parts, row)
        if row.status in SAID and approval is not None and _counts(approval, seq):
            return Ruling(row.status, row.decided_by, SAID[row.status])
        raise Problem(409, late_words(row))
    thread = await parts.readings.thread(await parts.readings.row(row.thread_id))
    approval = thread.approvals.get(row.id)
    if approval is None:
        return Ruling("pending", (), "", done=False)  # it has just ended: look again
    if not _counts(approval, seq):
        raise _outrun(parts, row, approval)
    by = tuple(answer.person for answer in approval.answers)
    if approval.decided:
        return Ruling(
            "pending", by, "Your answer counts. It takes effect when its thread goes on.", done=False
        )
    return Ruling("pending", by, f"Your yes counts: {len(by)} of {approval.quorum} that are needed.")


def _counts(approval: Approval, seq: int) -> bool:
    return any(answer.seq == seq for answer in approval.answers)


def _outrun(parts: Parts, row: RequestRow, approval: Approval) -> Problem:
    """Why an answer that was let in does not count although the request has not been closed yet."""
    last = approval.decision
    if last is not None:
        return Problem(409, words.ended_before(ENDS[last.decision], [last.person], last.time))
    if approval.void:
        return Problem(409, words.ended_before(approval.void, (), parts.site.clock()))
    if parts.site.clock() >= approval.expires_at:
        return Problem(409, words.ended_before("expired", (), approval.expires_at))
    return Problem(409, "you have said yes already; somebody else has to agree")


async def _as_answered(parts: Parts, row: RequestRow) -> Approval | None:
    """The request with the answers that counted, by the same rule as the fold's."""
    thread, after = Thread(row.thread_id), row.seq - 1
    while events := await parts.site.store.events(row.thread_id, after=after, limit=PAGE):
        for event in events:
            thread = _folded(thread, event, row.id)
        after = events[-1].seq
    return thread.approvals.get(row.id)


def _folded(thread: Thread, event: Event, id_: str) -> Thread:
    match event.data:
        case ApprovalRequested(approval_id=found) as data if found == id_:
            return approval_requested(thread, event, data)
        case ApprovalPassedOn(approval_id=found) as data if found == id_ and thread.approvals:
            return approval_passed_on(thread, data)
        case ApprovalAnswered(approval_id=found) as data if found == id_:
            return approval_answered(thread, event, data)
        case _:
            return thread


async def _answered(parts: Parts, row: RequestRow, seq: int) -> Ruling:
    """A question is closed by the first answer that was let in."""
    after = row.seq
    while events := await parts.site.store.events(row.thread_id, after=after, limit=PAGE):
        for event in events:
            match event.data:
                case QuestionAnswered(question_id=row.id, refused=None) if event.seq == seq:
                    return Ruling(row.status, row.decided_by, "Thank you; the agent has your answer.")
                case QuestionAnswered(question_id=row.id, refused=None):
                    raise Problem(409, words.question_over(row.status))
                case _:
                    pass
        after = events[-1].seq
    raise Problem(409, words.question_over(row.status))
