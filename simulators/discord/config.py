"""Who and what exists in the simulated Discord: one server with two channels, its people, the app and its bot."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from simulators.people import DEMO_PEOPLE, Person, on_discord

Json: TypeAlias = dict[str, Any]

PREFIX = "/discord"
API = f"{PREFIX}/api/v10"
GATEWAY, RESUME_GATEWAY = f"{PREFIX}/gateway", f"{PREFIX}/gateway/resume"
BOT_TOKEN = "demo-discord-token"
GUILD_ID = 300000000000000001
BOT_ID = 400000000000000001
"""The bot's user and its application have the same id, as is usual on Discord."""
OWNER_ID = 200000000000000100

MESSAGE_CONTENT, MEMBERS, PRESENCES = "message_content", "members", "presences"


@dataclass(frozen=True)
class TextChannel:
    id: int
    name: str


DEMO_CHANNELS = (
    TextChannel(300000000000000010, "general"),
    TextChannel(300000000000000011, "support"),
)


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """Request limits: for each channel, for everything else, and for all together."""

    send: Limit = Limit(5, 5.0)
    edit: Limit = Limit(5, 5.0)
    typing: Limit = Limit(5, 5.0)
    react: Limit = Limit(4, 1.0)
    other: Limit = Limit(10, 5.0)
    everything: Limit = Limit(50, 1.0)
    invalid: Limit = Limit(10_000, 600.0)
    """Answers 401, 403 and 429 after which Cloudflare bans the address."""
    identify: Limit = Limit(1_000, 86_400.0)
    gateway: Limit = Limit(120, 60.0)


NO_LIMITS = Limits(*(Limit(1_000_000, 1.0) for _ in range(7)))
"""For tests that send a lot; the limits of the gateway stay."""


@dataclass(frozen=True)
class DiscordConfig:
    """The fixed facts. Seconds are those of the real Discord; a simulator's time scale shortens them."""

    people: tuple[Person, ...] = on_discord(DEMO_PEOPLE)
    channels: tuple[TextChannel, ...] = DEMO_CHANNELS
    guild_id: int = GUILD_ID
    guild_name: str = "Saywhen Demo"
    bot_id: int = BOT_ID
    bot_name: str = "saywhen"
    bot_token: str = BOT_TOKEN
    owner_id: int = OWNER_ID
    granted_intents: frozenset[str] = field(default=frozenset({MESSAGE_CONTENT, MEMBERS}))
    limits: Limits = Limits()
    heartbeat_seconds: float = 41.25
    session_seconds: float = 180.0
    """For how long a session can be resumed after its connection is gone."""
    nonce_seconds: float = 300.0
    respond_seconds: float = 3.0
    interaction_seconds: float = 900.0
