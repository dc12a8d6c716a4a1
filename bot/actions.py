"""What may come next: the action that touches the world, and the events that are written down with it."""

from dataclasses import dataclass

from bot.events import Draft
from bot.thread import Thread


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until the next input."""


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask for the next step. `resume` is the seq of the model.asked to send again."""

    run: str
    degraded: bool = False
    resume: int | None = None


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a call that has been announced."""

    run: str
    call_id: str
    tool: str
    key: str


Action = Wait | AskModel | RunTool


@dataclass(frozen=True, slots=True)
class Next:
    """What the table says: events to append and, unless it is to be asked again, the action."""

    drafts: tuple[Draft, ...] = ()
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided from one fold. `thread` is the state once the drafts are stored."""

    drafts: tuple[Draft, ...]
    action: Action
    thread: Thread
