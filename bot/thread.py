"""A thread: what its log says, folded. Bounded, and free of conversation text between turns.

`fold` is pure. Collections keep the order of seqs, so that a snapshot read back is the same thread.
What is copied with changes all the time has no slots: a dict is copied at once, slots one by one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, assert_never

from pydantic import JsonValue

from bot import events as ev
from bot.events import Effect, Event, Failure, Step, Then, TimerPurpose, ToolStatus, Usage
from bot.sizes import FRAME, line_size, message_size, result_size, step_size

if TYPE_CHECKING:
    from dataclasses import replace  # which the type checker knows
else:
    from bot.frozen import replace

EDITS_AHEAD = 32

UnreadKind = Literal["stop", "message", "reminder", "retry"]
Status = Literal[
    "idle", "working", "waiting_for_approval", "waiting_for_person", "background", "paused", "with_person",
    "parked", "closed",
]  # fmt: skip


@dataclass(frozen=True)
class Unread:
    """An input that waits for its turn. `ref` is the run that a retry goes on with."""

    seq: int
    kind: UnreadKind
    by: str = ""
    person: str = ""
    ref: str = ""
    size: int = 0


@dataclass(frozen=True)
class Message:
    """What is known of a message that is unread or in the window. `run` is "" while nobody has read it."""

    place: str
    by: str
    person: str
    size: int
    version: int
    edited_at: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """An edit or delete that came before its message."""

    place: str
    seq: int
    edited_at: str
    deleted: bool
    size: int


@dataclass(frozen=True, slots=True)
class Asking:
    """The announcement of a model call that has no answer yet."""

    seq: int
    degraded: bool


@dataclass(frozen=True, slots=True)
class Calling:
    """The announcement of a tool call that has no result yet."""

    seq: int
    call_id: str
    tool: str
    args: Mapping[str, JsonValue]
    args_digest: str
    effect: Effect
    key: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model said last in this turn."""

    seq: int
    step: Step | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a tool said last in this turn."""

    seq: int
    tool: str
    status: ToolStatus
    result: str
    then: Then
    retryable: bool


@dataclass(frozen=True)
class Turn:
    """The one input being answered. `corrected` counts invalid answers in a row."""

    input: int
    run: str
    by: str
    person: str
    started: int
    pending: Asking | Calling | None = None
    last: Answered | Finished | None = None
    dirty: bool = False
    stopped: str = ""
    corrected: int = 0
    compacted: bool = False
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Fails:
    """Failures of one tool in a row; `repeated` says that the last two were the same call."""

    count: int
    args_digest: str
    repeated: bool
    seqs: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """What one request has used so far, over all its turns. `told`: its requester knows that it has to wait."""

    steps: int = 0
    fails: Mapping[str, Fails] = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    retries: int = 0
    retrying_since: datetime | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """An open timer. `seq` is that of its timer.set."""

    seq: int
    due_at: datetime
    purpose: TimerPurpose
    run: str
    by: str
    person: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that the prompt shows, and how many bytes it takes there if it is not clipped."""

    seq: int
    size: int


@dataclass(frozen=True)
class Thread:
    """The state of one conversation. `head` is the seq of the last event that the loop wrote."""

    id: str
    seq: int = 0
    head: int = 0
    agent: str = ""
    channel: str = ""
    account: str = ""
    destination: str = ""
    turn: Turn | None = None
    unread: tuple[Unread, ...] = ()
    messages: Mapping[int, Message] = field(default_factory=dict)
    edits_ahead: tuple[Ahead, ...] = ()
    runs: Mapping[str, Run] = field(default_factory=dict)
    timers: Mapping[str, Timer] = field(default_factory=dict)
    window: tuple[Entry, ...] = ()
    window_from: int = 0
    paused: bool = False
    with_person: bool = False
    parked: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def status(self) -> Status:
        """One word for where the thread stands, the same in log, API, CLI and metrics."""
        if self.parked:
            return "parked"
        if self.with_person:
            return "with_person"
        if self.paused:
            return "paused"
        retrying = any(timer.purpose == "retry" for timer in self.timers.values())
        return "working" if self.turn or self.unread or retrying else "idle"

    @property
    def open_turn(self) -> Turn:
        """The turn that must be open here; a log in which it is not is broken."""
        if self.turn is None:
            raise ValueError(f"thread {self.id}: no turn is open after seq {self.seq}")
        return self.turn


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
            return _changed(thread, Ahead(data.place, event.seq, data.edited_at, deleted=False, size=size))
        case ev.MessageDeleted():
            return _changed(thread, Ahead(data.place, event.seq, "", deleted=True, size=FRAME))
        case ev.ControlRequested():
            return _control(thread, event.seq, data)
        case ev.TimerFired():
            return _fired(thread, event.seq, data)
        case ev.DeliveryReported() | ev.FeedbackReceived() | ev.TurnResumed():
            return thread
        case ev.ModelAnswered():
            return _answered(thread, event.seq, data)
        case ev.ToolFinished():
            return _finished(thread, event.seq, data)
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
            return _in_turn(thread, pending=asking, dirty=False, degraded=data.degraded)
        case ev.ToolStarted():
            return _in_turn(thread, pending=_calling(event.seq, data))
        case ev.ContextCompacted():
            return _compacted(thread, data)
        case ev.TakeoverStarted():
            shown = _show(thread, event.seq, line_size(data.summary))
            return _to_person(shown)
        case ev.ThreadParked():
            return replace(thread, parked=data.reason)
        case _:
            assert_never(data)


# ---------------------------------------------------------------- inputs


def _received(thread: Thread, seq: int, data: ev.MessageReceived) -> Thread:
    by = f"{data.sender.channel}:{data.sender.address}"
    size = message_size(data.blocks, data.person or data.display)
    message = Message(data.place, by, data.person or "", size, seq)
    ahead = next((a for a in thread.edits_ahead if a.place == data.place), None)
    if ahead is not None:
        others = tuple(a for a in thread.edits_ahead if a is not ahead)
        thread = replace(thread, edits_ahead=others)
        if ahead.deleted:
            return thread
        message = replace(message, version=ahead.seq, size=ahead.size, edited_at=ahead.edited_at)
    if thread.with_person:
        return _show(thread, seq, message.size)
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
    thread = _show(thread, change.seq, change.size)
    if thread.turn is not None and thread.turn.run == message.run:
        thread = _in_turn(thread, dirty=True)
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
    message = replace(message, version=change.seq, size=change.size, edited_at=change.edited_at)
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
        case "resume":
            return replace(thread, paused=False, with_person=False, parked="")
        case "take_over":
            thread = _to_person(thread)
            return _in_turn(thread, stopped="taken over by a person") if thread.turn else thread
        case "hand_back":
            return replace(thread, with_person=False)
        case _:
            assert_never(data.action)


def _to_person(thread: Thread) -> Thread:
    """What waited is the person's now: it is shown when the agent goes on, and starts no turn then."""
    waiting = [unread for unread in thread.unread if unread.kind == "message"]
    versions = [(thread.messages[unread.seq].version, unread.size) for unread in waiting]
    thread = _without_retries(_without_unread(thread, "message", "retry"))
    for version, size in versions:
        thread = _show(thread, version, size)
    return replace(thread, with_person=True)


def _without_retries(thread: Thread) -> Thread:
    timers = {key: timer for key, timer in thread.timers.items() if timer.purpose != "retry"}
    return replace(thread, timers=timers)


def _stopped(thread: Thread, seq: int, by: str) -> Thread:
    thread = _without_retries(_without_unread(thread, "message", "retry", "stop"))
    if thread.turn is not None:
        return _in_turn(thread, stopped="stopped")
    return replace(thread, unread=(Unread(seq, "stop", by), *thread.unread))


def _fired(thread: Thread, seq: int, data: ev.TimerFired) -> Thread:
    timer = thread.timers.get(data.timer_id)
    if timer is None:
        return thread
    thread = replace(thread, timers={k: t for k, t in thread.timers.items() if k != data.timer_id})
    kind: UnreadKind = "reminder" if data.purpose == "remind" else "retry"
    size = line_size(data.text)
    unread = Unread(seq, kind, timer.by, timer.person, ref=timer.run, size=size)
    return replace(thread, unread=(*thread.unread, unread))


# ---------------------------------------------------------------- results


def _answered(thread: Thread, seq: int, data: ev.ModelAnswered) -> Thread:
    turn = thread.open_turn
    failure = data.failure
    corrected = turn.corrected + 1 if failure and failure.kind == "invalid" else 0
    thread = _in_turn(thread, pending=None, last=Answered(seq, data.step, failure), corrected=corrected)
    thread = replace(thread, usage=_added(thread.usage, data.usage))
    run = thread.runs[turn.run]
    if failure is None or failure.kind not in ("unavailable", "budget"):
        run = replace(run, steps=run.steps + 1)
    if data.step is not None:
        run = replace(run, retries=0, retrying_since=None, told=False)
        thread = _show(thread, seq, step_size(data.step))
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
    thread = _in_turn(thread, pending=None, last=last)
    run = _after_call(thread.runs[turn.run], seq, data)
    thread = replace(thread, runs={**thread.runs, turn.run: run})
    return thread if data.status == "failed" else _show(thread, seq, result_size(data))


def _after_call(run: Run, seq: int, data: ev.ToolFinished) -> Run:
    match data.status:
        case "ok":
            return replace(run, fails={tool: f for tool, f in run.fails.items() if tool != data.tool})
        case "failed":
            before = run.fails.get(data.tool)
            same = before is not None and before.args_digest == data.args_digest
            seqs = (*before.seqs, seq)[-3:] if before else (seq,)
            fails = Fails(before.count + 1 if before else 1, data.args_digest, same, seqs)
            return replace(run, fails={**run.fails, data.tool: fails})
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
    turn = Turn(data.input, event.run, unread.by, unread.person, event.seq)
    runs = thread.runs if event.run in thread.runs else {**thread.runs, event.run: Run()}
    return replace(thread, turn=turn, runs=runs)


def _turn_read(thread: Thread, seq: int, data: ev.TurnRead) -> Thread:
    unread = next((u for u in thread.unread if u.seq == data.input), Unread(data.input, "stop"))
    return _in_turn(_read(thread, seq, unread, thread.open_turn.run), dirty=True)


def _read(thread: Thread, seq: int, unread: Unread, run: str) -> Thread:
    rest = tuple(u for u in thread.unread if u.seq != unread.seq)
    message = thread.messages.get(unread.seq)
    messages = {**thread.messages, unread.seq: replace(message, run=run)} if message else thread.messages
    thread = replace(thread, unread=rest, messages=messages)
    return _show(thread, seq, unread.size) if unread.kind in ("message", "reminder") else thread


def _turn_ended(thread: Thread, seq: int, data: ev.TurnEnded) -> Thread:
    live = {t.run for t in thread.timers.values() if t.purpose == "retry"}
    live |= {u.ref for u in thread.unread if u.kind == "retry"}
    runs = {key: run for key, run in thread.runs.items() if key in live}
    ended = thread.turn.run if thread.turn else ""
    if ended in runs and data.reply:
        runs[ended] = replace(runs[ended], told=True)
    thread = replace(thread, turn=None, runs=runs)
    seen_otherwise = data.outcome in ("replied", "waiting", "handed_off")
    return thread if seen_otherwise else _show(thread, seq, FRAME)


def _calling(seq: int, data: ev.ToolStarted) -> Calling:
    return Calling(seq, data.call_id, data.tool, data.args, data.args_digest, data.effect, data.key)


def _compacted(thread: Thread, data: ev.ContextCompacted) -> Thread:
    known = {u.seq for u in thread.unread} | ({thread.turn.input} if thread.turn else set())
    messages = {s: m for s, m in thread.messages.items() if s in known or s > data.to_seq}
    window = without_oldest(thread, data.to_seq)
    thread = replace(thread, window=window, window_from=data.to_seq, messages=messages)
    if thread.turn is None or data.trigger != "too_large":
        return thread
    return _in_turn(thread, compacted=True, last=None)


def without_oldest(thread: Thread, to_seq: int) -> tuple[Entry, ...]:
    """The window after a compaction up to this seq; what the turn is about is kept, unless it ends with that."""
    turn = thread.turn
    kept = turn.started if turn is not None and turn.started < to_seq else 0
    return tuple(entry for entry in thread.window if entry.seq > to_seq or entry.seq == kept)


# ---------------------------------------------------------------- small parts


def _in_turn(thread: Thread, **changes: object) -> Thread:
    return replace(thread, turn=replace(thread.open_turn, **changes))  # type: ignore[arg-type]  # fields of Turn


def _show(thread: Thread, seq: int, size: int) -> Thread:
    return replace(thread, window=(*thread.window, Entry(seq, size)))
