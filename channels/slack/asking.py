"""Carries out a slash command: finds or opens the place for the answer, stores the question, says what became of it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from bot.errors import SaywhenError, SendFailed
from bot.ports import Receive
from channels.slack import commands
from channels.slack.commands import Command, Where
from channels.slack.events import Identity
from channels.slack.posting import Posting
from channels.slack.web import CallFailed, Web

OPEN_WITHIN = 2.0
"""Slack waits three seconds for the answer to a command, and storing needs its part of that."""

log = logging.getLogger(__name__)


class Asking:
    def __init__(self, web: Web, posting: Posting) -> None:
        self._web = web
        self._posting = posting

    async def take(self, payload: Mapping[str, Any], *, me: Identity, receive: Receive) -> dict[str, object]:
        """What Slack shows to whoever used the command; {} for nothing."""
        command = commands.parse(payload, me=me)
        if command is None:
            return {}
        if not command.text:
            return _only_for_them(commands.USAGE)
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                where = await self._where(command)
        except (CallFailed, SendFailed, TimeoutError) as error:
            log.warning("Slack: no place for the answer to a command: %s", error or "no answer in time")
            return _only_for_them(commands.NOT_STORED)
        return await self._store(command, where, me=me, receive=receive)

    async def _store(
        self, command: Command, where: Where, *, me: Identity, receive: Receive
    ) -> dict[str, object]:
        try:
            received = await receive(commands.asked(command, where, me=me))
        except SaywhenError as error:
            log.warning("Slack: a command could not be stored: %s", error)
            await self._take_back(where)
            return _only_for_them(commands.NOT_STORED)
        if not received.thread_id:
            await self._take_back(where)
            return _only_for_them(commands.NOT_TAKEN)
        if where.root:
            return {}
        return _only_for_them(commands.IN_OUR_DM if command.in_channel else commands.echo(command))

    async def _where(self, command: Command) -> Where:
        """In a channel we are in a thread of its own; anywhere else the DM with whoever asks."""
        if command.in_channel:
            try:
                return Where(command.channel, await self._begin(command))
            except CallFailed as error:
                if not error.code:
                    raise
                log.info("Slack: a command is answered in a DM: %s", error)
        return Where(await self._posting.dm_with(command.user))

    async def _begin(self, command: Command) -> str:
        answer = await self._web.post(
            "chat.postMessage",
            {
                "channel": command.channel,
                "text": commands.repeated(command),
                "mrkdwn": False,
                "link_names": False,
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        ts = answer.data.get("ts")
        if not isinstance(ts, str):
            raise CallFailed("chat.postMessage: the answer names no message")
        return ts

    async def _take_back(self, where: Where) -> None:
        if not where.root:
            return
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                await self._web.post("chat.delete", {"channel": where.channel, "ts": where.root})
        except (CallFailed, TimeoutError) as error:
            log.warning(
                "Slack: a question that was not stored stays in view: %s", error or "no answer in time"
            )


def _only_for_them(words: str) -> dict[str, object]:
    return {"response_type": "ephemeral", "text": words}
