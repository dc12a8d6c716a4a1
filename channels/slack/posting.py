"""Writes to Slack: sends a part once, looks for one that may have been sent, shows a status."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.errors import SendFailed
from bot.ports import Part
from channels.slack.failures import not_sent, send_failed
from channels.slack.parts import Destination
from channels.slack.shapes import mapping
from channels.slack.web import CallFailed, Web

STATUS_TIMEOUT = 3.0
NEWEST = 50
LOOK_BACK = 3 * 86_400
PAGES = 5
PER_PAGE = 200

log = logging.getLogger(__name__)


class Posting:
    def __init__(self, web: Web) -> None:
        self._web = web
        self._dms: dict[str, str] = {}

    async def send(self, part: Part) -> str:
        body = {**part.body, "channel": await self._channel_of(part), "text": part.text}
        try:
            answer = await self._web.post("chat.postMessage", body)
        except CallFailed as error:
            raise send_failed(error) from error
        channel, ts = answer.data.get("channel"), answer.data.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str)):
            raise SendFailed("chat.postMessage: the answer names no message", kind="unknown")
        return f"{channel}:{ts}"

    async def find(self, part: Part) -> str | None:
        channel = await self._channel_of(part)
        try:
            async for message in self.recent(channel, Destination.parse(part.destination).thread):
                if isinstance(message.get("ts"), str) and _mark(message) == _mark(part.body):
                    return f"{channel}:{message['ts']}"
        except CallFailed as error:
            raise not_sent(error) from error
        return None

    async def show_status(self, destination: str, text: str) -> None:
        to = Destination.parse(destination)
        if not to.thread:
            return  # Slack shows a status in threads only
        arguments = {"channel_id": to.channel, "thread_ts": to.thread, "status": text}
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                await self._web.post("assistant.threads.setStatus", arguments)
        except (CallFailed, TimeoutError) as error:
            log.debug("Slack: no status: %s", error)

    async def _channel_of(self, part: Part) -> str:
        to = Destination.parse(part.destination)
        if not to.channel:
            raise SendFailed(f"{part.destination!r} is no place in Slack", kind="final")
        return await self.dm_with(to.channel) if to.is_person else to.channel

    async def dm_with(self, user: str) -> str:
        """The channel of the DM with a person, opened if it is not there yet; raises SendFailed."""
        if user not in self._dms:
            self._dms[user] = await self._open_dm(user)
        return self._dms[user]

    async def _open_dm(self, user: str) -> str:
        try:
            answer = await self._web.post("conversations.open", {"users": user})
        except CallFailed as error:
            failed = send_failed(error)
            # The message itself has not been sent, so there is no doubt about it.
            raise (failed if failed.kind == "final" else not_sent(error)) from error
        found = answer.data.get("channel")
        channel = found.get("id") if isinstance(found, Mapping) else None
        if not isinstance(channel, str):
            raise SendFailed("conversations.open: the answer names no channel", kind="retry")
        return channel

    async def recent(self, channel: str, thread: str) -> AsyncIterator[Mapping[str, Any]]:
        """The newest messages of a channel, or those of a thread in the last days (its pages run forward)."""
        arguments: dict[str, object] = {"channel": channel, "include_all_metadata": True}
        if not thread:
            answer = await self._web.get("conversations.history", {**arguments, "limit": NEWEST})
            for message in _messages(answer.data):
                yield message
            return
        arguments |= {"ts": thread, "limit": PER_PAGE, "oldest": f"{time.time() - LOOK_BACK:.6f}"}
        for _ in range(PAGES):
            answer = await self._web.get("conversations.replies", arguments)
            for message in _messages(answer.data):
                yield message
            arguments["cursor"] = _cursor(answer.data)
            if not arguments["cursor"]:
                return


def _mark(message: Mapping[str, Any]) -> tuple[object, ...]:
    """What tells one of our messages from all others; the rest of its metadata Slack may write differently."""
    metadata = mapping(message.get("metadata"))
    payload = mapping(metadata.get("event_payload"))
    return metadata.get("event_type"), payload.get("id"), payload.get("part")


def _messages(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = data.get("messages")
    return [m for m in found if isinstance(m, Mapping)] if isinstance(found, list) else []


def _cursor(data: Mapping[str, Any]) -> str:
    found = data.get("response_metadata")
    return str(found.get("next_cursor") or "") if isinstance(found, Mapping) else ""
