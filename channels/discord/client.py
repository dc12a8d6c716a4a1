"""Our discord.py client: quiet, with a small memory, and with an API address of its own.

Payloads reach us as Discord sent them, by name, in order; of what discord.py makes of them only the kinds of
channels are used. How connections begin and end is in `connection`.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import discord
from discord.voice_client import VoiceClient

from channels.discord.events import Kind, kind_of
from channels.discord.rest import Rest
from channels.discord.shapes import Json

TAKEN = (
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "MESSAGE_REACTION_ADD",
    "INTERACTION_CREATE",
)
"""What we read ourselves, and discord.py need not."""
OVERHEARD = ("READY", "RESUMED", "GUILD_CREATE", "THREAD_CREATE")
"""What discord.py reads too, to know the channels."""

logging.getLogger("discord").setLevel(logging.WARNING)  # discord.py says much at INFO

Heard = Callable[[str, Json], None]


def intents() -> discord.Intents:
    """What we want to hear of; the content of messages is a privilege that the app must be given."""
    return discord.Intents(
        guilds=True,
        guild_messages=True,
        dm_messages=True,
        message_content=True,
        guild_reactions=True,
        dm_reactions=True,
    )


class Client(discord.Client):
    """Tells `heard` of each event that matters; `before_identify` is waited for before a new session."""

    def __init__(self, heard: Heard, *, api_url: str, timeout: float, silence: float) -> None:
        VoiceClient.warn_nacl = VoiceClient.warn_dave = False  # nobody speaks here
        super().__init__(
            intents=intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            heartbeat_timeout=silence,
            max_ratelimit_timeout=30.0,
        )
        # Before anything has used discord.py's own, which has Discord's address and tries things again.
        self.http = Rest(self.loop, api_url=api_url, timeout=timeout)
        self._connection.http = self.http
        self._heard = heard
        self._listen()

    def _listen(self) -> None:
        parsers = self._connection.parsers
        for name in TAKEN:
            parsers[name] = self._only(name)
        for name in OVERHEARD:
            parsers[name] = self._also(name, parsers[name])

    def _only(self, name: str) -> Callable[[Any], None]:
        return lambda data: self._heard(name, data)

    def _also(self, name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def parsed(data: Any) -> None:
            seen = dict(data) if isinstance(data, Mapping) else {}
            parse(data)
            self._heard(name, seen)

        return parsed

    def kind(self, channel: str) -> Kind | None:
        """What a channel is, as far as Discord has told us."""
        found = self.get_channel(int(channel))
        if found is None or isinstance(found, discord.abc.PrivateChannel):
            return None if found is None else "dm"
        return kind_of(found.type.value)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Nothing: `connection` has waited as long as it has to."""
