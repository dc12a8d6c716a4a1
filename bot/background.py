"""One call outside its turn: what there is to do about it, its function within reach of a stop, how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import BaseModel

from bot.errors import InvalidStep, StoreError
from bot.events import TaskOutcome, ToolStarted
from bot.one_line import one_line
from bot.step import read_args
from bot.tool_runner import Outcome
from bot.tools import Result, Run, Tool, ToolContext

MOST_ATTEMPTS = 3
NOTES_APART = 5.0  # seconds
MOST_NOTES, LONGEST_NOTE = 50, 200

STOPPED = "stopped"
"""What a function is cancelled with on a person's stop; without a word the bot itself is ending."""

NEVER_BEGAN = "stopped before it began"
HALFWAY = "stopped while it ran: what it had done by then is not known"
INTERRUPTED = "interrupted: it may or may not have happened"
GIVEN_UP = "interrupted three times"
NOT_OFFERED = "this tool is no longer offered in this form"


@dataclass(frozen=True, slots=True)
class End:
    """How a task ended."""

    outcome: TaskOutcome
    result: str


# ---------------------------------------------------------------- what to do


def to_begin(tool: Tool | None, call: ToolStarted, *, stopped: bool) -> Tool | End:
    """The tool to run, or what to say at once, about a call that begins."""
    if stopped:
        return End("cancelled", NEVER_BEGAN)
    return tool if tool is not None and _fits(tool, call) else End("failed", NOT_OFFERED)


def to_take_up(tool: Tool | None, call: ToolStarted, *, attempt: int, stopped: bool) -> Tool | End:
    """The tool to run, or what to say at once, about a call that an earlier process was busy with."""
    if tool is not None and not _fits(tool, call):
        tool = None
    if tool is not None and tool.recover is not None:
        return replace(tool, run=tool.recover)  # also of a stopped one: it ends what may still go on
    if call.effect == "unsafe" or (tool is not None and tool.effect == "unsafe"):
        return End("unknown", INTERRUPTED)
    if stopped:
        return End("cancelled", STOPPED)
    if tool is None:
        return End("failed", NOT_OFFERED)
    return tool if attempt < MOST_ATTEMPTS else End("failed", GIVEN_UP)


def _fits(tool: Tool, call: ToolStarted) -> bool:
    try:
        read_args(tool.args, call.args)
    except InvalidStep:
        return False
    return True


# ---------------------------------------------------------------- the function


class Function:
    """What a tool runs, within reach of a stop.

    One that is stopped before its first step does not begin, unless it takes up what an earlier process left:
    then it feels the stop at its first await, and has to end that.
    """

    def __init__(self, run: Run, *, takes_up: bool, stopped: bool = False) -> None:
        self._run = run
        self._takes_up = takes_up
        self._task: asyncio.Task[object] | None = None
        self._let_go: End | None = None
        self.stopped = stopped

    async def __call__(self, args: BaseModel, ctx: ToolContext) -> Result:
        if self.stopped and not self._takes_up:
            self._let_go = End("cancelled", NEVER_BEGAN)
            return ""
        self._task = asyncio.current_task()
        if self.stopped and self._task is not None:
            asyncio.get_running_loop().call_soon(self._task.cancel, STOPPED)
        try:
            return await self._run(args, ctx)
        except asyncio.CancelledError:
            if not self.stopped:
                raise
            self._let_go = End("cancelled", STOPPED)
            return ""
        finally:
            self._task = None

    def stop(self) -> None:
        """Tell it once: what it does about it must not be interrupted by a second stop."""
        if not self.stopped and self._task is not None:
            self._task.cancel(STOPPED)
        self.stopped = True

    def end(self, tool: Tool, outcome: Outcome) -> End:
        """What it came to. A function that was stopped, but came to an end of its own, says how it ended."""
        if self._let_go is not None:
            unsure = tool.effect == "unsafe" and self._let_go.result != NEVER_BEGAN
            return End("unknown", HALFWAY) if unsure else self._let_go
        match outcome.status:
            case "ok":
                return End("ok", outcome.text)
            case "unknown":
                return End("unknown", outcome.text)
            case "failed" | "denied" | "cancelled":
                return End("cancelled" if self.stopped else "failed", outcome.text)


# ---------------------------------------------------------------- how far it is


class Notes:
    """What a function says about its progress: its latest note, now and then. Never an error for the function."""

    def __init__(self, send: Callable[[str], Awaitable[object]], clean: Callable[[str], str]) -> None:
        self._send = send
        self._clean = clean
        self._latest = ""
        self._new = asyncio.Event()

    async def note(self, text: str) -> None:
        """Take a note; a later one may take its place before it is written down."""
        self._latest = one_line(str(text), most=LONGEST_NOTE, clean=self._clean)
        self._new.set()

    async def send(self) -> None:
        """Write down notes, until cancelled or until there were many."""
        for _ in range(MOST_NOTES):
            await self._new.wait()
            self._new.clear()
            with suppress(StoreError):  # the next note, or the end, says more
                await self._send(self._latest)
            await asyncio.sleep(NOTES_APART)
