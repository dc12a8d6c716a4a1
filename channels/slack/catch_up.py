"""Fetches what was said while nobody listened, from Slack's history, and hands it on like anything that arrives.

Slack repeats an event three times within about five minutes; after a longer gap only the history knows. What comes
from there may be stored after what arrives meanwhile. What was deleted meanwhile the history does not tell, and no
mention is looked for in channels where we have no thread, or in an old thread that we know nothing of.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SaywhenError
from bot.events import Incoming
from bot.ports import Received
from channels.slack.parts import Destination
from channels.slack.shapes import TS, Json, items, mapping, string, ts_in
from channels.slack.web import CallFailed, Web

PER_PAGE = 200
MOST_PAGES = 10
MOST_CALLS = 500
CALLS_A_MINUTE = 40
"""Slack allows 50 of each method; requests that somebody wants to answer are fetched by the same ones."""
TRIES = 5
LONGEST_PAUSE = 120.0
OVERLAP = 600.0
"""Seconds before the last message we have: what came then may have been on its way when we stopped."""
A_DAY = 86_400.0
NOT_FOR_US = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "missing_scope",
        "not_in_channel",
        "thread_not_found",
        "no_permission",
    }
)

Places = Callable[[], Awaitable[Sequence[tuple[str, str]]]]
"""The conversations that we know, the latest first: their destination, and the ts of the last message we have."""
HandOver = Callable[[Mapping[str, Any]], Awaitable[list[tuple[Incoming, Received]]]]
Sleep = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


async def no_places() -> Sequence[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True)
class Look:
    """Into a channel, or a thread of it, for what came after a ts."""

    channel: str
    after: str
    root: str = ""


class CatchUp:
    """One at a time; what is asked for while it runs is done after it."""

    def __init__(
        self,
        web: Web,
        *,
        places: Places,
        most_calls: int = MOST_CALLS,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._places = places
        self._most_calls = most_calls
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace(CALLS_A_MINUTE, sleep=sleep, monotonic=monotonic)
        self._running = False
        self._again = False
        self.found = 0
        """Messages that had been missed."""

    async def run(self, hand_over: HandOver) -> None:
        if self._running:
            self._again = True
            return
        self._running = self._again = True
        try:
            while self._again:
                self._again = False
                await self._once(hand_over)
        finally:
            self._running = False

    async def _once(self, hand_over: HandOver) -> None:
        looks = deque(plan(await self._places(), now=self._clock()))
        known = {(look.channel, look.root) for look in looks}
        before, calls, looked = self.found, self._pace.calls, 0
        while looks and self._pace.calls - calls < self._most_calls:
            begun = await self._look(looks.popleft(), hand_over)
            looks.extend(look for look in begun if (look.channel, look.root) not in known)
            looked += 1
        if looks:
            log.warning("Slack: %d conversations were not looked into", len(looks))
        if looked:
            news = self.found - before
            log.info("Slack: looked into %d conversations; %d messages had been missed", looked, news)

    async def _look(self, look: Look, hand_over: HandOver) -> list[Look]:
        """Hand over what is there; where to look next: in the threads below it."""
        begun = []
        for message in await self._messages(look):
            await self._hand_over(look.channel, message, hand_over)
            if not look.root and ts_in(message, "latest_reply") > look.after:
                ts = ts_in(message, "ts")
                begun.append(Look(look.channel, max(ts, look.after), ts))
        return begun

    async def _hand_over(self, channel: str, message: Json, hand_over: HandOver) -> None:
        """A changed one as it is now, and the change: once told, another look can not make it news."""
        stored = await self._stored({**message, "type": "message"}, channel, hand_over)
        self.found += sum(not received.duplicate for _, received in stored)
        if stored and mapping(message.get("edited")):
            changed = {"type": "message", "subtype": "message_changed", "message": message}
            await self._stored(changed, channel, hand_over)

    async def _stored(
        self, event: Json, channel: str, hand_over: HandOver
    ) -> list[tuple[Incoming, Received]]:
        """Until it is stored: nobody will send it again."""
        payload = {"type": "event_callback", "event": {**event, "channel": channel}}
        failures = 0
        while True:
            try:
                return await hand_over(payload)
            except SaywhenError as error:
                failures += 1
                log.warning("Slack: what was missed could not be stored, and is held: %s", error)
                await self._sleep(min(30.0, 0.25 * 2.0 ** min(failures, 10)))

    # ------------------------------------------------------------ what Slack has

    async def _messages(self, look: Look) -> list[Json]:
        """The messages of a channel or thread, the oldest first."""
        found = [message async for page in self._pages(look) for message in page if ts_in(message, "ts")]
        return sorted(found, key=lambda message: float(ts_in(message, "ts")))

    async def _pages(self, look: Look) -> AsyncIterator[list[Json]]:
        method = "conversations.replies" if look.root else "conversations.history"
        arguments: dict[str, object] = {"channel": look.channel, "oldest": look.after, "limit": PER_PAGE}
        if look.root:
            arguments["ts"] = look.root
        for _ in range(MOST_PAGES):
            data = await self._page(method, arguments)
            yield items(data, "messages")
            arguments["cursor"] = string(mapping(data.get("response_metadata")), "next_cursor")
            if not arguments["cursor"]:
                return
        log.warning("Slack: more than %d messages were missed in one place", MOST_PAGES * PER_PAGE)

    async def _page(self, method: str, arguments: Mapping[str, object]) -> Json:
        """One page; an empty one where we may not look, or where Slack does not answer."""
        for tried in range(1, TRIES + 1):
            await self._pace.turn()
            try:
                return (await self._web.get(method, arguments)).data
            except CallFailed as error:
                if error.code in NOT_FOR_US:
                    return {}
                log.warning("Slack: what was missed could not be fetched (try %d): %s", tried, error)
                await self._sleep(min(LONGEST_PAUSE, error.retry_after or 2.0**tried))
        log.error("Slack: what was missed in one place stays missed until the next start")
        return {}


class Pace:
    """So many calls in a minute, and no more."""

    def __init__(self, calls: int, *, sleep: Sleep, monotonic: Callable[[], float]) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._last: deque[float] = deque(maxlen=calls)
        self.calls = 0

    async def turn(self) -> None:
        if len(self._last) == self._last.maxlen:
            pause = self._last[0] + 60.0 - self._monotonic()
            if pause > 0:
                await self._sleep(pause)
        self._last.append(self._monotonic())
        self.calls += 1


# ---------------------------------------------------------------- where to look


def plan(places: Iterable[tuple[str, str]], *, now: float) -> list[Look]:
    """DMs first, then threads, then the channels they are in, where somebody may have called us meanwhile."""
    known = [(Destination.parse(place), ts if TS.fullmatch(ts) else "") for place, ts in places]
    known = [(to, ts) for to, ts in known if to.channel and not to.is_person]
    newest = max((ts for _, ts in known if ts), key=float, default="")
    dms = {to.channel: ts for to, ts in reversed(known) if not to.thread}
    threads = {(to.channel, to.thread): ts for to, ts in reversed(known) if to.thread}
    channels = dict.fromkeys(channel for channel, _ in reversed(threads) if channel not in dms)
    return [
        *(Look(channel, _before(ts, now)) for channel, ts in reversed(dms.items())),
        *(Look(channel, _before(ts, now), root) for (channel, root), ts in reversed(threads.items())),
        *(Look(channel, _before(newest, now)) for channel in channels),
    ]


def _before(ts: str, now: float) -> str:
    """A little before a ts; a day ago if there is none."""
    seconds = float(ts) - OVERLAP if ts else now - A_DAY
    return f"{max(0.0, seconds):.6f}"
