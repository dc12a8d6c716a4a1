"""What must hold of requests for a yes, questions and tasks, read from a log alone: nothing of the core judges here.

Each request is gone through event by event, by the rules of the log: the first valid answers settle it, a stop, an
edit or a withdrawal voids it, and only a valid yes starts the call, in time and with exactly what was said yes to.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot import events as ev
from bot.canonical import call_digest
from bot.events import Event
from tests.sim.violation import Counts, must

Log = Sequence[Event]
YES = ("approved", "edited")


@dataclass
class Case:
    """One request, as far as it has been gone through."""

    seq: int
    run: str
    data: ev.ApprovalRequested
    approvers: tuple[str, ...]
    until: datetime
    answers: list[Event] = field(default_factory=list)
    decided: Event | None = None
    void: str = ""
    resolved: Event | None = None
    started: Event | None = None

    @property
    def may_start(self) -> bool:
        decision = self.decided.data.decision if self.decided else ""
        return not self.void and decision in ("approve", "edit")

    @property
    def args(self) -> dict[str, JsonValue] | None:
        """What may run."""
        assert self.decided is not None
        answer = self.decided.data
        return answer.edited_args if answer.decision == "edit" else self.data.args


def check_requests(run: str, log: Log, counts: Counts, gated: frozenset[str] = frozenset()) -> None:
    """Every request, question and task of a log at rest; the tools in `gated` never run without a yes."""
    _Approvals(run, log, counts, gated).check()
    _check_questions(run, log, counts)
    _check_tasks(run, log, counts)


class _Approvals:
    def __init__(self, run: str, log: Log, counts: Counts, gated: frozenset[str]) -> None:
        self.run, self.log, self.counts, self.gated = run, log, counts, gated
        self.cases: dict[str, Case] = {}
        self.read_in: dict[str, tuple[str, str]] = {}  # place -> the run that read it, its version
        self.wanted: dict[str, bool] = {}  # call -> whether the agent itself asked for a yes

    def must(self, holds: bool, what: str) -> None:
        must(holds, self.run, what)

    def check(self) -> None:
        for event in self.log:
            self._take(event)
        for case in self.cases.values():
            self.must(case.resolved is not None, f"the request {case.seq} is left open")

    def open(self) -> list[Case]:
        return [case for case in self.cases.values() if case.resolved is None]

    def _take(self, event: Event) -> None:
        match event.data:
            case ev.TurnStarted() | ev.TurnRead() as data:
                self._read(event, data)
            case ev.MessageEdited() | ev.MessageDeleted() | ev.ControlRequested() | ev.ToolFinished():
                self._take_back(event.data)
            case ev.ModelAnswered(step=ev.Step(intent="need_approval")):
                self.wanted[f"c{event.seq}"] = True
            case _:
                self._take_request(event)

    def _take_request(self, event: Event) -> None:
        match event.data:
            case ev.ApprovalRequested() as request:
                self._requested(event, request)
            case ev.ApprovalPassedOn() as passed:
                case = self.cases[passed.approval_id]
                self.must(case.decided is None and not case.void, f"passed on after the end: {event.seq}")
                case.approvers, case.until = passed.approvers, passed.expires_at
                self.counts["requests passed on"] += 1
            case ev.ApprovalAnswered() as answer:
                self._answered(event, answer)
            case ev.ApprovalResolved() as end:
                self._resolved(event, end)
            case ev.ToolStarted() as started:
                self._started(event, started)
            case _:
                pass

    # ------------------------------------------------------------ what voids

    def _read(self, event: Event, data: ev.TurnStarted | ev.TurnRead) -> None:
        read = self.log[data.input - 1].data
        version = self.log[data.version - 1].data
        if isinstance(read, ev.MessageReceived):
            at = version.edited_at if isinstance(version, ev.MessageEdited) else ""
            self.read_in[read.place] = event.run, at

    def _take_back(self, data: ev.AnyData) -> None:
        match data:
            case ev.MessageEdited():
                self._changed(data.place, data.edited_at)
            case ev.MessageDeleted():
                self._changed(data.place, "~")
            case ev.ControlRequested(action="stop"):
                self._void(self.open(), "cancelled")
            case ev.ToolFinished() if data.withdraws:
                self._void([case for case in self.open() if case.seq in data.withdraws], "withdrawn")
            case _:
                pass

    def _changed(self, place: str, version: str) -> None:
        run, read = self.read_in.get(place, ("", "~"))
        if run and version > read:
            self.read_in[place] = run, version
            self._void([case for case in self.open() if case.run == run], "superseded")

    def _void(self, cases: list[Case], why: str) -> None:
        for case in cases:
            case.void = case.void or why
            self.counts[f"requests void: {case.void}"] += 1
            self.counts["yes taken back by an edit, a stop or the agent"] += case.decided is not None

    # ------------------------------------------------------------ a request

    def _requested(self, event: Event, data: ev.ApprovalRequested) -> None:
        same = [case for case in self.open() if case.data.args_digest == data.args_digest]
        self.must(not same, f"{event.seq} asks for what waits for a yes already")
        self.must(call_digest(data.tool, data.args) == data.args_digest, f"{event.seq}: another digest")
        self.must(len(set(data.approvers)) >= data.quorum, f"{event.seq} asks too few")
        self.cases[data.approval_id] = Case(event.seq, event.run, data, data.approvers, data.expires_at)
        self.counts["requests"] += 1
        self.counts["requests of a quorum"] += data.quorum > 1

    def _answered(self, event: Event, data: ev.ApprovalAnswered) -> None:
        case = self.cases.get(data.approval_id)
        if case is None or data.refused is not None or data.decision is None:
            return
        if case.resolved or case.decided:
            self.counts["answers too late for another"] += 1
            return
        in_time = event.time < case.until
        if case.void or not in_time or data.by.person not in case.approvers:
            self.counts["answers let in that do not count"] += 1
            self.counts["of these after the expiry"] += not in_time
            return
        people = {each.data.by.person for each in case.answers}
        if data.decision == "approve" and data.by.person in people:
            self.counts["second yes of one person"] += 1
            return
        case.answers.append(event)
        people |= {data.by.person}
        if data.decision != "approve" or len(people) >= case.data.quorum:
            case.decided = event

    def _resolved(self, event: Event, data: ev.ApprovalResolved) -> None:
        case = self.cases[data.approval_id]
        self.must(case.resolved is None, f"{event.seq} ends the request {case.seq} again")
        case.resolved = event
        self.counts[f"requests {data.status}"] += 1
        self.must(
            data.of == case.seq and data.args_digest == case.data.args_digest, f"{event.seq} is of another"
        )
        allowed, why = self._allowed(case, event, data)
        self.must(allowed, f"{event.seq}: {data.status} ({data.reason or '-'}), but {why}")
        if data.status in YES:
            self.must(data.final_args == case.args, f"{event.seq}: not what was said yes to")
            following = self.log[event.seq].data if event.seq < len(self.log) else None
            begun = isinstance(following, ev.ToolStarted) and following.approval_id == data.approval_id
            self.must(begun, f"the yes {event.seq} starts nothing")

    def _allowed(self, case: Case, event: Event, data: ev.ApprovalResolved) -> tuple[bool, str]:
        decision = case.decided.data.decision if case.decided else ""
        said = "void: " + case.void if case.void else f"decided: {decision or 'no'}"
        by = {each.data.by.person for each in case.answers}
        match data.status:
            case "approved":
                return case.may_start and decision == "approve" and set(data.by) == by, said
            case "edited":
                return case.may_start and decision == "edit" and set(data.by) == by, said
            case "rejected" | "answered":
                wanted = "reject" if data.status == "rejected" else "respond"
                by = {case.decided.data.by.person} if case.decided else set()
                return not case.void and decision == wanted and set(data.by) == by, said
            case "expired":
                late = event.time >= case.until
                return not case.void and not case.decided and late, f"{said}, open until {case.until}"
            case "cancelled" if data.reason:
                self.counts["yes overruled: rights gone"] += 1
                return case.may_start, said
            case "superseded" if data.reason:
                self.counts["yes overruled: too late to start"] += 1
                return case.may_start and self._late(case, event), said
            case "cancelled" | "superseded" | "withdrawn":
                return case.void == data.status, said

    @staticmethod
    def _late(case: Case, event: Event) -> bool:
        assert case.decided is not None
        return event.time - case.decided.time > timedelta(seconds=case.data.start_within)

    # ------------------------------------------------------------ a call

    def _started(self, event: Event, data: ev.ToolStarted) -> None:
        if not data.approval_id:
            self.must(data.tool not in self.gated, f"{data.tool} {event.seq} started without a yes")
            self.must(not self.wanted.get(data.call_id), f"{event.seq}: the agent itself wanted a yes")
            return
        case = self.cases[data.approval_id]
        yes = case.resolved is not None and case.resolved.data.status in YES
        self.must(yes and case.may_start, f"{data.tool} {event.seq} started without a valid yes")
        self.must(case.started is None, f"{data.tool} {event.seq} started again")
        case.started = event
        same = data.args == case.args and data.args_digest == call_digest(data.tool, data.args)
        self.must(same and data.tool == case.data.tool, f"{event.seq} is not the call that was approved")
        self.must(data.call_id == case.data.call_id, f"{event.seq} is another call")
        self.must(not self._late(case, event), f"{event.seq} started too late after the yes")
        self.counts["calls started with a yes"] += 1
        self.counts["calls started with a quorum"] += case.data.quorum > 1


# ---------------------------------------------------------------- questions and tasks


def _check_questions(run: str, log: Log, counts: Counts) -> None:
    """Every question ends: by the first answer in time, by its timer, or by a stop; one turn takes it up."""
    waiting: dict[str, ev.QuestionAsked] = {}
    read = Counter(e.data.input for e in log if isinstance(e.data, ev.TurnStarted))
    for event in log:
        match event.data:
            case ev.QuestionAsked() as data:
                waiting[data.question_id] = data
                counts["questions"] += 1
            case ev.QuestionAnswered(refused=None) as answer if answer.question_id in waiting:
                counts["of these after the expiry"] += event.time >= waiting[answer.question_id].expires_at
                waiting.pop(answer.question_id)
                counts["questions closed by an answer"] += 1
                must(read[event.seq] <= 1, run, f"the answer {event.seq} was taken up twice")
            case ev.TimerFired(purpose="expiry", about=about) if about in waiting:
                waiting.pop(about)
                counts["questions expired"] += 1
            case ev.ControlRequested(action="stop"):
                counts["questions stopped"] += len(waiting)
                waiting.clear()
            case _:
                pass
    must(not waiting, run, f"questions are left open: {list(waiting)}")


def _check_tasks(run: str, log: Log, counts: Counts) -> None:
    """Every task ends once, and its result is taken up at most once."""
    started = {e.data.task_id: e for e in log if isinstance(e.data, ev.TaskStarted)}
    ends = Counter(e.data.task_id for e in log if isinstance(e.data, ev.TaskFinished))
    for task_id, event in started.items():
        must(ends[task_id] == 1, run, f"the task of {event.seq} ended {ends[task_id]} times")
        counts["background tasks" if event.data.kind == "background" else "outside tasks"] += 1
    taken: Counter[str] = Counter()
    for event in log:
        if isinstance(event.data, ev.TaskFinished):
            must(event.data.task_id in started, run, f"{event.seq} ends no task")
            counts[f"tasks {event.data.outcome}"] += 1
        if isinstance(event.data, ev.TurnStarted):
            end = log[event.data.input - 1].data
            if isinstance(end, ev.TaskFinished):
                taken[end.task_id] += 1
    must(all(times == 1 for times in taken.values()), run, "the result of a task was taken up twice")
    counts["task results taken up"] += taken.total()
