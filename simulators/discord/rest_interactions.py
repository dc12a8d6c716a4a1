"""REST calls about commands, the answers to interactions, and the messages that follow those."""

from aiohttp import web

from simulators.discord.bodies import read_json, read_outgoing
from simulators.discord.commands import EVERYWHERE, Commands
from simulators.discord.errors import DiscordError
from simulators.discord.guild import Guild
from simulators.discord.interactions import Interactions
from simulators.discord.rest import NO_BODY, Answer, Route


class Calls:
    def __init__(self, guild: Guild, commands: Commands, interactions: Interactions) -> None:
        self._guild = guild
        self._commands = commands
        self._interactions = interactions

    def routes(self) -> list[Route]:
        app = r"/applications/{app:\d+}"
        webhook = r"/webhooks/{app:\d+}/{token}"
        message = webhook + r"/messages/{ref:@original|\d+}"
        callback = r"/interactions/{id:\d+}/{token}/callback"
        return [
            *self._command_routes(f"{app}/commands"),
            *self._command_routes(app + r"/guilds/{guild:\d+}/commands"),
            Route("POST", callback, "callback", self._respond, open=True),
            Route("POST", webhook, "followup", self._follow_up, open=True),
            Route("GET", message, "followup", self._show, open=True),
            Route("PATCH", message, "followup", self._edit, open=True),
            Route("DELETE", message, "followup", self._delete, open=True),
        ]

    def _command_routes(self, path: str) -> list[Route]:
        return [
            Route("GET", path, "command", self._list),
            Route("PUT", path, "command", self._overwrite),
            Route("POST", path, "command", self._add),
            Route("DELETE", path + r"/{command:\d+}", "command", self._remove),
        ]

    # Commands

    async def _list(self, request: web.Request) -> Answer:
        return 200, self._commands.listed(self._scope(request))

    async def _overwrite(self, request: web.Request) -> Answer:
        return 200, self._commands.overwrite(self._scope(request), await read_json(request))

    async def _add(self, request: web.Request) -> Answer:
        return 201, self._commands.add(self._scope(request), await read_json(request))

    async def _remove(self, request: web.Request) -> Answer:
        if not self._commands.remove(self._scope(request), request.match_info["command"]):
            raise DiscordError(10063)
        return 204, NO_BODY

    def _scope(self, request: web.Request) -> int:
        config = self._guild.config
        if request.match_info["app"] != str(config.bot_id):
            raise DiscordError(10002)
        guild = int(request.match_info.get("guild", EVERYWHERE))
        if guild not in (EVERYWHERE, config.guild_id):
            raise DiscordError(50001)
        return guild

    # Answers

    async def _respond(self, request: web.Request) -> Answer:
        given, outgoing = await read_outgoing(request, inside="data")
        path = request.match_info
        answer = self._interactions.respond(path["id"], path["token"], given.get("type"), outgoing)
        wanted = request.query.get("with_response", "").lower() in ("true", "1")
        return (200, answer) if wanted else (204, NO_BODY)

    async def _follow_up(self, request: web.Request) -> Answer:
        _, outgoing = await read_outgoing(request)
        message = self._interactions.follow_up(self._token(request), outgoing)
        return 200, self._guild.full_message_json(message)

    async def _show(self, request: web.Request) -> Answer:
        message = self._interactions.message(self._token(request), request.match_info["ref"])
        return 200, self._guild.full_message_json(message)

    async def _edit(self, request: web.Request) -> Answer:
        token, ref = self._token(request), request.match_info["ref"]
        _, outgoing = await read_outgoing(request)
        return 200, self._guild.full_message_json(self._interactions.edit(token, ref, outgoing))

    async def _delete(self, request: web.Request) -> Answer:
        self._interactions.delete(self._token(request), request.match_info["ref"])
        return 204, NO_BODY

    def _token(self, request: web.Request) -> str:
        if request.match_info["app"] != str(self._guild.config.bot_id):
            raise DiscordError(10015)
        return request.match_info["token"]
