"""Discord's objects as JSON: users, members, channels, threads, the server, the application."""

from datetime import UTC, datetime

from simulators.discord.config import MEMBERS, MESSAGE_CONTENT, DiscordConfig, Json
from simulators.discord.ids import iso
from simulators.discord.state import Channel
from simulators.people import Person

JOINED = "2024-01-01T00:00:00.000000+00:00"
PERMISSIONS = str((1 << 50) - 1)
TEXT, DM, PUBLIC_THREAD = 0, 1, 11
KINDS = {"text": TEXT, "dm": DM, "thread": PUBLIC_THREAD}
APPLICATION_FLAGS = {MESSAGE_CONTENT: 1 << 19, MEMBERS: 1 << 15}
"""The limited forms, which an app has that is in fewer than 100 servers."""


def person_json(person: Person) -> Json:
    return {
        "id": person.discord,
        "username": person.name,
        "discriminator": "0",
        "global_name": person.real_name or person.name,
        "avatar": None,
        "avatar_decoration_data": None,
        "public_flags": 0,
        "clan": None,
        "primary_guild": None,
    }


def bot_json(config: DiscordConfig) -> Json:
    person = Person(config.bot_name, discord=str(config.bot_id))
    return {**person_json(person), "global_name": None, "bot": True}


def me_json(config: DiscordConfig) -> Json:
    more: Json = {"mfa_enabled": False, "locale": "en-US", "premium_type": 0, "email": None}
    return {
        **bot_json(config),
        **more,
        "verified": True,
        "flags": 0,
        "banner": None,
        "accent_color": None,
        "bio": "",
    }


def owner_json(config: DiscordConfig) -> Json:
    return person_json(Person("owner", discord=str(config.owner_id)))


def member_json(user: Json | None = None) -> Json:
    """A member; in events about messages it comes without its user."""
    member: Json = {
        "roles": [],
        "nick": None,
        "avatar": None,
        "banner": None,
        "joined_at": JOINED,
        "premium_since": None,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
    }
    return member if user is None else {**member, "user": user}


def channel_json(
    channel: Channel, config: DiscordConfig, *, recipient: Json, last_message: int | None
) -> Json:
    last = str(last_message) if last_message else None
    base: Json = {"id": str(channel.id), "type": KINDS[channel.kind], "last_message_id": last, "flags": 0}
    match channel.kind:
        case "dm":
            return {**base, "recipients": [recipient]}
        case "thread":
            return {**base, **_thread(channel, config)}
        case "text":
            return {**base, **_text(channel, config)}


def _text(channel: Channel, config: DiscordConfig) -> Json:
    return {
        "guild_id": str(config.guild_id),
        "name": channel.name,
        "position": 0,
        "permission_overwrites": [],
        "rate_limit_per_user": 0,
        "nsfw": False,
        "topic": None,
        "parent_id": None,
        "default_auto_archive_duration": 1440,
    }


def _thread(channel: Channel, config: DiscordConfig) -> Json:
    about = channel.about
    thread: Json = {
        "guild_id": str(config.guild_id),
        "parent_id": str(channel.parent),
        "owner_id": str(channel.owner),
        "name": channel.name,
        "message_count": about["messages"],
        "total_message_sent": about["messages"],
        "member_count": len(about["members"]),
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": about["archived"],
            "archive_timestamp": about["created"],
            "auto_archive_duration": about["auto_archive_duration"],
            "locked": about["locked"],
            "create_timestamp": about["created"],
        },
    }
    if config.bot_id in about["members"]:
        thread["member"] = thread_member_json(channel, config.bot_id)
    return thread


def thread_member_json(channel: Channel, user: int) -> Json:
    joined = channel.about["created"]
    return {"id": str(channel.id), "user_id": str(user), "join_timestamp": joined, "flags": 1}


def role_json(config: DiscordConfig) -> Json:
    """@everyone, the role that every server has, with the id of the server."""
    return {
        "id": str(config.guild_id),
        "name": "@everyone",
        "permissions": PERMISSIONS,
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def guild_json(config: DiscordConfig) -> Json:
    nothing = ("icon", "description", "splash", "discovery_splash", "banner", "application_id", "region")
    no_channel = ("afk", "system", "widget", "rules", "public_updates", "safety_alerts")
    return {
        "id": str(config.guild_id),
        "name": config.guild_name,
        **dict.fromkeys(nothing),
        **{f"{name}_channel_id": None for name in no_channel},
        "features": [],
        "emojis": [],
        "stickers": [],
        "owner_id": str(config.owner_id),
        "afk_timeout": 300,
        "widget_enabled": False,
        "verification_level": 0,
        "roles": [role_json(config)],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 250_000,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "system_channel_flags": 0,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "incidents_data": None,
    }


def application_json(config: DiscordConfig, granted: frozenset[str]) -> Json:
    return {
        "id": str(config.bot_id),
        "name": config.bot_name,
        "description": "",
        "icon": None,
        "type": None,
        "bot": bot_json(config),
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": owner_json(config),
        "team": None,
        "verify_key": "0" * 64,
        "flags": application_flags(granted),
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "redirect_uris": [],
        "approximate_guild_count": 1,
        "integration_types_config": {"0": {}},
    }


def application_flags(granted: frozenset[str]) -> int:
    return sum(flag for name, flag in APPLICATION_FLAGS.items() if name in granted)


def timestamp(at: float) -> str:
    return iso(datetime.fromtimestamp(at, UTC))
