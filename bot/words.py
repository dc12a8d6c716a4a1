"""What the bot says when no model speaks. Plain, short, and with a way to go on."""

from datetime import datetime

from bot.events import TakeoverReason

DONE = "Done."
STOPPED = "Stopped. Nothing further will start from what was asked before; write again to start afresh."
STOPPED_UNKNOWN = (
    "Stopped. One action was under way and its outcome is unknown: "
    "please check it before asking for it again."
)
TAKEN_OVER = "A person has taken over this conversation."
OUR_FAULT = (
    "Something went wrong on our side and I have stopped here so that nothing happens twice. "
    "Your message is kept, and whoever runs this bot has been told."
)
TURN_LOST = "an error of our own"

_REASONS: dict[TakeoverReason, str] = {
    "asked": "you asked for one",
    "consecutive_errors": "something I need failed three times in a row",
    "repeated_call": "the same step failed twice in the same way",
    "unknown_outcome": "an action was interrupted and I cannot tell whether it happened",
    "not_retryable": "something I need refused, and trying again would not help",
    "invalid_answers": "I could not work out a sound next step",
    "refusal": "my language model declined to answer this",
    "too_large": "this is too long for me to read in one go",
    "model_unavailable": "my language model could not be reached for a long time",
}


def handed_over(reason: TakeoverReason, *, message: str = "", told: bool) -> str:
    """What the requester hears when a person is called in."""
    told_whom = "I have told a person, who will go on here." if told else (
        "A person has to go on here; no operator is configured, so please tell whoever runs this bot."
    )  # fmt: skip
    lead = f"{message}\n\n" if message.strip() else ""
    return f"{lead}{told_whom} (Reason: {_REASONS[reason]}.) I stay silent until they hand back."


def operator_takeover(thread_id: str, reason: TakeoverReason, summary: str) -> str:
    """What an operator hears when a person is needed."""
    said = f"\n> {summary}" if summary else ""
    return (
        f"A conversation needs a person: {reason.replace('_', ' ')}.{said}\n"
        f"Look: `bot thread show {thread_id}`. Hand back to the agent: `bot thread resume {thread_id}`."
    )


def operator_parked(thread_id: str, reason: str) -> str:
    """What an operator hears when a thread is parked."""
    return (
        f"A conversation is parked: {reason}\n"
        f"Look: `bot thread show {thread_id}`. Try again: `bot thread resume {thread_id}`."
    )


def operator_capped(thread_id: str, steps: int) -> str:
    """What an operator hears when an agent has used up its steps."""
    return f"An agent stopped after {steps} steps without an end. Look: `bot thread show {thread_id}`."


def capped(steps: int, *, told: bool) -> str:
    """What the requester hears when the agent has used up its steps."""
    who = "I have told a person." if told else "Please tell whoever runs this bot."
    return (
        f"I stopped after {steps} steps without reaching the end of this, so as not to go round in circles. "
        f"{who} You can also write again, in smaller parts."
    )


def model_down(until: datetime) -> str:
    """What the requester hears while the model cannot be reached."""
    return (
        "I cannot reach my language model at the moment. Your message is kept, "
        f"and I will answer as soon as it is back (next try about {until:%H:%M} UTC)."
    )


def out_of_tokens(until: datetime) -> str:
    """What the requester hears when the daily token ceiling is reached."""
    return (
        "Today's token ceiling is used up. Your message is kept; "
        f"I will answer after {until:%Y-%m-%d %H:%M} UTC, "
        "or as soon as whoever runs this bot raises `limits.daily_tokens`."
    )


def operator_model(thread_id: str, why: str) -> str:
    """What an operator hears when the model refuses us in a way that waiting does not mend."""
    return (
        f"The language model refuses our calls: {why}. Messages are kept and answered once that is mended. "
        f"First seen in `bot thread show {thread_id}`."
    )


def needs_yes(tool: str, why: str) -> str:
    """What the model reads when a call needs a yes that nobody can give yet."""
    return f"not done: {tool} needs a person's yes ({why}), and this bot cannot ask for one yet"


def already_denied(tool: str) -> str:
    """What the model reads when it asks again for what was denied."""
    return f"not done: the same call of {tool} was denied before in this request"
