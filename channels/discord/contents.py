"""Notices that Discord leaves out what people write: the app lacks the Message Content Intent. Pure."""

from channels.discord.events import Kind
from channels.discord.failures import PORTAL
from channels.discord.shapes import Json, items, mapping, string
from channels.discord.text import mentions

ENOUGH = 5
"""So many messages in a row without any content, where people write, are no chance."""
WARNING = (
    "Discord leaves out what people write in servers: the Message Content Intent is off. Switch it on: "
    f"{PORTAL}, your app, Bot, Privileged Gateway Intents"
)
OTHER_CONTENT = ("attachments", "embeds", "components", "sticker_items", "message_snapshots")


class Contents:
    def __init__(self) -> None:
        self._empty = 0

    def see(self, message: Json, kind: Kind, *, me: str) -> str:
        """What is wrong, if something seems to be. DMs and mentions have their content in any case."""
        text = string(message, "content")
        is_told_anyway = kind == "dm" or mentions(text, me)
        if mapping(message.get("author")).get("bot") or message.get("type") not in (0, 19) or is_told_anyway:
            return WARNING if self.missing else ""
        if text:
            self._empty = 0
        elif not any(items(message, key) for key in OTHER_CONTENT) and "poll" not in message:
            self._empty += 1
        return WARNING if self.missing else ""

    @property
    def missing(self) -> bool:
        return self._empty >= ENOUGH
