"""Which cases random schedules have met, and how often: what was never met was never checked."""

from collections import Counter
from collections.abc import Sequence

CASES: Sequence[str] = (
    "requests",
    "requests of a quorum",
    "requests approved",
    "requests edited",
    "requests rejected",
    "requests answered",
    "requests expired",
    "requests passed on",
    "requests void: superseded",
    "requests void: cancelled",
    "calls started with a yes",
    "yes taken back by an edit, a stop or the agent",
    "yes overruled: rights gone",
    "yes overruled: too late to start",
    "answers by text",
    "answers twice",
    "answers at once",
    "answers at the expiry",
    "answers to old requests",
    "answers too late for another",
    "answers let in that do not count",
    "answered unauthorised",
    "answered late",
    "answered invalid_args",
    "answered wrong_code",
    "answered ambiguous",
    "questions closed by an answer",
    "questions expired",
    "background tasks",
    "outside tasks",
    "tasks ok",
    "tasks failed",
    "tasks expired",
    "tasks finished by token",
    "task results taken up",
    "config changed",
    "clock jumps",
)
"""What a few dozen schedules meet for certain."""

RARE: Sequence[str] = (
    "calls started with a quorum",
    "second yes of one person",
    "of these after the expiry",
    "answers of the requester",
    "codes guessed",
    "requests void: withdrawn",
    "questions stopped",
    "tasks unknown",
    "tasks cancelled",
    "background calls taken up",
)
"""What it takes hundreds of them for."""


def never(counts: Counter[str], cases: Sequence[str] = CASES) -> list[str]:
    """The cases that were not met."""
    return [case for case in cases if not counts[case]]


def table(counts: Counter[str]) -> str:
    """A line for each case."""
    return "\n".join(f"{counts[case]:7,} {case}" for case in (*CASES, *RARE))
