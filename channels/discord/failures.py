"""What a failed call means: for a message, and for the channel as a whole."""

from bot.errors import ChannelRefused, SendFailed

PORTAL = "https://discord.com/developers/applications"

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION = 10003, 10008, 10062
THREAD_EXISTS = 160004
ACKNOWLEDGED = 40060

UNREACHABLE = frozenset(
    {
        10013,  # no such user
        50007,  # they take no direct messages from us, or have blocked us
        50278,  # no server in common
        340007,  # the same, in other words
    }
)
"""Codes that say that a person gets nothing from us."""

NO_THREADS = frozenset(
    {
        10008,  # the message is gone
        30033,  # too many people in the thread
        50001,
        50013,
        50019,
        50021,  # on a message of the system
        50024,  # a kind of channel without threads
        50035,  # something about it that Discord does not take, such as its name
        160005,  # threads are locked there
        160006,  # too many threads
        160007,
    }
)
"""Codes that say that no thread can be opened from a message: the answer becomes a reply."""

ADVICE = {
    10003: "the channel is gone, or the bot is not in it",
    50001: "the bot may not see this channel; give its role View Channel",
    50013: "the bot's role lacks a permission there: Send Messages, or Send Messages in Threads",
    50083: "the thread is archived and locked",
    160005: "the thread is locked",
}

CLOSED = {
    4004: "Discord refuses DISCORD_BOT_TOKEN (4004). Copy it anew: {portal}, your app, Bot, Reset Token",
    4010: "Discord refuses the shard (4010); this is a fault of the bot",
    4011: "The bot is in so many servers that Discord wants it split up (4011); Saywhen does not do that",
    4012: "Discord does not know this version of its gateway any more (4012); update discord.py",
    4013: "Discord does not know the intents we asked for (4013); update discord.py",
    4014: (
        "Discord does not allow the bot to read messages (4014). Switch it on: {portal}, your app, Bot, "
        "Privileged Gateway Intents, Message Content Intent"
    ),
}
"""Why the gateway hung up for good, and where to click."""


class CallFailed(Exception):
    """A call to Discord failed. `sent`: it may have had an effect. `code` is Discord's own, 0 if it gave none."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: int = 0,
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.sent = sent


def send_failed(error: CallFailed) -> SendFailed:
    """What became of a message that could not be posted."""
    if error.code in UNREACHABLE:
        return SendFailed(str(error), kind="final", unreachable=True)
    if not error.sent or error.status in (401, 429):
        return not_sent(error)  # 401 is about the token: it goes out once the right one is set
    if not 400 <= error.status < 500:
        return SendFailed(str(error), kind="unknown")
    advice = ADVICE.get(error.code)
    return SendFailed(f"{error}: {advice}" if advice else str(error), kind="final")


def not_sent(error: CallFailed) -> SendFailed:
    """For calls that change nothing: they can be made again."""
    return SendFailed(str(error), kind="retry", retry_after=error.retry_after)


def refusal(error: CallFailed) -> ChannelRefused | None:
    """Why Discord will not have us, if trying again would not help."""
    return closed(4004) if error.status == 401 else None


def closed(code: int | None) -> ChannelRefused | None:
    """What this close code of the gateway means, if it is for good."""
    words = CLOSED.get(code or 0)
    return ChannelRefused(words.format(portal=PORTAL)) if words else None
