"""Runs one call of a tool and says what came of it. A tool is anybody's code: its errors end here."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from pydantic import BaseModel, JsonValue

from bot.canonical import call_digest, canonical, text_hash
from bot.errors import InvalidStep, ToolError
from bot.events import Draft, Outgoing, QuestionAsked, TaskStarted, TimerSet, ToolFinished, ToolStatus
from bot.ids import question_id
from bot.one_line import error_line, first_part, safe_line
from bot.step import read_args
from bot.tools import Ask, Pending, Stored, Tool, ToolContext

LONGEST_ERROR = 300
STOP_GRACE = 1.0  # seconds that a cancelled tool gets to let go
TIMED_OUT = "timed out"  # what a tool is cancelled with; without a word the bot itself is ending

log = structlog.get_logger(__name__)

LONGEST_SAID = (
    100_000  # characters of a result that a person reads as it is, with no further word of the model
)


async def run_tool(
    tool: Tool,
    args: Mapping[str, JsonValue],
    ctx: ToolContext,
    *,
    timeout: timedelta,
    clip: int,
    clean: Callable[[str], str],
    monotonic: Callable[[], float],
) -> tuple[Draft, ...]:
    """The results of one call: tool.finished and what a `stored` tool returned, or task.started.

    Raises nothing but CancelledError, and that only if the caller is cancelled. `clean` takes secrets out.
    """
    started = monotonic()
    most = max(clip, LONGEST_SAID) if tool.then == "finish" else clip
    outcome = await Call(tool, args, ctx, timeout.total_seconds(), most, clean).outcome()
    if outcome.pending is not None:
        return _left_pending(tool, args, ctx, outcome.pending, outcome.text)
    finished = ToolFinished(
        call_id=ctx.call_id,
        tool=tool.name,
        args_digest=call_digest(tool.name, args),
        status=outcome.status,
        result=outcome.text,
        then=tool.then,
        retryable=outcome.retryable,
        duration_ms=max(0, round((monotonic() - started) * 1000)),
        outgoing=outcome.outgoing,
        withdraws=outcome.withdraws,
    )
    results = (finished, *outcome.timers, *outcome.questions)
    return tuple(Draft(data, correlation=ctx.call_id) for data in results)


def in_background(tool: Tool, args: Mapping[str, JsonValue], ctx: ToolContext, text: str) -> Draft:
    """The result of a call that is to run outside its turn: it starts once this is written down."""
    started = TaskStarted(
        task_id=ctx.task_id,
        call_id=ctx.call_id,
        tool=tool.name,
        args_digest=call_digest(tool.name, args),
        kind="background",
        text=text,
    )
    return Draft(started, correlation=ctx.task_id)


def _left_pending(
    tool: Tool, args: Mapping[str, JsonValue], ctx: ToolContext, pending: Pending, text: str
) -> tuple[Draft, ...]:
    """An outside system has it now; a timer ends the wait."""
    expires_at = ctx.now + pending.expires
    started = TaskStarted(
        task_id=ctx.task_id,
        call_id=ctx.call_id,
        tool=tool.name,
        args_digest=call_digest(tool.name, args),
        kind="outside",
        text=text,
        expires_at=expires_at,
        token_hash=text_hash(ctx.task_token),
    )
    timer = TimerSet(timer_id=f"k:{ctx.task_id}", due_at=expires_at, purpose="task", about=ctx.task_id)
    return tuple(Draft(data, correlation=ctx.task_id) for data in (started, timer))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: a text to show, and what else it returned."""

    status: ToolStatus
    text: str
    retryable: bool = True
    timers: tuple[TimerSet, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    questions: tuple[QuestionAsked | TimerSet, ...] = ()
    withdraws: tuple[int, ...] = ()
    pending: Pending | None = None


class _TimedOut(Exception):
    """The tool took too long."""


class _Stopped(Exception):
    """The tool tried to stop more than itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, in its turn or outside of it."""

    tool: Tool
    args: Mapping[str, JsonValue]
    ctx: ToolContext
    seconds: float
    clip: int
    clean: Callable[[str], str]
    longest_error: int = LONGEST_ERROR

    async def outcome(self) -> Outcome:
        """Run the tool; raises nothing but CancelledError, and that only if the caller is cancelled."""
        try:
            args = read_args(self.tool.args, self.args)
        except InvalidStep as error:
            return Outcome("failed", self._line(str(error)), retryable=False)
        try:
            return self._read(await self._within_time(args))
        except _TimedOut:
            return self._unfinished(f"timed out after {self.seconds:g} s")
        except ToolError as error:
            return Outcome("failed", self._line(str(error)), retryable=error.retryable)
        except Exception as error:
            log.warning("tool failed", tool=self.tool.name, call=self.ctx.call_id, exc_info=error)
            return self._unfinished(error_line(error, most=self.longest_error, clean=self.clean))

    def _unfinished(self, line: str) -> Outcome:
        """No result and no ToolError: of an unsafe tool we then do not know whether it acted."""
        return Outcome("unknown" if self.tool.effect == "unsafe" else "failed", line)

    def _line(self, text: str) -> str:
        return safe_line(text, most=self.longest_error, clean=self.clean) or "it failed without saying why"

    # ------------------------------------------------------------ in time

    async def _within_time(self, args: BaseModel) -> object:
        """What the tool returned. A task of its own: one that swallows its cancelling is left behind."""
        task = asyncio.ensure_future(_guarded(self.tool, args, self.ctx))
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
        except asyncio.CancelledError:
            await self._stop(task)
            raise
        if not done:
            await self._stop(task, TIMED_OUT)
            raise _TimedOut
        if task.cancelled():
            raise _Stopped("it cancelled itself")
        return task.result()

    async def _stop(self, task: asyncio.Future[object], why: str | None = None) -> None:
        task.add_done_callback(_forget)
        task.cancel(why)
        await asyncio.wait({task}, timeout=STOP_GRACE)
        if not task.done():
            log.warning("tool ignores that it was cancelled", tool=self.tool.name, call=self.ctx.call_id)

    # ------------------------------------------------------------ the result

    def _read(self, returned: object) -> Outcome:
        match returned:
            case Stored() if self.tool.effect != "stored":
                raise TypeError("it returned something to store, but its effect is not `stored`")
            case Stored():
                return self._stored(returned)
            case Pending() if self.tool.effect == "stored" or self.tool.background or not self.ctx.task_id:
                raise TypeError("it returned Pending, which a `stored` tool or a background one cannot")
            case Pending():
                return Outcome("ok", self._clipped(returned.text), pending=returned)
            case _:
                return Outcome("ok", self._clipped(_as_text(returned)))

    def _stored(self, stored: Stored) -> Outcome:
        if not all(isinstance(each, Outgoing) for each in stored.outgoing):
            raise TypeError("what it wants to send is not of the type Outgoing")
        timers = tuple(
            TimerSet(
                timer_id=f"{self.ctx.call_id}.t{number}",
                due_at=timer.due_at,
                purpose="remind",
                text=timer.text,
            )
            for number, timer in enumerate(stored.timers, start=1)
        )
        text = self._clipped(_as_text(stored.text))
        asked = tuple(
            each for number, ask in enumerate(stored.questions, start=1) for each in self._asked(ask, number)
        )
        return Outcome(
            "ok",
            text,
            timers=timers,
            outgoing=tuple(stored.outgoing),
            questions=asked,
            withdraws=stored.withdraws,
        )

    def _asked(self, ask: Ask, number: int) -> tuple[QuestionAsked | TimerSet, ...]:
        id_ = question_id(self.ctx.thread_id, f"{self.ctx.call_id}.q{number}")
        expires_at = self.ctx.now + ask.expires
        question = QuestionAsked(
            question_id=id_,
            call_id=self.ctx.call_id,
            to=ask.to,
            text=ask.text,
            options=ask.options,
            expires_at=expires_at,
            outgoing=(self.ctx.directory.question(ask, id_),),
        )
        return question, TimerSet(timer_id=f"x:{id_}", due_at=expires_at, purpose="expiry", about=id_)

    def _clipped(self, text: str) -> str:
        shown = first_part(text, most=self.clip, clean=self.clean)
        if len(text) <= self.clip:
            return shown
        return f"{shown}… [clipped: {len(text):,} characters, the first {len(shown):,} are shown]"


def _as_text(returned: object) -> str:
    match returned:
        case str():
            return returned
        case BaseModel():
            return canonical(returned.model_dump(mode="json"))
        case dict() | list():
            return canonical(returned)
        case _:
            raise TypeError(
                f"it returned {type(returned).__name__}; a text, a dict, a list or a model is needed"
            )


async def _guarded(tool: Tool, args: BaseModel, ctx: ToolContext) -> object:
    """SystemExit in a task would end the event loop."""
    try:
        return await tool.run(args, ctx)
    except SystemExit:
        raise _Stopped("it tried to end the program") from None


def _forget(task: asyncio.Future[object]) -> None:
    if not task.cancelled():
        task.exception()
