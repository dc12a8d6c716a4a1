"""What a new session is told: READY, then the server as it is; and its members, for those who ask."""

from simulators.discord import intents, objects
from simulators.discord.config import MEMBERS, DiscordConfig, Json
from simulators.discord.guild import Guild
from simulators.discord.sessions import Session


class Greeting:
    def __init__(self, guild: Guild) -> None:
        self._guild = guild

    @property
    def _config(self) -> DiscordConfig:
        return self._guild.config

    def ready(self, session: Session, *, url: str, shard: object) -> Json:
        granted = self._guild.granted()
        application = {"id": str(self._config.bot_id), "flags": objects.application_flags(granted)}
        return {
            "v": 10,
            "user_settings": {},
            "user": objects.me_json(self._config),
            "session_type": "normal",
            "session_id": session.id,
            "resume_gateway_url": url,
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "guilds": [{"id": str(self._config.guild_id), "unavailable": True}],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "application": application,
            "_trace": [],
            **({"shard": shard} if shard else {}),
        }

    def guild(self, session: Session) -> Json:
        guild = self._guild
        all_members = bool(session.intents & intents.PRIVILEGED[MEMBERS])
        users = self._users() if all_members else [self._config.bot_id]
        threads = [thread for thread in guild.threads() if not thread.about["archived"]]
        return {
            **objects.guild_json(self._config),
            "joined_at": objects.JOINED,
            "large": False,
            "unavailable": False,
            "member_count": len(guild.people()) + 1,
            "voice_states": [],
            "members": [guild.member_json(user) for user in users],
            "channels": [guild.channel_json(channel) for channel in guild.text_channels()],
            "threads": [guild.channel_json(thread) for thread in threads],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def members(self, asked: Json) -> Json:
        """All members, or those with the ids that were asked for, in one piece."""
        wanted = {str(user) for user in asked.get("user_ids") or []}
        found = [user for user in self._users() if not wanted or str(user) in wanted]
        return {
            "guild_id": str(self._config.guild_id),
            "members": [self._guild.member_json(user) for user in found],
            "chunk_index": 0,
            "chunk_count": 1,
            **({"nonce": asked["nonce"]} if "nonce" in asked else {}),
        }

    def _users(self) -> list[int]:
        return [self._config.bot_id, *(int(person.discord) for person in self._guild.people())]
