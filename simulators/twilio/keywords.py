"""The words that Twilio itself reacts to: stop, start and help, and what it answers."""

from typing import Literal, TypeAlias

OptOutType: TypeAlias = Literal["STOP", "START", "HELP"]

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})

REPLIES: dict[OptOutType, str] = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def opt_out_type(text: str) -> OptOutType | None:
    """Only a message that is one of the words and nothing else counts."""
    word = text.strip().upper()
    if word in STOP:
        return "STOP"
    if word in START:
        return "START"
    return "HELP" if word in HELP else None


def reply_to(kind: OptOutType, *, opted_out: bool) -> str | None:
    """What Twilio answers to somebody who was (not) opted out before: nothing where nothing changes."""
    match kind:
        case "STOP" | "HELP":
            return None if opted_out else REPLIES[kind]
        case "START":
            return REPLIES[kind] if opted_out else None
