"""A core that is broken on purpose, in one place each, to see that the schedules find out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from bot import decide, events as ev, verdict
from bot.actions import Next
from bot.answering import Answering
from bot.approvals import final_call
from bot.events import Event, Step
from bot.fold_requests import approval_answered, approval_requested, task_finished, void as original_void
from bot.frozen import replace as changed
from bot.policy import why_gated
from bot.rules import Rules, ToolRule
from bot.store.index_requests import project_request
from bot.thread import Approval, Task, Thread, Void

FAR = timedelta(days=10_000)
Plant = Callable[[pytest.MonkeyPatch], None]
PLANTS: dict[str, Plant] = {}
LIKES = {
    "a withdrawal does not void": "withdraw",
    "the result of a task is taken twice": "order",
    "a yes to a tool and not to a digest": "deploy",
}
"""What the agent has to do often for a mutant to show soon."""


def plant(mutant: Plant) -> Plant:
    PLANTS[mutant.__name__.replace("_", " ")] = mutant
    return mutant


def _with(thread: Thread, id_: str, **changes: object) -> Thread:
    approval: Approval = changed(thread.approvals[id_], **changes)
    return changed(thread, approvals={**thread.approvals, id_: approval})


@plant
def expiry_not_checked_in_the_fold(patch: pytest.MonkeyPatch) -> None:
    def answered(thread: Thread, event: Event, data: ev.ApprovalAnswered) -> Thread:
        approval = thread.approvals.get(data.approval_id)
        if approval is None:
            return thread
        open_ = _with(thread, data.approval_id, expires_at=approval.expires_at + FAR)
        after = approval_answered(open_, event, data)
        return _with(after, data.approval_id, expires_at=approval.expires_at)

    patch.setattr("bot.fold.approval_answered", answered)


@plant
def a_yes_to_a_tool_and_not_to_a_digest(patch: pytest.MonkeyPatch) -> None:
    """What the agent asks for next with this tool is what runs."""

    def requested(thread: Thread, event: Event, data: ev.ApprovalRequested) -> Thread:
        for id_, approval in thread.approvals.items():
            if approval.tool == data.tool:
                thread = _with(thread, id_, args=data.args)
        return approval_requested(thread, event, data)

    patch.setattr("bot.fold.approval_requested", requested)


@plant
def quorum_of_answers_and_not_of_people(patch: pytest.MonkeyPatch) -> None:
    def answered(thread: Thread, event: Event, data: ev.ApprovalAnswered) -> Thread:
        before = thread.approvals.get(data.approval_id)
        if before is None or not before.answers or before.decided or data.decision != "approve":
            return approval_answered(thread, event, data)
        kept = _with(thread, data.approval_id, answers=(), quorum=before.quorum - len(before.answers))
        after = approval_answered(kept, event, data)
        answers = (*before.answers, *after.approvals[data.approval_id].answers)
        return _with(after, data.approval_id, answers=answers, quorum=before.quorum)

    def enough(approval: Approval, rule: ToolRule, thread: Thread, rules: Rules) -> bool:
        return len(approval.answers) >= rule.quorum

    patch.setattr("bot.fold.approval_answered", answered)
    patch.setattr("bot.verdict.still_approved", enough)


@plant
def the_second_answer_wins(patch: pytest.MonkeyPatch) -> None:
    def answered(thread: Thread, event: Event, data: ev.ApprovalAnswered) -> Thread:
        after = approval_answered(thread, event, data)
        approval = after.approvals.get(data.approval_id)
        if approval is None or not approval.late:
            return after
        return _with(after, data.approval_id, answers=(approval.late[-1],), late=())

    patch.setattr("bot.fold.approval_answered", answered)


def _never_voids(patch: pytest.MonkeyPatch, *reasons: str) -> None:

    def void(thread: Thread, why: Void, *, run: str = "", seqs: Sequence[int] = ()) -> Thread:
        return thread if why in reasons else original_void(thread, why, run=run, seqs=tuple(seqs))

    patch.setattr("bot.fold.void", void)


@plant
def a_stop_does_not_void(patch: pytest.MonkeyPatch) -> None:
    _never_voids(patch, "cancelled")


@plant
def an_edit_does_not_void(patch: pytest.MonkeyPatch) -> None:
    _never_voids(patch, "superseded")


@plant
def a_withdrawal_does_not_void(patch: pytest.MonkeyPatch) -> None:
    _never_voids(patch, "withdrawn")


@plant
def rights_not_looked_up_again_at_the_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bot.verdict._still_right", lambda *_: True)


@plant
def a_yes_is_good_for_ever(patch: pytest.MonkeyPatch) -> None:
    """`start_within` is ignored."""
    original = verdict._act_on_yes

    def act(thread: Thread, id_: str, approval: Approval, *more: object) -> Next:
        return original(thread, id_, changed(approval, start_within=FAR.total_seconds()), *more)  # type: ignore[arg-type]

    patch.setattr("bot.verdict._act_on_yes", act)


@plant
def the_result_of_a_task_is_taken_twice(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    closed: dict[str, Task] = {}

    def finished(thread: Thread, seq: int, data: ev.TaskFinished) -> Thread:
        task = thread.tasks.get(data.task_id) or closed.get(data.task_id)
        if task is None:
            return thread
        closed[data.task_id] = task
        return task_finished(changed(thread, tasks={**thread.tasks, data.task_id: task}), seq, data)

    patch.setattr("bot.ids.task_dedupe", lambda task: f"task:{task}:{next(numbers)}")
    patch.setattr("bot.fold.task_finished", finished)


@plant
def gated_only_if_the_agent_says_so(patch: pytest.MonkeyPatch) -> None:

    def why(rule: ToolRule, step: Step, thread: Thread, person: str, rules: Rules) -> str:
        return why_gated(rule, step, thread, person, rules) if step.intent == "need_approval" else ""

    patch.setattr("bot.decide.why_gated", why)


@plant
def an_edit_changes_only_what_is_shown(patch: pytest.MonkeyPatch) -> None:
    """A person's edit is taken for a plain yes."""

    def final(approval: Approval, decision: object, key: str, id_: str) -> ev.ToolStarted:
        plain = replace(approval.answers[-1], decision="approve")
        return final_call(approval, plain, key, id_)

    patch.setattr("bot.approvals.final_call", final)


@plant
def the_same_call_is_asked_for_twice(patch: pytest.MonkeyPatch) -> None:
    original = decide._after_call

    def after(thread: Thread, turn: object, step: Step, now: datetime, rules: Rules) -> decide.Next:
        unknown = {id_: changed(each, args_digest="") for id_, each in thread.approvals.items()}
        return original(changed(thread, approvals=unknown), turn, step, now, rules)  # type: ignore[arg-type]

    patch.setattr("bot.decide._after_call", after)


@plant
def a_closed_request_stays_in_the_index(patch: pytest.MonkeyPatch) -> None:

    def projected(event: Event) -> list[object]:
        return [] if isinstance(event.data, ev.ApprovalResolved) else list(project_request(event))

    patch.setattr("bot.store.index.project_request", projected)


@plant
def an_answer_is_written_for_whoever_gives_it(patch: pytest.MonkeyPatch) -> None:
    """The door lets everybody in who has a button, and the fold believes the door."""

    async def may(self: Answering, *_: object) -> None:
        return None

    def answered(thread: Thread, event: Event, data: ev.ApprovalAnswered) -> Thread:
        approval = thread.approvals.get(data.approval_id)
        if approval is None or not data.by.person:
            return approval_answered(thread, event, data)
        wide = _with(thread, data.approval_id, approvers=(*approval.approvers, data.by.person))
        after = approval_answered(wide, event, data)
        return _with(after, data.approval_id, approvers=approval.approvers)

    patch.setattr(Answering, "_may_not", may)
    patch.setattr("bot.fold.approval_answered", answered)
