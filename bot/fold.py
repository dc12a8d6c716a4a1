"""What a thread's log says: `fold` takes one event after the other. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from bot import events as ev
from bot.events import Event, Usage
from bot.fold_requests import (
    approval_answered,
    approval_passed_on,
    approval_requested,
    approval_resolved,
    progressed,
    question_answered,
    question_asked,
    question_closed,
    task_finished,
    task_read,
    task_started,
    void,
)
from bot.folding import echo, failed, in_turn, show, succeeded
from bot.sizes import FRAME, line_size, message_size, result_size, step_size
from bot.thread import (
    Ahead,
    Answered,
    Asking,
    Calling,
    Entry,
    Finished,
    Message,
    Run,
    Thread,
    Timer,
    Turn,
    Unread,
    UnreadKind,
)

if TYPE_CHECKING:
    from dataclasses import replace  # which the type checker knows
else:
    from bot.frozen import replace

EDITS_AHEAD = 32
UNTRUSTED = ("stranger", "quoted", "attachment", "knowledge")


def fold_all(thread: Thread, events: Iterable[Event]) -> Thread:
    """The thread after these events."""
    for event in events:
        thread = fold(thread, event)
    return thread


def fold(thread: Thread, event: Event) -> Thread:  # noqa: C901 - one branch for each event type, checked to be complete
    """The thread after one more event."""
    data = event.data
    head = thread.head if data.part == "input" else event.seq
    thread = replace(thread, seq=event.seq, head=head)
    match data:
        case ev.ThreadOpened():
            return replace(
                thread,
                agent=data.agent,
                channel=event.channel,
                account=data.account,
                destination=data.destination,
            )
        case ev.MessageReceived():
            return _received(thread, event.seq, data)
        case ev.MessageEdited():
            size = message_size(data.blocks, data.person or data.display)
            change = Ahead(
                data.place, event.seq, data.edited_at, deleted=False, size=size, taint=_taint(data)
            )
            return _changed(thread, change)
        case ev.MessageDeleted():
            return _changed(thread, Ahead(data.place, event.seq, "", deleted=True, size=FRAME))
        case ev.ApprovalAnswered():
            return approval_answered(thread, event, data)
        case ev.QuestionAnswered():
            return question_answered(thread, event, data)
        case ev.ControlRequested():
            return _control(thread, event.seq, data)
        case ev.TimerFired():
            return _fired(thread, event.seq, data)
        case ev.TaskProgressed():
            return progressed(thread, data)
        case ev.TaskFinished():
            return task_finished(thread, event.seq, data)
        case (
            ev.DeliveryReported()
            | ev.FeedbackReceived()
            | ev.ContactReported()
            | ev.SenderTold()
            | ev.TurnResumed()
        ):
            return thread
        case ev.ModelAnswered():
            return _answered(thread, event.seq, data)
        case ev.ToolFinished():
            return _finished(thread, event.seq, data)
        case ev.TaskStarted():
            return task_started(thread, event, data)
        case ev.QuestionAsked():
            return question_asked(thread, event, data)
        case ev.TimerSet():
            return _timer_set(thread, event, data)
        case ev.TurnStarted():
            return _turn_started(thread, event, data)
        case ev.TurnRead():
            return _turn_read(thread, event.seq, data)
        case ev.TurnEnded():
            return _turn_ended(thread, event.seq, data)
        case ev.ModelAsked():
            asking = Asking(event.seq, data.degraded)
            return in_turn(thread, pending=asking, dirty=False, degraded=data.degraded)
        case ev.ToolStarted():
            return in_turn(thread, pending=_calling(event.seq, data))
        case ev.ApprovalRequested():
            return approval_requested(thread, event, data)
        case ev.ApprovalPassedOn():
            return approval_passed_on(thread, data)
        case ev.ApprovalResolved():
            return approval_resolved(thread, event.seq, data)
        case ev.ContextCompacted():
            return _compacted(thread, data)
        case ev.TakeoverStarted():
            shown = show(thread, event.seq, line_size(data.summary))
            return _to_person(shown)
        case ev.ThreadParked():
            return replace(thread, parked=data.reason)
        case _:
            assert_never(data)


# ---------------------------------------------------------------- inputs


def _received(thread: Thread, seq: int, data: ev.MessageReceived) -> Thread:
    by = f"{data.sender.channel}:{data.sender.address}"
    size = message_size(data.blocks, data.person or data.display)
    message = Message(
        data.place, by, data.person or "", size, seq, taint=_taint(data), unproven=data.sender.unproven
    )
    ahead = next((a for a in thread.edits_ahead if a.place == data.place), None)
    if ahead is not None:
        others = tuple(a for a in thread.edits_ahead if a is not ahead)
        thread = replace(thread, edits_ahead=others)
        if ahead.deleted:
            return thread
        message = replace(
            message, version=ahead.seq, size=ahead.size, edited_at=ahead.edited_at, taint=ahead.taint
        )
    if thread.with_person:
        return show(thread, seq, message.size, message.taint)
    unread = Unread(seq, "message", by, message.person, size=message.size)
    return replace(thread, unread=(*thread.unread, unread), messages={**thread.messages, seq: message})


def _changed(thread: Thread, change: Ahead) -> Thread:
    found = next(((s, m) for s, m in thread.messages.items() if m.place == change.place), None)
    if found is None:
        return _change_ahead(thread, change)
    seq, message = found
    if not _is_newer(change, message):
        return thread
    if not message.run:
        return _without_message(thread, seq) if change.deleted else _reworded(thread, seq, message, change)
    edited_at = "deleted" if change.deleted else change.edited_at
    thread = replace(thread, messages={**thread.messages, seq: replace(message, edited_at=edited_at)})
    thread = show(thread, change.seq, change.size, change.taint)
    thread = void(thread, "superseded", run=message.run)
    if thread.turn is not None and thread.turn.run == message.run:
        thread = in_turn(thread, dirty=True)
    return thread


def _is_newer(change: Ahead, message: Message) -> bool:
    return message.edited_at != "deleted" and (change.deleted or change.edited_at > message.edited_at)


def _change_ahead(thread: Thread, change: Ahead) -> Thread:
    before = next((a for a in thread.edits_ahead if a.place == change.place), None)
    if before is not None and (before.deleted or not (change.deleted or change.edited_at > before.edited_at)):
        return thread
    kept = tuple(a for a in thread.edits_ahead if a is not before)
    return replace(thread, edits_ahead=(*kept, change)[-EDITS_AHEAD:])


def _reworded(thread: Thread, seq: int, message: Message, change: Ahead) -> Thread:
    message = replace(
        message, version=change.seq, size=change.size, edited_at=change.edited_at, taint=change.taint
    )
    unread = tuple(replace(u, size=change.size) if u.seq == seq else u for u in thread.unread)
    return replace(thread, messages={**thread.messages, seq: message}, unread=unread)


def _without_message(thread: Thread, seq: int) -> Thread:
    unread = tuple(u for u in thread.unread if u.seq != seq)
    return replace(thread, unread=unread, messages={s: m for s, m in thread.messages.items() if s != seq})


def _without_unread(thread: Thread, *kinds: UnreadKind) -> Thread:
    gone = {u.seq for u in thread.unread if u.kind in kinds}
    if not gone:
        return thread
    unread = tuple(u for u in thread.unread if u.seq not in gone)
    return replace(
        thread, unread=unread, messages={s: m for s, m in thread.messages.items() if s not in gone}
    )


def _control(thread: Thread, seq: int, data: ev.ControlRequested) -> Thread:
    match data.action:
        case "stop":
            return _stopped(thread, seq, data.by)
        case "pause":
            return replace(thread, paused=True)
        case "resume" if data.by_text:
            return replace(thread, paused=False)
        case "resume":
            return replace(thread, paused=False, with_person=False, parked="")
        case "take_over":
            thread = _to_person(thread)
            return in_turn(thread, stopped="taken over by a person") if thread.turn else thread
        case "hand_back":
            return replace(thread, with_person=False)
        case _:
            assert_never(data.action)


def _to_person(thread: Thread) -> Thread:
    """What waited is the person's now: it is shown when the agent goes on, and starts no turn then."""
    waiting = [unread for unread in thread.unread if unread.kind == "message"]
    messages = [thread.messages[unread.seq] for unread in waiting]
    thread = _without_retries(_without_unread(thread, "message", "retry"))
    for message in messages:
        thread = show(thread, message.version, message.size, message.taint)
    return replace(thread, with_person=True)


def _without_retries(thread: Thread) -> Thread:
    timers = {key: timer for key, timer in thread.timers.items() if timer.purpose != "retry"}
    return replace(thread, timers=timers)


def _stopped(thread: Thread, seq: int, by: str) -> Thread:
    """Ends every run begun before: what waits is dropped, only reminders stay."""
    thread = _without_retries(_without_unread(thread, "message", "retry", "stop", "task", "question"))
    thread = void(thread, "cancelled")
    closed = set(thread.questions)
    timers = {key: timer for key, timer in thread.timers.items() if timer.about not in closed}
    tasks = {key: replace(task, void=True) for key, task in thread.tasks.items()}
    thread = replace(thread, questions={}, timers=timers, tasks=tasks)
    if thread.turn is not None:
        return in_turn(thread, stopped="stopped")
    return replace(thread, unread=(Unread(seq, "stop", by), *thread.unread))


def _fired(thread: Thread, seq: int, data: ev.TimerFired) -> Thread:
    timer = thread.timers.get(data.timer_id)
    if timer is None:
        return thread
    thread = replace(thread, timers={k: t for k, t in thread.timers.items() if k != data.timer_id})
    match timer.purpose:
        case "remind" | "retry":
            kind: UnreadKind = "reminder" if timer.purpose == "remind" else "retry"
            size = line_size(data.text)
            unread = Unread(seq, kind, timer.by, timer.person, ref=timer.run, size=size)
            return replace(thread, unread=(*thread.unread, unread))
        case "expiry" if timer.about in thread.questions:
            return question_closed(thread, seq, timer.about, FRAME)
        case "expiry" | "level" | "task":  # the clock says what is due; a task's end is an input of its own
            return thread
        case _:
            assert_never(timer.purpose)


# ---------------------------------------------------------------- results


def _answered(thread: Thread, seq: int, data: ev.ModelAnswered) -> Thread:
    turn = thread.open_turn
    failure = data.failure
    corrected = turn.corrected + 1 if failure and failure.kind == "invalid" else 0
    thread = in_turn(thread, pending=None, last=Answered(seq, data.step, failure), corrected=corrected)
    thread = replace(thread, usage=_added(thread.usage, data.usage))
    run = thread.runs[turn.run]
    if failure is None or failure.kind not in ("unavailable", "budget"):
        run = replace(run, steps=run.steps + 1)
    if data.step is not None:
        run = replace(run, retries=0, retrying_since=None, told=False)
        thread = show(thread, seq, step_size(data.step), echo(thread))
    return replace(thread, runs={**thread.runs, turn.run: run})


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_creation=one.cache_creation + other.cache_creation,
    )


def _finished(thread: Thread, seq: int, data: ev.ToolFinished) -> Thread:
    turn = thread.open_turn
    last = Finished(seq, data.tool, data.status, data.result, data.then, data.retryable)
    thread = in_turn(thread, pending=None, last=last)
    run = _after_call(thread.runs[turn.run], seq, data)
    thread = replace(thread, runs={**thread.runs, turn.run: run})
    if data.withdraws:
        thread = void(thread, "withdrawn", seqs=data.withdraws)
    return thread if data.status == "failed" else show(thread, seq, result_size(data))


def _after_call(run: Run, seq: int, data: ev.ToolFinished) -> Run:
    match data.status:
        case "ok":
            return succeeded(run, data.tool)
        case "failed":
            return failed(run, seq, data.tool, data.args_digest)
        case "denied":
            return replace(run, denied=tuple(dict.fromkeys((*run.denied, data.args_digest))))
        case "unknown" | "cancelled":
            return run
        case _:
            assert_never(data.status)


def _timer_set(thread: Thread, event: Event, data: ev.TimerSet) -> Thread:
    turn = thread.turn
    timer = Timer(
        seq=event.seq,
        due_at=data.due_at,
        purpose=data.purpose,
        run=event.run,
        by=turn.by if turn else "",
        person=turn.person if turn else "",
        about=data.about,
    )
    thread = replace(thread, timers={**thread.timers, data.timer_id: timer})
    run = thread.runs.get(event.run)
    if data.purpose == "retry" and run is not None:
        since = run.retrying_since or event.time
        again = replace(run, retries=run.retries + 1, retrying_since=since)
        thread = replace(thread, runs={**thread.runs, event.run: again})
    return thread


# ---------------------------------------------------------------- decisions


def _turn_started(thread: Thread, event: Event, data: ev.TurnStarted) -> Thread:
    unread = next((u for u in thread.unread if u.seq == data.input), Unread(data.input, "stop"))
    thread = _read(thread, event.seq, unread, event.run)
    turn = Turn(data.input, event.run, unread.by, unread.person, event.seq, approvers=unread.approvers)
    if event.run not in thread.runs:
        thread = replace(thread, runs={**thread.runs, event.run: Run(origin=data.input)})
    if unread.kind == "task":
        return task_read(replace(thread, turn=turn), unread)
    return replace(thread, turn=turn)


def _turn_read(thread: Thread, seq: int, data: ev.TurnRead) -> Thread:
    unread = next((u for u in thread.unread if u.seq == data.input), Unread(data.input, "stop"))
    return in_turn(_read(thread, seq, unread, thread.open_turn.run), dirty=True)


def _read(thread: Thread, seq: int, unread: Unread, run: str) -> Thread:
    rest = tuple(u for u in thread.unread if u.seq != unread.seq)
    message = thread.messages.get(unread.seq)
    messages = {**thread.messages, unread.seq: replace(message, run=run)} if message else thread.messages
    thread = replace(thread, unread=rest, messages=messages)
    shown = unread.kind in ("message", "reminder", "question", "task")
    return show(thread, seq, unread.size, message.taint if message else "") if shown else thread


def _turn_ended(thread: Thread, seq: int, data: ev.TurnEnded) -> Thread:
    live = {t.run for t in thread.timers.values() if t.purpose == "retry"}
    live |= {u.ref for u in thread.unread if u.ref and u.kind != "reminder"}
    live |= {approval.run for approval in thread.approvals.values()}
    live |= {question.run for question in thread.questions.values()}
    live |= {task.run for task in thread.tasks.values() if not task.void}
    runs = {key: run for key, run in thread.runs.items() if key in live}
    ended = thread.turn.run if thread.turn else ""
    if ended in runs and data.reply:
        runs[ended] = replace(runs[ended], told=True)
    thread = replace(thread, turn=None, runs=runs)
    seen_otherwise = data.outcome in ("replied", "waiting", "handed_off")
    return thread if seen_otherwise else show(thread, seq, FRAME)


def _calling(seq: int, data: ev.ToolStarted) -> Calling:
    return Calling(
        seq, data.call_id, data.tool, data.args, data.args_digest, data.effect, data.key, data.background
    )


def _compacted(thread: Thread, data: ev.ContextCompacted) -> Thread:
    known = {u.seq for u in thread.unread} | ({thread.turn.input} if thread.turn else set())
    # An edit of what a run has read must be noticed as long as the run can still act.
    messages = {
        s: m for s, m in thread.messages.items() if s in known or s > data.to_seq or m.run in thread.runs
    }
    window = without_oldest(thread, data.to_seq)
    thread = replace(thread, window=window, window_from=data.to_seq, messages=messages)
    if thread.turn is None or data.trigger != "too_large":
        return thread
    return in_turn(thread, compacted=True, last=None)


def without_oldest(thread: Thread, to_seq: int) -> tuple[Entry, ...]:
    """The window after a compaction up to this seq; what the turn is about is kept, unless it ends with that."""
    turn = thread.turn
    kept = turn.started if turn is not None and turn.started < to_seq else 0
    return tuple(entry for entry in thread.window if entry.seq > to_seq or entry.seq == kept)


def _taint(data: ev.MessageReceived | ev.MessageEdited) -> str:
    """Whose words, other than a known person's own, a message brings in; "" if nobody's."""
    kinds = ", ".join(dict.fromkeys(block.source for block in data.blocks if block.source in UNTRUSTED))
    if not kinds and data.person is not None:
        return ""
    return f"{kinds or 'somebody unknown'} ({data.sender.channel} {data.sender.address})"
