"""What follows from a person's decision: the call starts, is denied, is answered instead, or is asked about anew."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot import approvals, words
from bot.actions import Next, RunTool
from bot.drafting import fold_drafts
from bot.drafts import SEND_REPLY
from bot.ending import end
from bot.events import ApprovalStatus, Draft, ToolFinished, ToolStatus
from bot.ids import idempotency_key
from bot.policy import approvers, still_approved, why_not_caused
from bot.rules import Rules, ToolRule
from bot.thread import Approval, Thread


def act_on(thread: Thread, id_: str, started: Draft, now: datetime, rules: Rules) -> Next:
    """A person has decided, and nothing has been done about it yet; `started` begins the turn that does it."""
    approval = thread.approvals[id_]
    decision = approval.decision
    if decision is None:
        raise ValueError(f"thread {thread.id}: the approval {id_} is not decided")
    match decision.decision:
        case "approve" | "edit":
            return _act_on_yes(thread, id_, approval, started, now, rules)
        case "reject":
            said = words.rejected([decision.person], decision.message)
            ended = approvals.ended(thread, id_, "rejected", rules)
            return Next((started, ended, _result(approval, "denied", said)))
        case "respond":
            said = words.answered_by(decision.person, decision.message)
            ended = approvals.ended(thread, id_, "answered", rules)
            return Next((started, ended, _result(approval, "ok", said, answered_by=decision.person)))
        case _:
            assert_never(decision.decision)


def _act_on_yes(
    thread: Thread, id_: str, approval: Approval, started: Draft, now: datetime, rules: Rules
) -> Next:
    decision = approval.answers[-1]
    call = approvals.final_call(approval, decision, idempotency_key(thread.id, approval.call_id), id_)
    rule = rules.agent(thread.agent).rule(call.tool, call.args)
    if rule is None or rule.effect != call.effect or not _still_right(thread, approval, rule, rules):
        cancelled = approvals.overruled(thread, id_, "cancelled", words.RIGHTS_GONE, rules)
        return Next((started, cancelled, _result(approval, "denied", words.rights_gone(approval.tool))))
    if now - decision.time > timedelta(seconds=approval.start_within):
        return _ask_anew(thread, id_, approval, started, now, rules)
    call = call.model_copy(update={"background": rule.background})
    status: ApprovalStatus = "edited" if decision.decision == "edit" else "approved"
    yes = approvals.ended(thread, id_, status, rules, final_args=call.args)
    announced = Draft(call, run=approval.run, correlation=call.call_id)
    return Next((started, yes, announced), RunTool(approval.run, call.call_id, call.tool, call.key))


def _still_right(thread: Thread, approval: Approval, rule: ToolRule, rules: Rules) -> bool:
    """By today's config: may the requester still cause it, and do those who said yes still may?"""
    return not why_not_caused(rule, approval.person, rules) and still_approved(approval, rule, thread, rules)


def _ask_anew(
    thread: Thread, id_: str, approval: Approval, started: Draft, now: datetime, rules: Rules
) -> Next:
    """The yes came too late: the call as it was asked for waits again, by its own rule, if anybody may decide it."""
    call = approvals.final_call(approval, replace(approval.answers[-1], decision="approve"), "", "")
    rule = rules.agent(thread.agent).rule(call.tool, call.args)
    if rule is None or len(approvers(rule, thread, approval.person, rules)) < max(1, rule.quorum):
        ended = approvals.overruled(thread, id_, "cancelled", words.TOO_LATE, rules)
        return Next((started, ended, _result(approval, "denied", words.no_approver(approval.tool))))
    drafts = (started, approvals.overruled(thread, id_, "superseded", words.TOO_LATE, rules))
    thread = fold_drafts(thread, drafts, now)
    turn = thread.open_turn
    again = approvals.requested(thread, turn, call, rule, words.TOO_LATE, now=now, rules=rules)
    held = approval.tool == SEND_REPLY  # a stranger does not hear of the answer that is held back
    said = "" if held else words.asked_anew(words.named(approval.tool, approval.args))
    return Next((*drafts, *again, end(thread, turn, rules, "waiting", said)))


def _result(approval: Approval, status: ToolStatus, said: str, *, answered_by: str = "") -> Draft:
    """What comes of a call that was not carried out."""
    finished = ToolFinished(
        call_id=approval.call_id,
        tool=approval.tool,
        args_digest=approval.args_digest,
        status=status,
        result=said,
        answered_by=answered_by,
    )
    return Draft(finished, run=approval.run, correlation=approval.call_id)
