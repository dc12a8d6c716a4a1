"""Fetches what was said while nobody listened, from Discord's history, and hands it on like anything that arrives.

After a short break Discord repeats by itself what we missed. After a long one, or a start, a new session begins, and
what came before it only the history knows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from channels.discord.destinations import Destination
from channels.discord.failures import CallFailed
from channels.discord.lanes import Lanes
from channels.discord.rest import Web
from channels.discord.shapes import Json, id_in, is_id, items, number

PER_PAGE = 100
MOST_PAGES = 10
AT_ONCE = 4
"""Discord allows 50 calls a second in all; the answers of the bot have to get through as well."""
TRIES = 5
LONGEST_PAUSE = 30.0
WITH_MESSAGES = frozenset({0, 2, 5, 10, 11, 12, 13})
"""The types of channels in a server that people write into."""

_OVERLAP = 10 * 60 * 1000 << 22  # ten minutes, as a difference of two ids

Places = Callable[[], Awaitable[Sequence[tuple[str, str]]]]
"""The conversations that we know, the latest first: their destination, and the id of the last message we have."""
HandOver = Callable[[Json], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


async def no_places() -> Sequence[tuple[str, str]]:
    return ()


class Backfill:
    """What was missed in one channel comes in its lane, before what arrives there from now on."""

    def __init__(
        self, web: Web, *, places: Places, hand_over: HandOver, sleep: Sleep = asyncio.sleep, most: int = 200
    ) -> None:
        self._web = web
        self._places = places
        self._hand_over = hand_over
        self._sleep = sleep
        self._most = most
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._after: dict[str, str] = {}  # the last message that we have, by channel
        self._heard = 0  # the newest message that we have heard of, anywhere
        self._fetching: set[str] = set()
        self.fetched = 0

    def heard(self, message: Json) -> None:
        if id_ := id_in(message, "id"):
            self._heard = max(self._heard, int(id_))

    async def prepare(self) -> None:
        """Before a new session: find out where to go on."""
        self._fetching.clear()
        self._after = _by_channel((await self._places())[: self._most])
        self._heard = max([self._heard, *map(int, self._after.values())])

    def known(self, lanes: Lanes) -> None:
        """The session stands: look into every conversation that we know."""
        for channel, message in self._after.items():
            self._fetch(lanes, channel, message)

    def guild(self, guild: Json, lanes: Lanes) -> None:
        """A server has come into sight: look into its channels where something is newer than all we have heard of.

        Somebody may have called us where we never were. At the very first start nothing is looked into: it was
        not said to us.
        """
        for channel in (*items(guild, "channels"), *items(guild, "threads")):
            id_, last = id_in(channel, "id"), id_in(channel, "last_message_id")
            after = self._after.get(id_) or self._since()
            if id_ and last and after and number(channel, "type") in WITH_MESSAGES and int(last) > int(after):
                self._fetch(lanes, id_, after)

    def _since(self) -> str:
        """A little before what we heard of last: a crash may have come before that was looked into."""
        return str(max(1, self._heard - _OVERLAP)) if self._heard else ""

    def _fetch(self, lanes: Lanes, channel: str, after: str) -> None:
        if channel not in self._fetching:
            self._fetching.add(channel)
            lanes.put(channel, lambda: self._fetch_all(channel, after))

    async def _fetch_all(self, channel: str, after: str) -> None:
        for _ in range(MOST_PAGES):
            page = await self._page(channel, after)
            for message in page:
                await self._hand_over(message)
            self.fetched += len(page)
            if len(page) < PER_PAGE:
                return
            after = id_in(page[-1], "id")
        log.warning("Discord: more than %d messages were missed in one channel", MOST_PAGES * PER_PAGE)

    async def _page(self, channel: str, after: str) -> list[Json]:
        """The messages that follow, the oldest first; none where we may not look."""
        for tried in range(1, TRIES + 1):
            try:
                async with self._slots:
                    found = await self._web.call(
                        "GET",
                        "/channels/{channel_id}/messages",
                        params={"after": after, "limit": str(PER_PAGE)},
                        channel_id=channel,
                    )
            except CallFailed as error:
                if error.status in (403, 404):
                    return []
                log.warning("Discord: what was missed could not be fetched (try %d): %s", tried, error)
                await self._sleep(min(LONGEST_PAUSE, error.retry_after or 2.0**tried))
            else:
                page = [each for each in items({"page": found}, "page") if id_in(each, "id")]
                return sorted(page, key=lambda each: int(id_in(each, "id")))
        log.error("Discord: what was missed in one channel stays missed until the next start")
        return []


def _by_channel(places: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The message to go on after, in the channels that are a conversation each: DMs and threads."""
    found: dict[str, str] = {}
    for destination, message in places:
        to = Destination.parse(destination)
        if to is not None and to.conversation and is_id(message):
            found.setdefault(to.conversation, message)
    return found
