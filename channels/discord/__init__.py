"""Discord: DMs, mentions, threads and slash commands, over the gateway."""

from channels.discord.channel import DiscordChannel
from channels.discord.connection import Rhythm
from channels.discord.doctor import Finding, check

__all__ = ["DiscordChannel", "Finding", "Rhythm", "check"]
