"""Answers to strangers that a person sees first: what would be said becomes a call that needs a yes. Pure."""

from bot.canonical import call_digest
from bot.ending import reply_places
from bot.events import ToolStarted
from bot.ids import call_id, idempotency_key
from bot.rules import Rules
from bot.thread import Thread, Turn

SEND_REPLY = "send_reply"


def is_draft(thread: Thread, turn: Turn, rules: Rules) -> bool:
    """Whether what the agent answers in this turn is shown to a person first."""
    places = reply_places(thread, rules, turn.by, turn.person)
    return not turn.person and any(channel in rules.drafts for channel, _, _ in places)


def draft_call(thread: Thread, turn: Turn, text: str) -> ToolStarted:
    """The call that sends this answer; its arguments are what a person sees and may edit."""
    if turn.last is None:
        raise ValueError(f"thread {thread.id}: an answer that nobody has given")
    id_ = call_id(turn.last.seq)
    to = turn.by.partition(":")[2]
    return ToolStarted(
        call_id=id_,
        tool=SEND_REPLY,
        args={"to": to, "text": text},
        args_digest=call_digest(SEND_REPLY, {"to": to, "text": text}),
        effect="stored",
        key=idempotency_key(thread.id, id_),
    )
