"""REST calls about messages: send, read, edit, delete, react, and the sign that somebody is typing."""

from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web

from simulators.discord.bodies import read_outgoing
from simulators.discord.errors import DiscordError, invalid
from simulators.discord.guild import ATTACH, HISTORY, REACT, SEND, Guild
from simulators.discord.posting import Posting
from simulators.discord.rest import NO_BODY, Answer, Route
from simulators.discord.rest_places import message_in, visible_channel
from simulators.discord.state import Channel, Message

MOST_LISTED, USUALLY_LISTED = 100, 50


class Messages:
    def __init__(self, guild: Guild, posting: Posting, *, note_typing: Callable[[Channel], None]) -> None:
        self._guild = guild
        self._posting = posting
        self._note_typing = note_typing

    def routes(self) -> list[Route]:
        channel = r"/channels/{channel:\d+}"
        messages, message = f"{channel}/messages", channel + r"/messages/{message:\d+}"
        reaction = message + "/reactions/{emoji}"
        return [
            Route("POST", f"{channel}/typing", "typing", self._typing),
            Route("POST", messages, "send", self._send),
            Route("GET", messages, "history", self._history),
            Route("GET", message, "history", self._show),
            Route("PATCH", message, "edit", self._edit),
            Route("DELETE", message, "delete", self._delete),
            Route("PUT", f"{reaction}/@me", "react", self._react),
            Route("DELETE", f"{reaction}/@me", "react", self._unreact),
            Route("GET", reaction, "read", self._who_reacted),
        ]

    async def _send(self, request: web.Request) -> Answer:
        channel = visible_channel(self._guild, request)
        _, outgoing = await read_outgoing(request)
        denied = self._guild.denied(channel)
        if SEND in denied or (outgoing.files and ATTACH in denied):
            raise DiscordError(50013)
        if channel.kind == "dm" and not self._guild.takes_dms(channel.owner):
            raise DiscordError(50007)
        message = self._posting.send(channel, outgoing)
        nonce = {"nonce": message.nonce} if message.nonce else {}
        return 200, {**self._guild.message_json(message), **nonce}

    async def _typing(self, request: web.Request) -> Answer:
        channel = visible_channel(self._guild, request)
        if SEND in self._guild.denied(channel):
            raise DiscordError(50013)
        self._note_typing(channel)
        return 204, NO_BODY

    # Reading

    async def _history(self, request: web.Request) -> Answer:
        channel = self._readable_channel(request)
        limit = _limit(request)
        after, before, around = (_id(request, name) for name in ("after", "before", "around"))
        read = self._guild.state.messages_in
        if around is not None:
            older = read(channel.id, before=around + 1, most=limit // 2 + 1)
            newer = read(channel.id, after=around, most=limit // 2, newest=False)
            found = [*reversed(newer), *older][:limit]
        elif after is not None:
            found = list(reversed(read(channel.id, after=after, most=limit, newest=False)))
        else:
            found = read(channel.id, before=before or 1 << 62, most=limit)
        return 200, [self._guild.message_json(message) for message in found]

    async def _show(self, request: web.Request) -> Answer:
        message = message_in(self._guild, self._readable_channel(request), request.match_info["message"])
        return 200, self._guild.message_json(message)

    def _readable_channel(self, request: web.Request) -> Channel:
        channel = visible_channel(self._guild, request)
        if HISTORY in self._guild.denied(channel):
            raise DiscordError(50013)
        return channel

    # Changing

    async def _edit(self, request: web.Request) -> Answer:
        message = self._message(request)
        _, outgoing = await read_outgoing(request)
        edited = self._posting.edit(message, outgoing, editor=self._guild.config.bot_id)
        return 200, self._guild.message_json(edited)

    async def _delete(self, request: web.Request) -> Answer:
        message = self._message(request)
        channel = self._guild.channel(message.channel)
        if message.author != self._guild.config.bot_id and channel and channel.kind == "dm":
            raise DiscordError(50003)
        self._posting.delete(message)
        return 204, NO_BODY

    async def _react(self, request: web.Request) -> Answer:
        return self._change_reaction(request, add=True)

    async def _unreact(self, request: web.Request) -> Answer:
        return self._change_reaction(request, add=False)

    def _change_reaction(self, request: web.Request, *, add: bool) -> Answer:
        message = self._message(request)
        channel = self._guild.channel(message.channel)
        if channel and REACT in self._guild.denied(channel):
            raise DiscordError(50013)
        emoji = unquote(request.match_info["emoji"])
        if emoji.isascii() and ":" not in emoji:
            raise DiscordError(10014)
        self._posting.react(message, self._guild.config.bot_id, emoji, add=add)
        return 204, NO_BODY

    async def _who_reacted(self, request: web.Request) -> Answer:
        reactions = self._message(request).extra.get("reactions", {})
        users = reactions.get(unquote(request.match_info["emoji"]), [])
        return 200, [self._guild.user_json(user) for user in users]

    def _message(self, request: web.Request) -> Message:
        return message_in(self._guild, visible_channel(self._guild, request), request.match_info["message"])


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(USUALLY_LISTED))
    if not text.isdigit():
        raise invalid("limit", "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    if int(text) > MOST_LISTED:
        raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
    if int(text) < 1:
        raise invalid("limit", "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")
    return int(text)


def _id(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return int(text)
