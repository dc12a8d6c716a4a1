"""The small steps that folding is made of."""

from typing import TYPE_CHECKING

from bot.thread import Entry, Fails, Run, Thread

if TYPE_CHECKING:
    from dataclasses import replace  # which the type checker knows
else:
    from bot.frozen import replace


def in_turn(thread: Thread, **changes: object) -> Thread:
    return replace(thread, turn=replace(thread.open_turn, **changes))  # type: ignore[arg-type]  # fields of Turn


ECHO = "words of the agent that came after them"


def echo(thread: Thread) -> str:
    """The taint of what the agent says while words of others are before it: it may repeat them."""
    return ECHO if any(entry.taint and entry.taint != ECHO for entry in thread.window) else ""


def show(thread: Thread, seq: int, size: int, taint: str = "") -> Thread:
    return replace(thread, window=(*thread.window, Entry(seq, size, taint)))


def succeeded(run: Run, tool: str) -> Run:
    return replace(run, fails={each: f for each, f in run.fails.items() if each != tool})


def failed(run: Run, seq: int, tool: str, args_digest: str) -> Run:
    before = run.fails.get(tool)
    same = before is not None and before.args_digest == args_digest
    seqs = (*before.seqs, seq)[-3:] if before else (seq,)
    count = before.count + 1 if before else 1
    return replace(run, fails={**run.fails, tool: Fails(count, args_digest, same, seqs)})
