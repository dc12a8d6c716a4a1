"""Hands a part to Twilio once, and looks for one that may have been handed over before."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from bot.errors import SendFailed
from bot.ports import Part
from channels.sms.events import NUMBER
from channels.sms.failures import not_sent, refusal, send_failed
from channels.sms.pace import Pace
from channels.sms.rest import CallFailed, Record, Twilio
from channels.sms.segments import segments
from channels.sms.standing import Standing

NEWEST = 100
SKEW = timedelta(minutes=5)
"""Twilio's clock and ours may differ by that much."""
LOOK_BACK = timedelta(minutes=10)
"""How far to look for what another process may have sent, if nobody can say which messages are taken."""
LOOK_BACK_KNOWING = timedelta(hours=24)
REMEMBERED = 10_000

K = TypeVar("K")
V = TypeVar("V")
Key = tuple[str, int]
Taken = Callable[[str, str, int], Awaitable[bool]]
"""Whether a sid is written down as that of another part than the one of this outbox id and number."""


class Posting:
    def __init__(
        self,
        twilio: Twilio,
        *,
        number: str,
        pace: Pace,
        clock: Callable[[], datetime],
        taken: Taken | None,
        sent: Callable[[str, Part], None],
        standing: Standing,
    ) -> None:
        self._twilio = twilio
        self._number = number
        self._pace = pace
        self._clock = clock
        self._taken = taken
        self._sent = sent
        self._standing = standing
        self._tried: dict[Key, datetime] = {}
        self._claimed: dict[str, Key] = {}

    async def send(self, part: Part) -> str:
        if not NUMBER.fullmatch(part.destination):
            raise SendFailed(f"{part.destination!r} is no number to text", kind="final")
        await self._pace.turn(segments(part.text))
        _remember(self._tried, _key(part), self._tried.get(_key(part), self._clock()))
        try:
            sid = await self._twilio.create(
                to=part.destination,
                from_=self._number,
                body=part.text,
                callback=str(part.body.get("status_callback") or ""),
            )
        except CallFailed as error:
            if refused := refusal(error):
                self._standing.set("failing", str(refused))
            raise send_failed(error) from error
        self._standing.heard()
        return self._claim(sid, part)

    async def find(self, part: Part) -> str | None:
        """The oldest message with this text to this number, since it was tried, that is no other part's."""
        try:
            # By no date: whether Twilio's filter shows what still waits to be sent is not written anywhere.
            newest = await self._twilio.messages(to=part.destination, from_=self._number, limit=NEWEST)
        except CallFailed as error:
            raise not_sent(error) from error
        for record in reversed(newest):
            if self._may_be(record, part) and not await self._is_taken(record.sid, part):
                return self._claim(record.sid, part)
        return None

    def _may_be(self, record: Record, part: Part) -> bool:
        return (
            record.body.strip() == part.text.strip()
            and record.at >= self._since(part)
            and self._claimed.get(record.sid, _key(part)) == _key(part)
        )

    def _since(self, part: Part) -> datetime:
        tried = self._tried.get(_key(part))
        if tried is not None:
            return tried - SKEW
        return self._clock() - (LOOK_BACK_KNOWING if self._taken else LOOK_BACK)

    async def _is_taken(self, sid: str, part: Part) -> bool:
        return self._taken is not None and await self._taken(sid, part.outbox_id, part.number)

    def _claim(self, sid: str, part: Part) -> str:
        _remember(self._claimed, sid, _key(part))
        self._sent(sid, part)
        return sid


def _key(part: Part) -> Key:
    return part.outbox_id, part.number


def _remember(known: dict[K, V], key: K, value: V) -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
