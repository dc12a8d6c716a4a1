"""A stand-in for Discord: gateway, REST API and CDN, and people to talk with the bot."""

from simulators.discord.config import BOT_ID, BOT_TOKEN, GUILD_ID, NO_LIMITS, DiscordConfig, Limit, Limits
from simulators.discord.guild import Refused
from simulators.discord.interactions import Outcome
from simulators.discord.outgoing import Upload
from simulators.discord.simulator import DiscordSimulator

__all__ = [
    "BOT_ID",
    "BOT_TOKEN",
    "GUILD_ID",
    "NO_LIMITS",
    "DiscordConfig",
    "DiscordSimulator",
    "Limit",
    "Limits",
    "Outcome",
    "Refused",
    "Upload",
]
