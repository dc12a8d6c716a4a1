"""Reads Twilio's list of messages: all there is in `poll` mode, and what no webhook brought us otherwise."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import SaywhenError
from bot.ports import Part, Receive
from channels.sms.events import SID, Inbound, parse
from channels.sms.failures import refusal
from channels.sms.rest import PAGE, CallFailed, Record, Twilio
from channels.sms.standing import Standing
from channels.sms.statuses import FINAL, RANKS, Origin, Ranks, Status, report

MOST = 10 * PAGE
BACK = timedelta(hours=24)
OVERLAP = timedelta(minutes=2)
MARGIN = timedelta(minutes=1)
"""Twilio's times are whole seconds of its own clock, and a message is on its way for some of them."""
LONGEST_PAUSE = 60.0
WATCH_FOR = 600.0  # seconds
LONGEST_GAP = 60.0
MOST_WATCHED = 200
REMEMBERED = 10_000

Since = Callable[[], Awaitable[datetime | None]]
"""When we last heard of anything on this account; None if we never did."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: from one list to the next while people write, when nobody does, and between long looks back."""

    poll: bool
    every: float = 3.0
    idle: float = 15.0
    backfill: float = 3_600.0


class Lists:
    def __init__(
        self,
        twilio: Twilio,
        *,
        number: str,
        rhythm: Rhythm,
        since: Since,
        clock: Callable[[], datetime],
        ranks: Ranks,
        standing: Standing,
    ) -> None:
        self._twilio = twilio
        self._number = number
        self._rhythm = rhythm
        self._since = since
        self._clock = clock
        self._ranks = ranks
        self._standing = standing
        self._watched: dict[str, _Watched] = {}
        self._known: dict[str, None] = {}
        self._pause = rhythm.every

    def know(self, sid: str) -> None:
        """This message is stored; the list need not bring it again."""
        self._known[sid] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def watch(self, sid: str, part: Part) -> None:
        """Ask what becomes of a message that was just sent; somebody may answer it soon, too."""
        if self._rhythm.poll:
            self._watched[sid] = _Watched(Origin.of(part), self._rhythm.every)
            if len(self._watched) > MOST_WATCHED:
                del self._watched[next(iter(self._watched))]
            self._pause = self._rhythm.every

    async def run(self, receive: Receive) -> None:
        """Until cancelled, or until Twilio refuses us for good."""
        floor = (await self._since() or self._clock()) - MARGIN
        newest, long_look, failures = floor, 0.0, 0
        while True:
            long = time.monotonic() >= long_look
            try:
                after = max(floor, self._clock() - BACK if long else newest - OVERLAP)
                newest = max(newest, await self._read(receive, after, floor))
                await self._ask_watched(receive)
            except CallFailed as error:
                if refused := refusal(error):
                    self._standing.set("failing", str(refused))
                    raise refused from error
                failures += 1
                await self._wait_after(failures, error)
            except SaywhenError as error:
                failures += 1
                log.warning("SMS: not stored, will be read again: %s", error)
                await asyncio.sleep(self._growing(failures))
            else:
                failures = 0
                if long:
                    long_look = time.monotonic() + self._rhythm.backfill
                await asyncio.sleep(self._pause if self._rhythm.poll else self._rhythm.backfill)

    # What came in

    async def _read(self, receive: Receive, after: datetime, floor: datetime) -> datetime:
        """Hand in what is new, the oldest first; returns the time of the newest there is.

        Twilio's filter is only sure to know days, and nobody wants an answer to a text of last week: so the
        floor is ours to keep.
        """
        found = await self._twilio.messages(to=self._number, after=after, limit=MOST)
        self._standing.heard()
        self._standing.set("connected")
        if len(found) == MOST:
            log.warning("SMS: more than %d messages since %s; the oldest are not looked at", MOST, after)
        self._pause = min(self._rhythm.idle, self._pause * 1.5)
        for record in reversed(found):
            if record.at >= floor and self._is_new(record):
                await self._hand_in(receive, record)
        return max((record.at for record in found), default=after)

    def _is_new(self, record: Record) -> bool:
        ours = record.recipient == self._number and record.direction == "inbound"
        return ours and SID.fullmatch(record.sid) is not None and record.sid not in self._known

    async def _hand_in(self, receive: Receive, record: Record) -> None:
        for incoming in parse(await self._inbound(record), our=self._number):
            await receive(incoming)
        self.know(record.sid)
        self._pause = self._rhythm.every

    async def _inbound(self, record: Record) -> Inbound:
        media = await self._twilio.media(record.sid) if record.num_media else ()
        raw = {
            "sid": record.sid,
            "from": record.sender,
            "to": record.recipient,
            "body": record.body,
            "date_sent": record.at.isoformat(),
            "media": [{"uri": each.path, "content_type": each.content_type} for each in media],
        }
        return Inbound(
            record.sid, record.sender, record.body, media, raw=json.dumps(raw).encode(), at=record.at
        )

    # What became of what went out

    async def _ask_watched(self, receive: Receive) -> None:
        for sid, watched in list(self._watched.items()):
            if watched.is_due():
                await self._ask(receive, sid, watched)

    async def _ask(self, receive: Receive, sid: str, watched: "_Watched") -> None:
        try:
            record = await self._twilio.message(sid)
        except CallFailed as error:
            if error.status != 404:
                raise
            record = None
        if record is not None:
            await tell(receive, Status(sid, record.status, record.error_code), watched.origin, self._ranks)
        if record is None or RANKS.get(record.status, 0) >= FINAL or watched.is_over():
            self._watched.pop(sid, None)

    # Waiting

    async def _wait_after(self, failures: int, error: CallFailed) -> None:
        pause = max(error.retry_after or 0.0, self._growing(failures))
        log.warning("SMS: %s; trying again in %.0f s", error, pause)
        self._standing.set("failing", str(error))
        await asyncio.sleep(pause)

    def _growing(self, failures: int) -> float:
        return min(LONGEST_PAUSE, self._rhythm.every * 2.0 ** min(failures - 1, 10))


async def tell(receive: Receive, status: Status, of: Origin, ranks: Ranks) -> None:
    """Store a state that is news and that matters; raises if it could not be stored."""
    if not ranks.is_news(status):
        return
    incoming = report(status, of)
    if incoming is not None:
        await receive(incoming)
    ranks.remember(status)


class _Watched:
    """A message that is asked about again and again, at growing intervals, for ten minutes."""

    def __init__(self, origin: Origin, gap: float) -> None:
        now = time.monotonic()
        self.origin = origin
        self._gap = gap
        self._next = now
        self._end = now + WATCH_FOR

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._gap
        self._gap = min(LONGEST_GAP, self._gap * 1.5)
        return True

    def is_over(self) -> bool:
        return time.monotonic() >= self._end
