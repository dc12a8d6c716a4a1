"""Requests for a person's yes: how one is made, passed on, and ends. Pure; bot/decide.py says when."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot import words
from bot.asking import ask
from bot.canonical import call_digest, text_hash
from bot.drafts import SEND_REPLY
from bot.ending import reply_to, to_operator, told
from bot.events import (
    ApprovalPassedOn,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalStatus,
    Decision,
    Draft,
    Outgoing,
    RequestFor,
    TimerSet,
    ToolStarted,
)
from bot.ids import approval_id
from bot.policy import approvers, influences
from bot.rules import NAMED, Risk, Rules, ToolRule
from bot.shown import shown
from bot.thread import Answer, Approval, Thread, Turn


def requested(
    thread: Thread, turn: Turn, call: ToolStarted, rule: ToolRule, why: str, *, now: datetime, rules: Rules
) -> tuple[Draft, ...]:
    """A request and its timers."""
    may = approvers(rule, thread, turn.person, rules)
    # With the arguments: in a restored backup another call may come to stand at the same place in the log,
    # and buttons and codes from before must not fit it.
    id_ = approval_id(f"{thread.id}:{call.args_digest}", thread.seq)
    arguments = shown(call.tool, call.args)
    expires_at = now + rule.expires
    asks = _request_for(id_, rule.quorum, call.args, rule.risk)
    text = words.approval_request(
        turn.person or turn.by, arguments, why=why, influenced=influences(thread), until=expires_at
    )
    outgoing, asked = ask(may, text, asks, thread, rules, now, until=expires_at)
    if len(asked) < rule.quorum:
        outgoing = (
            *outgoing,
            *to_operator(thread, rules, words.operator_not_asked(thread.id, call.tool, may)),
        )
    request = ApprovalRequested(
        approval_id=id_,
        call_id=call.call_id,
        tool=call.tool,
        args=call.args,
        args_digest=call.args_digest,
        effect=call.effect,
        origin=thread.runs[turn.run].origin,
        by=turn.by,
        person=turn.person,
        why=why,
        influenced_by=influences(thread),
        shown=text,
        shown_hash=text_hash(arguments),
        approvers=may,
        asked=asked,
        quorum=rule.quorum,
        separation_of_duties=rule.separation_of_duties,
        expires_at=expires_at,
        lifetime=rule.expires.total_seconds(),
        start_within=rule.start_within.total_seconds(),
        on_expiry=rule.on_expiry,
        levels=rule.levels,
        outgoing=outgoing,
    )
    levels = enumerate(rule.levels, start=1)
    timers = [
        TimerSet(
            timer_id=f"l{number}:{id_}",
            due_at=now + timedelta(seconds=each.after),
            purpose="level",
            about=id_,
        )
        for number, each in levels
    ]
    timers.append(TimerSet(timer_id=f"x:{id_}", due_at=expires_at, purpose="expiry", about=id_))
    events: list[ApprovalRequested | TimerSet] = [request, *timers]
    return tuple(Draft(data, run=turn.run, correlation=id_) for data in events)


def overdue(thread: Thread, now: datetime, rules: Rules) -> tuple[Draft, ...]:
    """What the clock, a stop or an edit has done to requests: all at once, since there may be many."""
    found = (_overdue(thread, id_, approval, now, rules) for id_, approval in thread.approvals.items())
    return tuple(draft for drafts in found for draft in drafts)


def _overdue(thread: Thread, id_: str, approval: Approval, now: datetime, rules: Rules) -> tuple[Draft, ...]:
    if approval.void:
        return (_voided(thread, id_, approval, rules),)
    if approval.decided:
        return ()
    if now >= approval.expires_at:
        return _expired(thread, id_, approval, now, rules)
    level = approval.level + 1
    if level <= len(approval.levels) and now >= approval.requested_at + timedelta(
        seconds=approval.levels[approval.level].after
    ):
        return (_passed_on(thread, id_, approval, level, approval.expires_at, now, rules),)
    return ()


def _voided(thread: Thread, id_: str, approval: Approval, rules: Rules) -> Draft:
    status: ApprovalStatus = approval.void or "cancelled"
    said = told(
        approval.told,
        words.no_longer_needed(_named(approval), status),
        thread,
        rules,
    )
    reply = words.request_superseded(_named(approval)) if status == "superseded" else ""
    return resolved(id_, approval, status, outgoing=(*_to_requester(thread, approval, rules, reply), *said))


def _expired(thread: Thread, id_: str, approval: Approval, now: datetime, rules: Rules) -> tuple[Draft, ...]:
    level = approval.level + 1
    if approval.on_expiry == "pass_on" and level <= len(approval.levels):
        until = now + timedelta(seconds=approval.lifetime)
        timer = TimerSet(timer_id=f"x{level}:{id_}", due_at=until, purpose="expiry", about=id_)
        passed = _passed_on(thread, id_, approval, level, until, now, rules)
        return (passed, Draft(timer, run=approval.run, correlation=id_))
    expired = words.request_expired(_named(approval), approval.approvers)
    reply = _to_requester(thread, approval, rules, expired)
    said = told(
        approval.told,
        words.no_longer_needed(_named(approval), "expired"),
        thread,
        rules,
    )
    return (resolved(id_, approval, "expired", outgoing=(*reply, *said)),)


def _to_requester(thread: Thread, approval: Approval, rules: Rules, text: str) -> tuple[Outgoing, ...]:
    """What became of a request, for whoever asked; a stranger does not hear of the answer that was held back."""
    if not text:
        return ()
    if approval.tool == SEND_REPLY:
        return to_operator(thread, rules, text)
    return reply_to(thread, rules, text, approval.by, approval.person)


def _passed_on(
    thread: Thread, id_: str, approval: Approval, level: int, until: datetime, now: datetime, rules: Rules
) -> Draft:
    rule = rules.agent(thread.agent).rule(approval.tool, approval.args)
    may = approvers(rule, thread, approval.person, rules, level=level) if rule else ()
    new = [name for name in may if name not in approval.told]
    asks = _request_for(id_, approval.quorum, approval.args, rule.risk if rule else "high")
    text = words.approval_request(
        approval.person or approval.by,
        shown(approval.tool, approval.args),
        why=words.NOBODY_YET,
        influenced=influences(thread),
        until=until,
    )
    outgoing, asked = ask(new, text, asks, thread, rules, now, until=until)
    if new and not asked:
        outgoing = to_operator(thread, rules, words.operator_not_asked(thread.id, approval.tool, new))
    passed = ApprovalPassedOn(
        approval_id=id_, level=level, approvers=may, asked=asked, expires_at=until, outgoing=outgoing
    )
    return Draft(passed, run=approval.run, correlation=id_)


def resolved(
    id_: str,
    approval: Approval,
    status: ApprovalStatus,
    *,
    reason: str = "",
    final_args: Mapping[str, JsonValue] | None = None,
    outgoing: Sequence[Outgoing] = (),
) -> Draft:
    """The end of a request. Who decided is named only where somebody did."""
    decision = approval.decision
    counted = status in ("approved", "edited", "rejected", "answered")
    ending = ApprovalResolved(
        approval_id=id_,
        of=approval.seq,
        call_id=approval.call_id,
        tool=approval.tool,
        status=status,
        args_digest=approval.args_digest,
        final_args=None if final_args is None else dict(final_args),
        by=_deciders(approval) if counted else (),
        message=decision.message if decision and counted else "",
        reason=reason,
        outgoing=tuple(outgoing),
    )
    return Draft(ending, run=approval.run, correlation=id_)


def ended(
    thread: Thread,
    id_: str,
    status: ApprovalStatus,
    rules: Rules,
    *,
    final_args: Mapping[str, JsonValue] | None = None,
) -> Draft:
    """The end of a request that somebody decided; those who were asked besides or came too late hear who did."""
    approval = thread.approvals[id_]
    deciders = _deciders(approval)
    late = [answer.person for answer in approval.late if answer.channel not in NAMED]  # the API tells them
    others = [name for name in (*approval.told, *late) if name not in deciders or name in late]
    text = words.already_decided(_named(approval), status, deciders, approval.answers[-1].time)
    return resolved(id_, approval, status, final_args=final_args, outgoing=told(others, text, thread, rules))


def _deciders(approval: Approval) -> tuple[str, ...]:
    """Who decided: all who said yes, or the one who said no or answered instead, whoever had said yes before."""
    decision = approval.decision
    if decision is None or decision.decision in ("reject", "respond"):
        return (decision.person,) if decision else ()
    return tuple(dict.fromkeys(answer.person for answer in approval.answers))


def overruled(thread: Thread, id_: str, status: ApprovalStatus, reason: str, rules: Rules) -> Draft:
    """The end of a request whose yes does not count any more; whoever said it hears so."""
    approval = thread.approvals[id_]
    deciders = tuple(dict.fromkeys(answer.person for answer in approval.answers))
    said = told(deciders, words.overruled(_named(approval), reason), thread, rules)
    return resolved(id_, approval, status, reason=reason, outgoing=said)


def final_call(approval: Approval, decision: Answer, key: str, id_: str) -> ToolStarted:
    """The call as it was approved, or as a person changed it."""
    args = decision.args if decision.decision == "edit" and decision.args is not None else approval.args
    return ToolStarted(
        call_id=approval.call_id,
        tool=approval.tool,
        args=dict(args),
        args_digest=call_digest(approval.tool, args),
        effect=approval.effect,
        key=key,
        approval_id=id_,
    )


def _named(approval: Approval) -> str:
    return words.named(approval.tool, approval.args)


def _request_for(id_: str, quorum: int, args: Mapping[str, JsonValue], risk: Risk) -> RequestFor:
    """What may be answered. Two people must agree on the same arguments, so neither may change them."""
    decisions: tuple[Decision, ...] = ("approve", "edit", "reject", "respond")
    if quorum > 1:
        decisions = ("approve", "reject", "respond")
    return RequestFor(kind="approval", id=id_, person="", decisions=decisions, args=dict(args), risk=risk)
