"""What arrives: each event of the gateway is read in the lane of its channel, and stored until that has succeeded.

Discord neither waits for an acknowledgement nor sends anything twice. What cannot be stored just now is held here
and tried again; should the process die meanwhile, it is fetched from the history at the next start.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from bot.errors import SaywhenError
from bot.events import Incoming, MessageEdited, MessageReceived
from bot.ports import Receive
from channels.discord.client import Client
from channels.discord.contents import Contents
from channels.discord.destinations import Destination
from channels.discord.events import Arrival, Identity, Kind, Reader, kind_of
from channels.discord.failures import CallFailed
from channels.discord.files import Files
from channels.discord.interactive import Interactive, Knows
from channels.discord.lanes import Lanes
from channels.discord.posting import Posting
from channels.discord.presses import parse
from channels.discord.rest import Web
from channels.discord.shapes import Json, id_in, mapping, number

REMEMBERED = 10_000
LONGEST_PAUSE = 30.0
ASK_TRIES = 4

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


class Intake:
    """For the time of one client: who we are is known when the first event arrives."""

    def __init__(
        self,
        web: Web,
        *,
        client: Client,
        lanes: Lanes,
        receive: Receive,
        posting: Posting,
        interactive: Interactive,
        contents: Contents,
        files: Files,
        knows: Knows,
        allow_bots: frozenset[str],
        memory: "Memory",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._web = web
        self._client = client
        self._lanes = lanes
        self._receive = receive
        self._posting = posting
        self._interactive = interactive
        self._contents = contents
        self._files = files
        self._knows = knows
        self._memory = memory
        self._sleep = sleep
        self._allow_bots = allow_bots
        self._reader = Reader(Identity(""))
        self.warning = ""

    @property
    def me(self) -> Identity:
        return self._reader.me

    def know(self, me: Identity) -> None:
        self._reader = Reader(me, self._allow_bots)
        self._posting.user = me.user

    # ------------------------------------------------------------ by kind of event

    def take(self, name: str, data: Json) -> None:
        """Put an event into its lane."""
        channel = id_in(data, "channel_id")
        match name:
            case "INTERACTION_CREATE":
                self._lanes.put(f"interaction {data.get('id')}", lambda: self._interaction(data))
            case "MESSAGE_CREATE" if channel:
                self._lanes.put(channel, lambda: self.message(data))
            case "MESSAGE_UPDATE" if channel:
                self._lanes.put(channel, lambda: self._edit(data))
            case "MESSAGE_DELETE" if channel:
                self._lanes.put(channel, lambda: self._delete(data))
            case "MESSAGE_DELETE_BULK" if channel:
                for id_ in data.get("ids") or ():
                    self.take("MESSAGE_DELETE", {**data, "id": id_})
            case "MESSAGE_REACTION_ADD" if self._is_under_ours(data):
                self._lanes.put(channel, lambda: self._reaction(data))

    def _is_under_ours(self, reaction: Json) -> bool:
        """Whose message it is Discord does not have to say."""
        author = id_in(reaction, "message_author_id")
        return author == self.me.user if author else self._memory.is_own(id_in(reaction, "message_id"))

    async def _interaction(self, data: Json) -> None:
        given = parse(data, me=self.me)
        if given is not None:
            await self._interactive.take(given, me=self.me, receive=self._receive)

    async def message(self, data: Json, *, live: bool = True) -> None:
        kind = await self._kind(data, live=live)
        if id_in(mapping(data.get("author")), "id") == self.me.user:
            self._memory.own(data, self._reader.destination(data, kind))
            self._posting.know_own(data)
            return
        self.warning = self._contents.see(data, kind, me=self.me.user)
        for arrival in self._reader.received(data, kind, raw=_raw(data)):
            await self._store(arrival, kind, data)

    async def _edit(self, data: Json) -> None:
        kind = await self._kind(data)
        for arrival in self._reader.edited(data, kind, raw=_raw(data)):
            await self._store(arrival, kind, data)

    async def _delete(self, data: Json) -> None:
        if self._memory.is_own(id_in(data, "id")):
            return
        kind = await self._kind(data)
        for arrival in self._reader.deleted(data, kind, raw=_raw(data)):
            await self._store(self._placed(arrival, data), kind, data)

    async def _reaction(self, data: Json) -> None:
        kind = await self._kind(data)
        message = id_in(data, "message_id")
        to = self._reader.destination({**data, "id": message}, kind)
        to = self._memory.conversations.get(message, to) if kind == "channel" else to
        for arrival in self._reader.reacted(data, to, raw=_raw(data)):
            await self._store(arrival, kind, {})

    def _placed(self, arrival: Arrival, data: Json) -> Arrival:
        """With the conversation that the message was in, where the event does not tell."""
        to = self._memory.conversations.get(id_in(data, "id"))
        if to is None:
            return arrival
        incoming = replace(arrival.incoming, conversation=to.conversation, destination=str(to))
        return replace(arrival, incoming=incoming)

    # ------------------------------------------------------------ where it belongs

    async def _kind(self, data: Json, *, live: bool = True) -> Kind:
        """What the channel of a message is; only one that Discord has not told us of is asked for."""
        channel = id_in(data, "channel_id")
        if live and "guild_id" not in data:
            return "dm"
        if (told := number(data, "channel_type")) >= 0:
            return kind_of(told)
        known = self._memory.kinds.get(channel) or self._client.kind(channel)
        kind = known or await self._asked_kind(channel)
        self._memory.remember(self._memory.kinds, channel, kind)
        return kind

    async def _asked_kind(self, channel: str) -> Kind:
        for tried in range(1, ASK_TRIES + 1):
            try:
                found = await self._web.call("GET", "/channels/{channel_id}", channel_id=channel)
            except CallFailed as error:
                if error.status in (403, 404):
                    break
                await self._sleep(error.retry_after or 0.5 * tried)
            else:
                return kind_of(number(mapping(found), "type"))
        return "channel"

    async def _is_ours(self, arrival: Arrival, kind: Kind) -> bool:
        account, conversation = arrival.incoming.account, arrival.incoming.conversation
        clear = arrival.addressed or conversation in self._memory.ours
        if not clear and kind == "channel" and isinstance(arrival.incoming.data, MessageReceived):
            return False  # people talk in a channel: nobody has to be asked about that
        if not clear and not await self._knows(account, conversation):
            return False
        self._memory.remember(self._memory.ours, conversation, None)
        return True

    # ------------------------------------------------------------ storing

    async def _store(self, arrival: Arrival, kind: Kind, message: Json) -> None:
        if not await self._is_ours(arrival, kind):
            return
        if kind == "channel" and (to := Destination.parse(arrival.incoming.destination)):
            self._memory.remember(self._memory.conversations, id_in(message, "id"), to)
            if isinstance(arrival.incoming.data, MessageReceived) and to.message == id_in(message, "id"):
                self._posting.know_title(to.message, arrival.incoming.data.blocks[0].text)
        incoming = await self._with_files(arrival.incoming, message, kind)
        failures = 0
        while True:
            try:
                await self._receive(incoming)
            except SaywhenError as error:
                failures += 1
                log.warning("Discord: a message could not be stored, and is held: %s", error)
                await self._sleep(min(LONGEST_PAUSE, 0.25 * 2.0 ** min(failures, 10)))
            else:
                return

    async def _with_files(self, incoming: Incoming, message: Json, kind: Kind) -> Incoming:
        """With what is in them, where it can be had; the channel's lane waits."""
        data = incoming.data
        if not isinstance(data, MessageReceived | MessageEdited):
            return incoming
        shown = await self._files.shown(self._reader.files(message, kind))
        blocks = tuple(shown.get(block.ref, block) for block in data.blocks)
        return replace(incoming, data=data.model_copy(update={"blocks": blocks}))


class Memory:
    """What is known from earlier events; each of it can be asked for or done without."""

    def __init__(self) -> None:
        self.ours: dict[str, None] = {}  # conversations we take part in, the latest last
        self.kinds: dict[str, Kind] = {}
        self.conversations: dict[str, Destination] = {}  # of messages outside of threads and DMs
        self._own: dict[str, None] = {}

    def own(self, message: Json, to: Destination) -> None:
        id_ = id_in(message, "id")
        self.remember(self._own, id_, None)
        asked = id_in(mapping(message.get("message_reference")), "message_id")
        if to.message:
            self.remember(self.conversations, id_, replace(to, message=asked or id_))

    def is_own(self, id_: str) -> bool:
        return id_ in self._own

    def remember(self, known: dict[str, T], key: str, value: T) -> None:
        known.pop(key, None)
        known[key] = value
        if len(known) > REMEMBERED:
            del known[next(iter(known))]


def _raw(payload: Json) -> bytes:
    return json.dumps(payload, default=str).encode()
