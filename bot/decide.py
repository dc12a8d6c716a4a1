"""What happens next: `next_action` is one table, read from the top; `decide` follows it until the world is needed.

Pure: the clock and today's rules are arguments. See docs/how-it-works.md for the table in words.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot import approvals, words
from bot.actions import (
    Action as Action,
    AskModel as AskModel,
    Next as Next,
    Plan as Plan,
    RunTool as RunTool,
    Wait as Wait,
)
from bot.asking import by_night
from bot.canonical import call_digest
from bot.drafting import fold_drafts
from bot.drafts import draft_call, is_draft
from bot.ending import end, parked, reply_to, to_operator
from bot.events import (
    ApprovalRequested,
    ContextCompacted,
    Draft,
    Failure,
    Outcome,
    Outgoing,
    Step,
    TakeoverReason,
    TakeoverStarted,
    TimerSet,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnRead,
    TurnResumed,
    TurnStarted,
)
from bot.fold import without_oldest
from bot.ids import call_id, idempotency_key, run_id, timer_id
from bot.links import without_links
from bot.policy import approvers, influences, why_gated, why_not_caused
from bot.rules import AgentRules, Rules, ToolRule
from bot.sizes import shown_size
from bot.thread import (
    Answered,
    Asking,
    Calling,
    Entry,
    Finished,
    Run,
    Thread,
    Turn,
    Unread,
    Waiting,
)
from bot.verdict import act_on

MAX_DECISIONS = 64
CORRECTIONS = 1


def decide(thread: Thread, now: datetime, rules: Rules, *, tries: int = 0) -> Plan:
    """Follow the table until an action needs the world; `tries` counts take-overs without a result since."""
    drafts: list[Draft] = []
    for _ in range(MAX_DECISIONS):
        found = next_action(thread, now, rules, tries=tries)
        decided = by_night(found.drafts, rules, now)
        drafts.extend(decided)
        thread = fold_drafts(thread, decided, now)
        if found.action is not None:
            return Plan(tuple(drafts), found.action, thread)
    raise RuntimeError(f"thread {thread.id}: no end after {MAX_DECISIONS} decisions at seq {thread.seq}")


def next_action(thread: Thread, now: datetime, rules: Rules, *, tries: int = 0) -> Next:
    """The first row that applies."""
    turn = thread.turn
    if thread.parked:
        return Next(action=Wait())
    if turn is not None and turn.stopped:
        return Next(_cancel(thread, turn, rules))
    stop = next((u for u in thread.unread if u.kind == "stop"), None)
    if turn is None and stop is not None:
        return Next(_answer_stop(thread, stop, rules))
    between = turn is None or turn.pending is None
    if between and (drafts := approvals.overdue(thread, now, rules)):
        return Next(drafts)
    if thread.paused or (thread.with_person and turn is None):
        return _wait(thread, rules)
    if tries >= rules.take_over_tries and (turn is not None or thread.unread):
        return Next((_poison(thread, rules, tries),))
    if turn is not None and turn.pending is not None:
        return _resume(turn, turn.pending)
    if turn is None:
        return _start(thread, now, rules)
    return _go_on(thread, turn, now, rules)


def _wait(thread: Thread, rules: Rules) -> Next:
    """What people say among themselves is kept for the agent, but not more of it than it can read."""
    agent = rules.agent(thread.agent)
    if thread.with_person and estimate(thread, agent, rules) > 2 * rules.max_context_tokens:
        return Next((_compact(thread, "", agent, rules, "budget"),))
    return Next(action=Wait())


# ---------------------------------------------------------------- stops and take-overs


def _cancel(thread: Thread, turn: Turn, rules: Rules) -> tuple[Draft, ...]:
    by_person = turn.stopped != "stopped"
    pending = turn.pending
    if isinstance(pending, Calling) and pending.may_have_acted:
        unknown = _unknown(turn, pending)
        return (unknown, end(thread, turn, rules, "cancelled", words.STOPPED_UNKNOWN, reason=turn.stopped))
    reply = words.TAKEN_OVER if by_person else words.STOPPED
    return (end(thread, turn, rules, "cancelled", reply, reason=turn.stopped),)


def _answer_stop(thread: Thread, stop: Unread, rules: Rules) -> tuple[Draft, ...]:
    run = run_id(stop.seq)
    started = Draft(TurnStarted(input=stop.seq, version=stop.seq), run=run)
    ended = TurnEnded(
        outcome="cancelled",
        reply=words.STOPPED,
        reason="stopped",
        outgoing=reply_to(thread, rules, words.STOPPED, stop.by, stop.person),
    )
    return (started, Draft(ended, run=run))


def _poison(thread: Thread, rules: Rules, tries: int) -> Draft:
    """Park what earlier processes did not survive, whether they came as far as an announcement or not."""
    reason = f"it was taken up {tries} times and never came to a result"
    return parked(thread, reason, rules, tries=tries, reply=words.OUR_FAULT)


def _resume(turn: Turn, pending: Asking | Calling) -> Next:
    """An announcement without a result is seen only on take-over: an earlier process was interrupted in it."""
    resumed = Draft(TurnResumed(of=pending.seq), run=turn.run)
    match pending:
        case Asking():
            return Next((resumed,), AskModel(turn.run, degraded=pending.degraded, resume=pending.seq))
        case Calling() if pending.may_have_acted:
            return Next((_unknown(turn, pending),))
        case Calling():
            return Next((resumed,), RunTool(turn.run, pending.call_id, pending.tool, pending.key))
        case _:
            assert_never(pending)


def _unknown(turn: Turn, pending: Calling) -> Draft:
    finished = ToolFinished(
        call_id=pending.call_id,
        tool=pending.tool,
        args_digest=pending.args_digest,
        status="unknown",
        result="interrupted: it may or may not have happened",
        retryable=False,
    )
    return Draft(finished, run=turn.run, correlation=pending.call_id)


# ---------------------------------------------------------------- a turn begins


def _start(thread: Thread, now: datetime, rules: Rules) -> Next:
    if not thread.unread:
        return Next(action=Wait())
    first = thread.unread[0]
    message = thread.messages.get(first.seq)
    version = message.version if message else first.seq
    run = first.ref if first.ref and first.kind != "reminder" else run_id(first.seq)
    timezone = rules.timezone_of(first.person) if message else ""
    started = Draft(TurnStarted(input=first.seq, version=version, timezone=timezone), run=run)
    if first.kind != "answer":
        return Next((started,))
    return act_on(thread, first.about, started, now, rules)


# ---------------------------------------------------------------- a turn goes on


def _go_on(thread: Thread, turn: Turn, now: datetime, rules: Rules) -> Next:
    match turn.last:
        case None:
            return _ask(thread, turn, rules)
        case Answered(failure=Failure() as failure):
            return _after_failure(thread, turn, failure, now, rules)
        case Answered(step=Step() as step):
            return _after_step(thread, turn, step, now, rules)
        case Answered():
            raise ValueError(
                f"thread {thread.id}: model.answered {turn.last.seq} has neither step nor failure"
            )
        case Finished():
            return _after_tool(thread, turn, turn.last, rules)
        case Waiting():
            said = words.task_started(turn.last.tool, turn.last.text)
            return Next((end(thread, turn, rules, "waiting", said),))
        case _:
            assert_never(turn.last)


def _ask(thread: Thread, turn: Turn, rules: Rules, *, degraded: bool | None = None) -> Next:
    agent = rules.agent(thread.agent)
    steps = thread.runs[turn.run].steps
    if steps >= agent.max_steps:
        return Next((_capped(thread, turn, steps, rules),))
    if estimate(thread, agent, rules) > rules.max_context_tokens and len(thread.window) > 1:
        return Next((_compact(thread, turn.run, agent, rules, "budget"),))
    return Next(action=AskModel(turn.run, degraded=turn.degraded if degraded is None else degraded))


def _capped(thread: Thread, turn: Turn, steps: int, rules: Rules) -> Draft:
    notices = to_operator(thread, rules, words.operator_capped(thread.id, steps))
    reply = words.capped(steps, told=bool(notices))
    return end(thread, turn, rules, "capped", reply, reason=f"{steps} steps", notices=notices)


def estimate(thread: Thread, agent: AgentRules, rules: Rules) -> int:
    """How many tokens the next request has at most: four bytes a token, and what is sent every time."""
    return agent.fixed_tokens + shown_size(thread, rules.block_clip) // 4 + 1


def _compact(thread: Thread, run: str, agent: AgentRules, rules: Rules, trigger: str) -> Draft:
    """Drop the oldest half of the window; what remains is shown unchanged."""
    half = _oldest_half(thread)
    before = estimate(thread, agent, rules)
    kept = replace(thread, window=without_oldest(thread, half.seq))
    compacted = ContextCompacted(
        from_seq=thread.window_from + 1,
        to_seq=half.seq,
        tokens_before=before,
        tokens_after=estimate(kept, agent, rules),
        trigger="too_large" if trigger == "too_large" else "budget",
    )
    return Draft(compacted, run=run)


def _oldest_half(thread: Thread) -> Entry:
    """The last entry to drop: what the turn is about and what came last stay, as long as there is anything else."""
    about = thread.turn.started if thread.turn else 0
    others = [entry for entry in thread.window[:-1] if entry.seq != about] or thread.window[:1]
    return others[(len(others) - 1) // 2]


# ---------------------------------------------------------------- after the model answered


def _after_failure(thread: Thread, turn: Turn, failure: Failure, now: datetime, rules: Rules) -> Next:
    match failure.kind:
        case "invalid":
            if turn.corrected <= CORRECTIONS:
                return _ask(thread, turn, rules)
            return _to_person(thread, turn, rules, "invalid_answers", failure.message)
        case "refusal":
            return _to_person(thread, turn, rules, "refusal", failure.message)
        case "too_large":
            if turn.compacted or len(thread.window) < 2:
                return _to_person(thread, turn, rules, "too_large", failure.message)
            return Next((_compact(thread, turn.run, rules.agent(thread.agent), rules, "too_large"),))
        case "unavailable" | "budget":
            if failure.kind == "unavailable" and rules.backup_model and not turn.degraded:
                return _ask(thread, turn, rules, degraded=True)
            return _try_later(thread, turn, failure, now, rules)
        case _:
            assert_never(failure.kind)


def _try_later(thread: Thread, turn: Turn, failure: Failure, now: datetime, rules: Rules) -> Next:
    run = thread.runs[turn.run]
    if failure.retryable and run.retrying_since and now - run.retrying_since > rules.retry.give_up:
        return _to_person(thread, turn, rules, "model_unavailable", failure.message)
    due = now + _delay(failure, run, rules)
    timer = TimerSet(timer_id=timer_id(thread.seq), due_at=due, purpose="retry")
    reply, notices = _waiting_words(thread, failure, run, rules, now=now, due=due)
    ended = end(thread, turn, rules, "waiting", reply, reason=failure.message, notices=notices)
    return Next((Draft(timer, run=turn.run), ended))


def _delay(failure: Failure, run: Run, rules: Rules) -> timedelta:
    asked = timedelta(seconds=failure.retry_after or 0)
    if failure.kind == "budget":
        return asked
    if not failure.retryable:
        return rules.retry.most
    return max(_own_delay(run.retries, rules), min(asked, rules.retry.most))


def _waiting_words(
    thread: Thread, failure: Failure, run: Run, rules: Rules, *, now: datetime, due: datetime
) -> tuple[str, tuple[Outgoing, ...]]:
    """Tell the requester once: at once if it will take long, else when it has taken long."""
    if failure.kind == "budget":
        return ("" if run.told else words.out_of_tokens(due), ())
    if not failure.retryable:
        notices = to_operator(thread, rules, words.operator_model(thread.id, failure.message))
        return ("" if run.told else words.model_down(due), () if run.retries else notices)
    waited = due - (run.retrying_since or now)
    return ("" if run.told or waited < rules.retry.tell_after else words.model_down(due), ())


def _own_delay(retries: int, rules: Rules) -> timedelta:
    return min(rules.retry.first * int(2 ** min(retries, 20)), rules.retry.most)


def _after_step(thread: Thread, turn: Turn, step: Step, now: datetime, rules: Rules) -> Next:
    match step.intent:
        case "reply" | "need_clarification" if is_draft(thread, turn, rules):
            return _draft(thread, turn, step.message, now, rules)
        case "reply" | "need_clarification":
            return Next((end(thread, turn, rules, "replied", _safe(step.message, thread, rules)),))
        case "task_complete":
            said = _safe(step.message.strip(), thread, rules) or words.DONE
            return Next((end(thread, turn, rules, "replied", said),))
        case "escalate":
            return _to_person(thread, turn, rules, "asked", step.message, message=step.message)
        case "hand_off":
            raise ValueError(f"thread {thread.id}: there is no agent to hand over to")
        case "call_tool" | "need_approval":
            return _after_call(thread, turn, step, now, rules)
        case _:
            assert_never(step.intent)


def _safe(text: str, thread: Thread, rules: Rules) -> str:
    """What the agent says; without links that words of others may have put there to carry something away."""
    if rules.links is None or not influences(thread):
        return text
    return without_links(text, rules.links)


def _draft(thread: Thread, turn: Turn, text: str, now: datetime, rules: Rules) -> Next:
    """An answer to a stranger, shown to a person first. The stranger hears nothing until then."""
    call = draft_call(thread, turn, text)
    rule = rules.agent(thread.agent).rule(call.tool, call.args)
    refused = call.args_digest in thread.runs[turn.run].denied
    if refused or rule is None or len(approvers(rule, thread, turn.person, rules)) < max(1, rule.quorum):
        why = words.DRAFT_REFUSED if refused else words.DRAFT_NOBODY
        return _to_person(thread, turn, rules, "asked", f"{why} {text}")
    waits = any(each.args_digest == call.args_digest and not each.void for each in thread.approvals.values())
    asked = () if waits else approvals.requested(thread, turn, call, rule, words.DRAFT, now=now, rules=rules)
    return Next((*asked, end(thread, turn, rules, "waiting", "", reason=words.DRAFT)))


def _after_call(thread: Thread, turn: Turn, step: Step, now: datetime, rules: Rules) -> Next:
    action = step.proposed_action
    if action is None or turn.last is None:
        raise ValueError(f"thread {thread.id}: {step.intent} without an action")
    rule = rules.agent(thread.agent).rule(action.tool, action.args)
    started = ToolStarted(
        call_id=call_id(turn.last.seq),
        tool=action.tool,
        args=action.args,
        args_digest=call_digest(action.tool, action.args),
        effect=rule.effect if rule else "unsafe",
        key=idempotency_key(thread.id, call_id(turn.last.seq)),
        background=bool(rule and rule.background),
    )
    if turn.dirty and started.effect != "read":
        return _ask(thread, turn, rules)
    if started.args_digest in thread.runs[turn.run].denied:
        return Next((_denied(turn, started, words.already_denied(action.tool)),))
    if any(each.args_digest == started.args_digest and not each.void for each in thread.approvals.values()):
        return Next(
            (end(thread, turn, rules, "waiting", words.still_waiting(words.named(action.tool, action.args))),)
        )
    if rule is None:
        return Next((_denied(turn, started, words.not_allowed(action.tool, "there is no rule for it")),))
    if why := why_not_caused(rule, turn.person, rules):
        lacking = _unproven(thread, turn)
        return Next((_denied(turn, started, words.not_allowed(action.tool, why, lacking)),))
    if why := why_gated(rule, step, thread, turn.person, rules):
        return _ask_for_yes(thread, turn, started, rule, why, now, rules)
    more = next((u for u in thread.unread if u.kind == "message" and u.by == turn.by), None)
    if more is not None and started.effect == "unsafe":
        message = thread.messages[more.seq]
        read = TurnRead(input=more.seq, version=message.version, timezone=rules.timezone_of(more.person))
        return Next((Draft(read, run=turn.run),))
    announced = Draft(started, run=turn.run, correlation=started.call_id)
    return Next((announced,), RunTool(turn.run, started.call_id, started.tool, started.key))


def _unproven(thread: Thread, turn: Turn) -> str:
    """What the message that this run came from lacked to be known as its sender's."""
    message = thread.messages.get(thread.runs[turn.run].origin)
    return message.unproven if message else ""


def _ask_for_yes(
    thread: Thread, turn: Turn, call: ToolStarted, rule: ToolRule, why: str, now: datetime, rules: Rules
) -> Next:
    may = approvers(rule, thread, turn.person, rules)
    if len(may) < max(1, rule.quorum):
        return Next((_denied(turn, call, words.no_approver(call.tool)),))
    if len(thread.approvals) >= rules.most_approvals:
        return Next((_denied(turn, call, words.too_many_waiting(call.tool, rules.most_approvals)),))
    asked = approvals.requested(thread, turn, call, rule, why, now=now, rules=rules)
    request = asked[0].data
    told = request.asked if isinstance(request, ApprovalRequested) else ()
    reply = words.waiting_for_yes(words.named(call.tool, call.args), why, told, may, now + rule.expires)
    return Next((*asked, end(thread, turn, rules, "waiting", reply)))


def _denied(turn: Turn, started: ToolStarted, why: str) -> Draft:
    finished = ToolFinished(
        call_id=started.call_id,
        tool=started.tool,
        args_digest=started.args_digest,
        status="denied",
        result=why,
    )
    return Draft(finished, run=turn.run, correlation=started.call_id)


# ---------------------------------------------------------------- after a tool finished


def _after_tool(thread: Thread, turn: Turn, last: Finished, rules: Rules) -> Next:
    match last.status:
        case "ok" if last.then == "finish":
            asked = any(question.run == turn.run for question in thread.questions.values())
            return Next((end(thread, turn, rules, "waiting" if asked else "replied", last.result),))
        case "ok" | "denied":
            return _ask(thread, turn, rules)
        case "failed":
            reason = _why_give_up(thread.runs[turn.run], last, rules)
            if reason is None:
                return _ask(thread, turn, rules)
            return _to_person(thread, turn, rules, reason, f"{last.tool}: {last.result}")
        case "unknown" | "cancelled":
            return _to_person(thread, turn, rules, "unknown_outcome", f"{last.tool}: {last.result}")
        case _:
            assert_never(last.status)


def _why_give_up(run: Run, last: Finished, rules: Rules) -> TakeoverReason | None:
    fails = run.fails[last.tool]
    if not last.retryable:
        return "not_retryable"
    if fails.count >= rules.consecutive_errors:
        return "consecutive_errors"
    return "repeated_call" if fails.repeated else None


# ---------------------------------------------------------------- ends


def _to_person(
    thread: Thread, turn: Turn, rules: Rules, reason: TakeoverReason, summary: str, *, message: str = ""
) -> Next:
    notices = to_operator(thread, rules, words.operator_takeover(thread.id, reason, summary))
    takeover = TakeoverStarted(to=rules.operator_name, reason=reason, summary=summary, outgoing=notices)
    reply = words.handed_over(reason, message=message, told=bool(notices))
    outcome: Outcome = "handed_off" if reason == "asked" else "failed"
    return Next((Draft(takeover, run=turn.run), end(thread, turn, rules, outcome, reply, reason=reason)))
