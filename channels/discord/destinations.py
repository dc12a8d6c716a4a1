"""Where a message goes in Discord, as one line of text. Pure.

`channel/C` is a DM or a thread, `mention/C/M` a conversation that began with message M in channel C, and a bare id
is a person: the address that the configuration knows them by.
"""

from dataclasses import dataclass

from channels.discord.shapes import is_id

CHANNEL, MENTION = "channel", "mention"


@dataclass(frozen=True, slots=True)
class Destination:
    """`message` is the root of the conversation, where that has no channel of its own yet."""

    channel: str = ""
    message: str = ""
    person: str = ""

    @classmethod
    def parse(cls, text: str) -> "Destination | None":
        """None for what is no place in Discord."""
        if is_id(text):
            return cls(person=text)
        match text.split("/"):
            case ["channel", channel] if is_id(channel):
                return cls(channel)
            case ["mention", channel, message] if is_id(channel) and is_id(message):
                return cls(channel, message)
            case _:
                return None

    @property
    def conversation(self) -> str:
        """A thread that is opened from a message has that message's id."""
        return self.message or self.channel

    def __str__(self) -> str:
        if self.person:
            return self.person
        return f"{MENTION}/{self.channel}/{self.message}" if self.message else f"{CHANNEL}/{self.channel}"
