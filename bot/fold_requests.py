"""The part of the fold that is about what waits for others: approvals, questions and tasks."""

from typing import TYPE_CHECKING, assert_never

from bot import events as ev
from bot.events import Event
from bot.folding import failed, in_turn, show, succeeded
from bot.sizes import FRAME, answer_size, line_size, resolved_size
from bot.thread import ANSWERS, Answer, Approval, Finished, Question, Task, Thread, Unread, Void, Waiting

if TYPE_CHECKING:
    from dataclasses import replace  # which the type checker knows
else:
    from bot.frozen import replace

MOST_LATE = 5


def approval_answered(thread: Thread, event: Event, data: ev.ApprovalAnswered) -> Thread:
    """The first valid answers by seq settle it; whoever comes after that is told so when it takes effect."""
    approval = thread.approvals.get(data.approval_id)
    if approval is None or approval.void or data.refused or data.decision is None:
        return thread
    if event.time >= approval.expires_at or data.by.person not in approval.approvers:
        return thread
    answer = Answer(
        event.seq, event.time, data.decision, data.by.person, data.by.channel, data.edited_args, data.message
    )
    if approval.decided:
        return _with_approval(thread, data.approval_id, late=(*approval.late, answer)[-MOST_LATE:])
    if answer.decision == "approve" and any(a.person == answer.person for a in approval.answers):
        return thread
    answers = (*approval.answers, answer)
    decided = answer.decision != "approve" or len(answers) >= approval.quorum
    thread = _with_approval(thread, data.approval_id, answers=answers, decided=decided)
    if not decided:
        return thread
    unread = Unread(
        event.seq, "answer", approval.by, approval.person, ref=approval.run, about=data.approval_id
    )
    return _answer_first(thread, unread)


def _with_approval(thread: Thread, approval_id: str, **changes: object) -> Thread:
    changed = replace(thread.approvals[approval_id], **changes)  # type: ignore[arg-type]  # fields of Approval
    return replace(thread, approvals={**thread.approvals, approval_id: changed})


def _answer_first(thread: Thread, unread: Unread) -> Thread:
    answers = tuple(u for u in thread.unread if u.kind in ANSWERS)
    others = tuple(u for u in thread.unread if u.kind not in ANSWERS)
    return replace(thread, unread=(*answers, unread, *others))


def void(thread: Thread, why: Void, *, run: str = "", seqs: tuple[int, ...] = ()) -> Thread:
    """Approvals whose call has not started can no longer be decided: of one run, with these seqs, or all."""
    chosen = {
        key
        for key, approval in thread.approvals.items()
        if not approval.void and (approval.run == run if run else approval.seq in seqs if seqs else True)
    }
    if not chosen:
        return thread
    approvals = {k: replace(a, void=why) if k in chosen else a for k, a in thread.approvals.items()}
    unread = tuple(u for u in thread.unread if not (u.kind == "answer" and u.about in chosen))
    return replace(thread, approvals=approvals, unread=unread)


def question_answered(thread: Thread, event: Event, data: ev.QuestionAnswered) -> Thread:
    """The first end by seq stands, as in the index: an answer counts until the timer has fired."""
    if data.question_id not in thread.questions or data.refused:
        return thread
    return question_closed(thread, event.seq, data.question_id, answer_size(data))


def question_closed(thread: Thread, seq: int, question_id: str, size: int) -> Thread:
    question = thread.questions[question_id]
    others = {key: each for key, each in thread.questions.items() if key != question_id}
    timers = {key: timer for key, timer in thread.timers.items() if timer.about != question_id}
    thread = replace(thread, questions=others, timers=timers)
    if not question.run:
        return thread
    unread = Unread(
        seq, "question", question.by, question.person, ref=question.run, about=question_id, size=size
    )
    return _answer_first(thread, unread)


def progressed(thread: Thread, data: ev.TaskProgressed) -> Thread:
    task = thread.tasks.get(data.task_id)
    if task is None or data.attempt <= task.attempt:
        return thread
    return replace(thread, tasks={**thread.tasks, data.task_id: replace(task, attempt=data.attempt)})


def task_finished(thread: Thread, seq: int, data: ev.TaskFinished) -> Thread:
    task = thread.tasks.get(data.task_id)
    if task is None:
        return thread
    tasks = {key: each for key, each in thread.tasks.items() if key != data.task_id}
    timers = {key: timer for key, timer in thread.timers.items() if timer.about != data.task_id}
    thread = replace(thread, tasks=tasks, timers=timers)
    if task.void:
        return show(thread, seq, line_size(data.result))
    unread = Unread(
        seq, "task", task.by, task.person, ref=task.run, size=line_size(data.result), about=data.task_id,
        tool=task.tool, outcome=data.outcome, approvers=task.approvers,
    )  # fmt: skip
    return replace(thread, unread=(*thread.unread, unread))


def task_started(thread: Thread, event: Event, data: ev.TaskStarted) -> Thread:
    turn = thread.open_turn
    task = Task(
        event.seq, data.call_id, data.tool, data.args_digest, data.kind, turn.run, turn.by, turn.person,
        turn.approvers, void=bool(turn.stopped),
    )  # fmt: skip
    thread = replace(thread, tasks={**thread.tasks, data.task_id: task})
    thread = in_turn(thread, pending=None, last=Waiting(event.seq, data.tool, data.text))
    return show(thread, event.seq, line_size(data.text))


def question_asked(thread: Thread, event: Event, data: ev.QuestionAsked) -> Thread:
    """A question that was asked while the stop came in belongs to no run: its end is recorded and starts nothing."""
    turn = thread.open_turn
    run = "" if turn.stopped else turn.run
    question = Question(event.seq, data.call_id, data.to, run, turn.by, turn.person, data.expires_at)
    return replace(thread, questions={**thread.questions, data.question_id: question})


def approval_requested(thread: Thread, event: Event, data: ev.ApprovalRequested) -> Thread:
    approval = Approval(
        seq=event.seq,
        requested_at=event.time,
        call_id=data.call_id,
        tool=data.tool,
        args=data.args,
        args_digest=data.args_digest,
        effect=data.effect,
        run=event.run,
        origin=data.origin,
        by=data.by,
        person=data.person,
        approvers=data.approvers,
        told=data.asked,
        quorum=data.quorum,
        separation_of_duties=data.separation_of_duties,
        expires_at=data.expires_at,
        lifetime=data.lifetime,
        start_within=data.start_within,
        on_expiry=data.on_expiry,
        levels=data.levels,
    )
    thread = replace(thread, approvals={**thread.approvals, data.approval_id: approval})
    if thread.turn is not None:
        thread = in_turn(thread, last=Waiting(event.seq, data.tool))
    return show(thread, event.seq, FRAME)


def approval_passed_on(thread: Thread, data: ev.ApprovalPassedOn) -> Thread:
    told = tuple(dict.fromkeys((*thread.approvals[data.approval_id].told, *data.asked)))
    return _with_approval(
        thread,
        data.approval_id,
        level=data.level,
        approvers=data.approvers,
        told=told,
        expires_at=data.expires_at,
    )


def approval_resolved(thread: Thread, seq: int, data: ev.ApprovalResolved) -> Thread:
    approvals = {key: each for key, each in thread.approvals.items() if key != data.approval_id}
    timers = {key: timer for key, timer in thread.timers.items() if timer.about != data.approval_id}
    unread = tuple(u for u in thread.unread if not (u.kind == "answer" and u.about == data.approval_id))
    thread = replace(thread, approvals=approvals, timers=timers, unread=unread)
    if thread.turn is not None and data.by:
        thread = in_turn(thread, approvers=data.by)
    return show(thread, seq, resolved_size(data))


def task_read(thread: Thread, unread: Unread) -> Thread:
    """What came of a task counts like the result of a call in this turn."""
    turn, run = thread.open_turn, thread.runs[thread.open_turn.run]
    match unread.outcome:
        case "ok" | None:
            status: ev.ToolStatus = "ok"
            run = succeeded(run, unread.tool)
        case "unknown":
            status = "unknown"
        case "failed" | "cancelled" | "expired":
            status = "failed"
            run = failed(run, unread.seq, unread.tool, unread.about)
        case _:
            assert_never(unread.outcome)
    last = Finished(unread.seq, unread.tool, status, "", "continue", retryable=True)
    thread = replace(thread, runs={**thread.runs, turn.run: run})
    return in_turn(thread, last=last)
