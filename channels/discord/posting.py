"""Writes to Discord: sends a part once, looks for one that may have been sent, opens threads and DMs."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bot.errors import SendFailed
from bot.ports import Part
from channels.discord import writing
from channels.discord.destinations import Destination
from channels.discord.failures import NO_THREADS, THREAD_EXISTS, CallFailed, not_sent, send_failed
from channels.discord.rest import Web
from channels.discord.shapes import Json, id_in, items, mapping, string, time_of

NEWEST = "50"
LOOK_BACK = timedelta(days=3)
REMEMBERED = 10_000
ARCHIVE_AFTER = 1_440  # minutes
LONGEST_TITLE = 60
TITLE = "Conversation"

Taken = Callable[[str, str, int], Awaitable[bool]]
"""Whether a provider's id is known as that of another part than the one of this outbox id and number."""

T = TypeVar("T")

log = logging.getLogger(__name__)


async def none_taken(_provider_id: str, _outbox_id: str, _part: int) -> bool:
    return False


class Posting:
    def __init__(self, web: Web, *, taken: Taken = none_taken) -> None:
        """`taken` keeps a doubtful answer from being taken for an older one with the same words."""
        self._web = web
        self._taken = taken
        self.user = ""
        self._dms: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._has_thread: dict[str, bool] = {}  # by the message that the conversation began with
        self._by_nonce: dict[str, str] = {}  # what Discord has told us of our own messages

    # ------------------------------------------------------------ what is known

    def know_title(self, message: str, text: str) -> None:
        """What a conversation that begins with this message may be called."""
        title = " ".join(text.split())[:LONGEST_TITLE].strip()
        _remember(self._titles, message, title or TITLE)

    def know_thread(self, id_: str) -> None:
        _remember(self._has_thread, id_, True)

    def has_thread(self, message: str) -> bool:
        return self._has_thread.get(message, False)

    def know_own(self, message: Json) -> None:
        nonce = string(message, "nonce")
        if nonce:
            _remember(self._by_nonce, nonce, _provider_id(message))

    # ------------------------------------------------------------ sending

    async def send(self, part: Part) -> str:
        channel, reference = await self._target(part.destination)
        body = writing.said(part.text, more={**_own(part), **reference})
        try:
            message = mapping(await self._create(channel, body))
        except CallFailed as error:
            raise send_failed(error) from error
        if not id_in(message, "id"):
            raise SendFailed("the answer names no message", kind="unknown")
        return _provider_id(message) if id_in(message, "channel_id") else f"{channel}:{id_in(message, 'id')}"

    async def _create(self, channel: str, body: Mapping[str, object]) -> Any:
        return await self._web.call("POST", "/channels/{channel_id}/messages", json=body, channel_id=channel)

    async def _target(self, destination: str) -> tuple[str, dict[str, object]]:
        """The channel to write into, and what says that it is a reply."""
        to = Destination.parse(destination)
        if to is None:
            raise SendFailed(f"{destination!r} is no place in Discord", kind="final")
        if to.person:
            return await self._dm(to.person), {}
        if not to.message:
            return to.channel, {}
        if await self._thread(to):
            return to.message, {}
        reference = {"message_id": to.message, "channel_id": to.channel, "fail_if_not_exists": False}
        return to.channel, {"message_reference": reference}

    async def _dm(self, person: str) -> str:
        if person in self._dms:
            return self._dms[person]
        try:
            answer = await self._web.call("POST", "/users/@me/channels", json={"recipient_id": person})
        except CallFailed as error:
            failed = send_failed(error)
            # The message itself has not been sent, so there is no doubt about it.
            raise (failed if failed.kind == "final" else not_sent(error)) from error
        channel = id_in(mapping(answer), "id")
        if not channel:
            raise SendFailed("Discord names no channel for this person", kind="retry")
        _remember(self._dms, person, channel)
        return channel

    async def _thread(self, to: Destination) -> bool:
        """Whether the conversation has a thread of its own now; opens it if it may."""
        if to.message in self._has_thread:
            return self._has_thread[to.message]
        body = {
            "name": self._titles.get(to.message, TITLE),
            "auto_archive_duration": ARCHIVE_AFTER,
        }
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        try:
            await self._web.call("POST", path, json=body, channel_id=to.channel, message_id=to.message)
        except CallFailed as error:
            if error.code != THREAD_EXISTS and error.code not in NO_THREADS:
                failed = send_failed(error)
                raise (failed if failed.kind == "final" else not_sent(error)) from error
            _remember(self._has_thread, to.message, error.code == THREAD_EXISTS)
            if error.code != THREAD_EXISTS:
                log.info("Discord: no thread, so the answer is a reply: %s", error)
        else:
            _remember(self._has_thread, to.message, True)
        return self._has_thread[to.message]

    # ------------------------------------------------------------ looking

    async def find(self, part: Part) -> str | None:
        nonce = str(part.body.get("nonce") or "")
        if nonce in self._by_nonce:
            return self._by_nonce[nonce]
        channel, _ = await self._target(part.destination)
        path = "/channels/{channel_id}/messages"
        try:
            found = await self._web.call("GET", path, params={"limit": NEWEST}, channel_id=channel)
        except CallFailed as error:
            raise not_sent(error) from error
        since = datetime.now(UTC) - LOOK_BACK
        for message in items({"messages": found}, "messages"):
            id_ = _provider_id(message)
            if self._is_it(message, part, since) and not await self._taken(id_, part.outbox_id, part.number):
                return id_
        return None

    def _is_it(self, message: Json, part: Part, since: datetime) -> bool:
        """By the nonce, where Discord still tells it, by the buttons, or by its words."""
        id_ = id_in(message, "id")
        if not id_ or id_in(mapping(message.get("author")), "id") != self.user or time_of(id_) < since:
            return False
        if nonce := string(message, "nonce"):
            return nonce == part.body.get("nonce")
        same_words = string(message, "content").strip() == part.text.strip()
        return same_words and _custom_ids(message) == _custom_ids(part.body)


def _own(part: Part) -> dict[str, object]:
    """What a part brings besides its text; Discord makes one message of two with the same nonce."""
    own: dict[str, object] = dict(part.body)
    return {**own, "enforce_nonce": True} if own.get("nonce") else own


def _custom_ids(message: Mapping[str, object]) -> list[str]:
    rows = items(message, "components")
    return [string(button, "custom_id") for row in rows for button in items(row, "components")]


def _provider_id(message: Json) -> str:
    return f"{id_in(message, 'channel_id')}:{id_in(message, 'id')}"


def _remember(known: dict[str, T], key: str, value: T) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
