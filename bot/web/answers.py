"""What became of one message: followed through the log until the run that read it has its reply. Pure."""

from dataclasses import dataclass

from bot import words
from bot.events import ControlRequested, Event, ModelAnswered, TurnEnded, TurnRead, TurnStarted
from bot.thread import Thread

LAST_WORDS = ("reply", "need_clarification", "task_complete")
TURNING_POINTS = frozenset(
    {
        "turn.started",
        "turn.read",
        "turn.ended",
        "control.requested",
        "takeover.started",
        "thread.parked",
        "message.deleted",
    }
)
"""The types of event after which an answer may have changed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of the turn that read a message; before that, nothing, or why it takes longer."""

    done: bool = False
    reply: str | None = None
    next_action: str | None = None


class Progress:
    """Sees the events after a message in order and says what became of it."""

    def __init__(self, seq: int) -> None:
        self.cursor = seq
        self._seq = seq
        self._run = ""
        self._intent = ""
        self._ended: TurnEnded | None = None
        self._notice = ""
        self._stopped = False

    def see(self, event: Event) -> None:
        self.cursor = event.seq
        match event.data:
            case TurnStarted(input=self._seq) | TurnRead(input=self._seq):
                self._run = event.run
            case TurnStarted() if self._is_ours(event):
                self._ended = None
            case ModelAnswered(step=step) if step and self._is_ours(event):
                self._intent = step.intent
            case TurnEnded() if self._is_ours(event) and self._ended is None:
                self._ended = event.data
                self._notice = event.data.reply or self._notice
            case ControlRequested(action="stop") if self._ended and self._ended.outcome == "waiting":
                self._stopped = True
            case _:
                pass

    def answer(self, thread: Thread) -> Answer:
        """The answer, given the thread as it stands at the cursor."""
        if not self._run:
            return self._unread(thread)
        if self._ended is None or self._goes_on(thread):
            return Answer(reply=self._notice, next_action="waiting") if self._notice else Answer()
        if self._stopped:
            return Answer(done=True, next_action="cancelled")
        return Answer(done=True, reply=self._ended.reply or None, next_action=self._next_action(self._ended))

    def _is_ours(self, event: Event) -> bool:
        return bool(self._run) and event.run == self._run

    def _unread(self, thread: Thread) -> Answer:
        """Nobody has read it. If it does not wait to be read either, nobody will."""
        if any(unread.seq == self._seq for unread in thread.unread):
            return Answer(reply=words.OUR_FAULT, next_action="waiting") if thread.parked else Answer()
        return Answer(done=True, next_action="handed_off" if thread.with_person else "cancelled")

    def _goes_on(self, thread: Thread) -> bool:
        """A turn ended because the model was out of service; the same run goes on by a timer."""
        by_timer = any(t.purpose == "retry" and t.run == self._run for t in thread.timers.values())
        return by_timer or any(u.kind == "retry" and u.ref == self._run for u in thread.unread)

    def _next_action(self, ended: TurnEnded) -> str:
        if ended.outcome != "replied":
            return ended.outcome
        return self._intent if self._intent in LAST_WORDS else "reply"
