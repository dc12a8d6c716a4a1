"""What arrives, by socket, by HTTP or from the history: read, judged whether it is ours, and stored."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bot.errors import NoSuchThread, Overloaded
from bot.events import Incoming
from bot.ports import Receive, Received
from channels.slack.assistant import Assistant
from channels.slack.events import Arrival, Identity, parse
from channels.slack.fetching import Fetching
from channels.slack.files import with_contents
from channels.slack.order import Order
from channels.slack.reactions import Reaction, Reactions, reaction_in

ACK_WITHIN = 3.0
"""Slack waits that long for an answer."""
REMEMBERED = 10_000

Knows = Callable[[str, str], Awaitable[bool]]
"""Whether a conversation of an account has a thread already."""

log = logging.getLogger(__name__)


class Intake:
    """Answers only once what came is on disk; raises what kept it from being stored."""

    def __init__(
        self,
        fetching: Fetching,
        reactions: Reactions,
        assistant: Assistant,
        *,
        knows: Knows,
        allow_bots: frozenset[str],
        at_once: int,
        missed: Callable[[], None],
    ) -> None:
        """`missed` is called when Slack says that it has left events out."""
        self.me: Identity | None = None
        self._fetching = fetching
        self._reactions = reactions
        self._assistant = assistant
        self._order = Order()
        self._knows = knows
        self._allow_bots = allow_bots
        self._missed = missed
        self._slots = asyncio.Semaphore(at_once)
        self._ours: dict[str, None] = {}  # conversations we take part in, the latest last

    async def take(self, payload: Mapping[str, Any], receive: Receive) -> list[tuple[Incoming, Received]]:
        """Store what is ours of an Events API payload; what that became."""
        assert self.me is not None
        if payload.get("type") == "app_rate_limited":
            log.warning("Slack: more than 30,000 events in an hour; it leaves some out (app_rate_limited)")
            self._missed()
        self._assistant.heard(payload)
        stored = []
        async with self._slot():
            if (reaction := reaction_in(payload, me=self.me)) is not None:
                return await self._rated(reaction, payload, receive)
            for arrival in parse(payload, me=self.me, raw=_raw(payload), allow_bots=self._allow_bots):
                if await self._is_ours(arrival):
                    stored.append(await self._complete(arrival, receive))
        return stored

    async def _rated(
        self, reaction: Reaction, payload: Mapping[str, Any], receive: Receive
    ) -> list[tuple[Incoming, Received]]:
        assert self.me is not None
        incoming = await self._reactions.feedback(reaction, me=self.me, raw=_raw(payload))
        if incoming is None:
            return []
        try:
            return [(incoming, await receive(incoming))]
        except NoSuchThread:
            log.info("Slack: a reaction to a message of another database is left out")
            return []

    async def _complete(self, arrival: Arrival, receive: Receive) -> tuple[Incoming, Received]:
        """Store a message with its files; what comes after it in its conversation is stored after it."""
        incoming = arrival.incoming
        wanted = any(file.wanted for file in arrival.files)
        async with self._order.place(incoming.conversation, slow=wanted) as turn:
            if wanted:
                found = await self._fetching.fetch(arrival.files)
                incoming = with_contents(incoming, arrival.files, found)
            await turn()
            received = await receive(incoming)
        self._assistant.stored(arrival, received)
        return incoming, received

    async def store(self, incoming: Incoming, receive: Receive) -> Received:
        """Store an input that is ours in any case."""
        async with self._slot():
            return await receive(incoming)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Only so many are stored at once; Overloaded for one that would wait too long."""
        try:
            async with asyncio.timeout(ACK_WITHIN):
                await self._slots.acquire()
        except TimeoutError:
            raise Overloaded from None
        try:
            yield
        finally:
            self._slots.release()

    async def _is_ours(self, arrival: Arrival) -> bool:
        """Decided without waiting where it is clear, so that the messages of a thread keep their order.

        Remembered before it is stored: a reply may arrive while the mention that opens its thread is on the
        way to the disk, or waits for Slack to send it again.
        """
        account, conversation = arrival.incoming.account, arrival.incoming.conversation
        clear = arrival.addressed or conversation in self._ours
        if not clear and not await self._knows(account, conversation):
            return False
        self._ours.pop(conversation, None)
        self._ours[conversation] = None
        if len(self._ours) > REMEMBERED:
            del self._ours[next(iter(self._ours))]
        return True


def _raw(payload: Mapping[str, Any]) -> bytes:
    """The payload as it came, but for Slack's verification token, which is a secret."""
    return json.dumps({key: value for key, value in payload.items() if key != "token"}).encode()
