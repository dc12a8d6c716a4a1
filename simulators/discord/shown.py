"""What tests and scripts read of the simulated Discord: the messages as they are now, and who is typing."""

import re
from collections.abc import Callable
from datetime import datetime

from simulators.discord.config import Json
from simulators.discord.guild import Guild
from simulators.discord.outgoing import EPHEMERAL, LOADING, SUPPRESS_EMBEDS, leaves
from simulators.discord.state import Channel, Message

TYPING_SECONDS = 10.0
LINK = re.compile(r"(?<!<)https?://[^\s<>]+")


class Shown:
    def __init__(self, guild: Guild, *, now: Callable[[], datetime], time_scale: float) -> None:
        self._guild = guild
        self._now = now
        self._typing_seconds = TYPING_SECONDS * time_scale
        self._typing: dict[int, float] = {}
        self.typing_posts = 0

    def note_typing(self, channel: Channel) -> None:
        self.typing_posts += 1
        self._typing[channel.id] = self._now().timestamp() + self._typing_seconds
        self._guild.state.version += 1

    def typing(self) -> list[str]:
        now = self._now().timestamp()
        return [str(channel) for channel, until in self._typing.items() if until > now]

    def messages(self, channel: str | None, *, from_: str | None, to: str | None) -> list[Json]:
        places = self._places(channel)
        sender = self._user(from_) if from_ else None
        recipient = int(self._guild.person(to).discord) if to else None
        return [
            self.message(message)
            for message in self._guild.state.messages()
            if not message.deleted
            and (places is None or message.channel in places)
            and sender in (None, message.author)
            and (recipient is None or self._is_to(message, recipient))
        ]

    def _places(self, ref: str | None) -> set[int] | None:
        """The places meant: one, or with "dm" all DMs."""
        if not ref:
            return None
        if ref == "dm":
            return {channel.id for channel in self._guild.state.channels("kind = 'dm'")}
        return {self._guild.place(ref).id}

    def _user(self, ref: str) -> int:
        config = self._guild.config
        if ref in (config.bot_name, "bot", str(config.bot_id)):
            return config.bot_id
        return int(self._guild.person(ref).discord)

    def _is_to(self, message: Message, person: int) -> bool:
        if message.author != self._guild.config.bot_id:
            return False
        if message.flags & EPHEMERAL:
            return bool(message.extra.get("ephemeral_to") == person)
        channel = self._guild.channel(message.channel)
        return channel is not None and channel.kind == "dm" and channel.owner == person

    def message(self, message: Message) -> Json:
        guild = self._guild
        full = guild.full_message_json(message)
        channel = guild.channel(message.channel)
        reference = message.message.get("message_reference")
        return {
            "id": str(message.id),
            "channel": str(message.channel),
            "channel_name": guild.place_name(channel) if channel else "",
            "from": guild.name_of(message.author),
            "text": message.text,
            "type": message.message["type"],
            "time": full["timestamp"],
            "edited": full["edited_timestamp"],
            "flags": message.flags,
            "ephemeral_to": self._ephemeral_to(message),
            "loading": bool(message.flags & LOADING),
            "allowed_mentions": message.extra.get("allowed_mentions"),
            "mentions": [user["username"] for user in full["mentions"]],
            "nonce": message.nonce or None,
            "reference": reference.get("message_id") if reference else None,
            "components": message.message["components"],
            "buttons": [each.get("label") or each["custom_id"] for each in _pressable(message)],
            "embeds": full["embeds"],
            "attachments": full["attachments"],
            "reactions": message.extra.get("reactions", {}),
            "thread": str(message.id) if "thread" in full else None,
            "previews": previews(message),
        }

    def _ephemeral_to(self, message: Message) -> str | None:
        if not message.flags & EPHEMERAL:
            return None
        return self._guild.name_of(int(message.extra["ephemeral_to"]))


def _pressable(message: Message) -> list[Json]:
    there = leaves(message.message["components"])
    return [each for each in there if each.get("custom_id") and not each.get("disabled")]


def previews(message: Message) -> list[str]:
    """The links that Discord would fetch and show: none with SUPPRESS_EMBEDS, and none written <so>."""
    return [] if message.flags & SUPPRESS_EMBEDS else LINK.findall(message.text)
