"""REST calls about who and where: the bot itself, its application, users, the server, channels, threads."""

from collections.abc import Callable

from aiohttp import web

from simulators.discord import objects
from simulators.discord.bodies import read_json
from simulators.discord.config import DiscordConfig
from simulators.discord.errors import DiscordError, required
from simulators.discord.guild import THREADS, VIEW, Guild
from simulators.discord.rest import NO_BODY, Answer, Route
from simulators.discord.state import Channel, Message
from simulators.discord.threads import Threads


class Places:
    def __init__(
        self,
        guild: Guild,
        threads: Threads,
        *,
        gateway_url: Callable[[], str],
        identifies_left: Callable[[], int],
    ) -> None:
        self._guild = guild
        self._threads = threads
        self._gateway_url = gateway_url
        self._identifies_left = identifies_left

    @property
    def _config(self) -> DiscordConfig:
        return self._guild.config

    def routes(self) -> list[Route]:
        channel, guild = r"/channels/{channel:\d+}", r"/guilds/{guild:\d+}"
        return [
            Route("GET", "/gateway", "read", self._gateway, open=True),
            Route("GET", "/gateway/bot", "read", self._gateway_bot),
            Route("GET", "/users/@me", "read", self._me),
            Route("GET", "/users/@me/guilds", "read", self._my_guilds),
            Route("POST", "/users/@me/channels", "dm", self._open_dm),
            Route("GET", r"/users/{user:\d+}", "read", self._user),
            Route("GET", "/oauth2/applications/@me", "read", self._application),
            Route("GET", "/applications/@me", "read", self._application),
            Route("GET", guild, "read", self._show_guild),
            Route("GET", f"{guild}/channels", "read", self._channels),
            Route("GET", f"{guild}/threads/active", "read", self._active_threads),
            Route("GET", f"{guild}/members", "read", self._members),
            Route("GET", guild + r"/members/{user:\d+}", "read", self._member),
            Route("GET", channel, "read", self._show_channel),
            Route("PATCH", channel, "thread", self._change_thread),
            Route("POST", f"{channel}/threads", "thread", self._start_thread),
            Route("POST", channel + r"/messages/{message:\d+}/threads", "thread", self._start_from_message),
            Route("PUT", f"{channel}/thread-members/@me", "thread", self._join),
            Route("DELETE", f"{channel}/thread-members/@me", "thread", self._leave),
            Route("GET", f"{channel}/thread-members", "read", self._thread_members),
        ]

    # The bot and its application

    async def _gateway(self, _request: web.Request) -> Answer:
        return 200, {"url": self._gateway_url()}

    async def _gateway_bot(self, _request: web.Request) -> Answer:
        limit = self._config.limits.identify
        start = {
            "total": limit.requests,
            "remaining": self._identifies_left(),
            "reset_after": int(limit.seconds * 1_000),
            "max_concurrency": 1,
        }
        return 200, {"url": self._gateway_url(), "shards": 1, "session_start_limit": start}

    async def _me(self, _request: web.Request) -> Answer:
        return 200, objects.me_json(self._config)

    async def _application(self, _request: web.Request) -> Answer:
        return 200, objects.application_json(self._config, self._guild.granted())

    # Users

    async def _user(self, request: web.Request) -> Answer:
        return 200, self._guild.user_json(self._user_id(request.match_info["user"]))

    async def _open_dm(self, request: web.Request) -> Answer:
        recipient = (await read_json(request)).get("recipient_id")
        if not recipient:
            raise required("recipient_id")
        if str(recipient) == str(self._config.bot_id):
            raise DiscordError(50007)
        person = self._guild.person_with(int(recipient))
        if person is None:
            raise DiscordError(10013, status=400)
        return 200, self._guild.channel_json(self._guild.dm_with(int(person.discord)))

    def _user_id(self, text: str) -> int:
        if not self._guild.exists(int(text)):
            raise DiscordError(10013)
        return int(text)

    # The server

    async def _my_guilds(self, _request: web.Request) -> Answer:
        guild = objects.guild_json(self._config)
        names = ("id", "name", "icon", "banner", "features")
        more = {"owner": False, "permissions": objects.PERMISSIONS}
        return 200, [{**{name: guild[name] for name in names}, **more}]

    async def _show_guild(self, request: web.Request) -> Answer:
        self._check_guild(request)
        return 200, objects.guild_json(self._config)

    async def _channels(self, request: web.Request) -> Answer:
        self._check_guild(request)
        return 200, [self._guild.channel_json(channel) for channel in self._guild.text_channels()]

    async def _active_threads(self, request: web.Request) -> Answer:
        self._check_guild(request)
        active = [thread for thread in self._guild.threads() if not thread.about["archived"]]
        bot = self._config.bot_id
        joined = [thread for thread in active if bot in thread.about["members"]]
        return 200, {
            "threads": [self._guild.channel_json(thread) for thread in active],
            "members": [objects.thread_member_json(thread, bot) for thread in joined],
        }

    async def _members(self, request: web.Request) -> Answer:
        self._check_guild(request)
        users = [self._config.bot_id, *(int(person.discord) for person in self._guild.people())]
        return 200, [self._guild.member_json(user) for user in sorted(users)]

    async def _member(self, request: web.Request) -> Answer:
        self._check_guild(request)
        return 200, self._guild.member_json(self._user_id(request.match_info["user"]))

    def _check_guild(self, request: web.Request) -> None:
        if request.match_info["guild"] != str(self._config.guild_id):
            raise DiscordError(10004)

    # Channels and threads

    async def _show_channel(self, request: web.Request) -> Answer:
        return 200, self._guild.channel_json(visible_channel(self._guild, request))

    async def _change_thread(self, request: web.Request) -> Answer:
        return 200, self._guild.channel_json(
            self._threads.change(self._thread(request), await read_json(request))
        )

    async def _start_thread(self, request: web.Request) -> Answer:
        channel = self._channel_for_threads(request)
        thread = self._threads.start(channel, self._config.bot_id, await read_json(request))
        return 201, self._guild.channel_json(thread)

    async def _start_from_message(self, request: web.Request) -> Answer:
        channel = self._channel_for_threads(request)
        message = message_in(self._guild, channel, request.match_info["message"])
        thread = self._threads.start_from(message, self._config.bot_id, await read_json(request))
        return 201, self._guild.channel_json(thread)

    async def _join(self, request: web.Request) -> Answer:
        self._threads.join(self._thread(request), self._config.bot_id)
        return 204, NO_BODY

    async def _leave(self, request: web.Request) -> Answer:
        self._threads.leave(self._thread(request), self._config.bot_id)
        return 204, NO_BODY

    async def _thread_members(self, request: web.Request) -> Answer:
        thread = self._thread(request)
        return 200, [objects.thread_member_json(thread, user) for user in thread.about["members"]]

    def _thread(self, request: web.Request) -> Channel:
        channel = visible_channel(self._guild, request)
        if channel.kind != "thread":
            raise DiscordError(50024)
        return channel

    def _channel_for_threads(self, request: web.Request) -> Channel:
        channel = visible_channel(self._guild, request)
        if THREADS in self._guild.denied(channel):
            raise DiscordError(50013)
        return channel


def visible_channel(guild: Guild, request: web.Request) -> Channel:
    """The channel of the path, if there is one and the bot may see it."""
    channel = guild.channel(int(request.match_info["channel"]))
    if channel is None:
        raise DiscordError(10003)
    if VIEW in guild.denied(channel):
        raise DiscordError(50001)
    return channel


def message_in(guild: Guild, channel: Channel, id_: str) -> Message:
    """A message that is still there, for everybody to see."""
    message = guild.state.message(int(id_))
    if message is None or message.deleted or message.channel != channel.id or guild.is_ephemeral(message):
        raise DiscordError(10008)
    return message
