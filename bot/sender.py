"""Sends one part of a message: paced, with a deadline, and looked for first if it may have arrived."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from bot.delivery import Attempt, OutboxPolicy, Trouble
from bot.errors import SaywhenError, SendFailed
from bot.events import Outgoing
from bot.ports import Channel, OutboxRow, Part
from bot.queues import Place, place_of
from bot.supervise import in_words

Account = tuple[str, str]
"""Channel and account: a message belongs to one account of one provider."""

MOST_REMEMBERED = 1000
CONNECTING_POLL = 0.5  # seconds

log = structlog.get_logger(__name__)


def account_of(row: OutboxRow) -> Account:
    return row.outgoing.channel, row.outgoing.account


class Sender:
    """Tries parts, and says in one word of three what came of it: sent, not sent, or unknown."""

    def __init__(
        self,
        channels: Mapping[Account, Channel],
        *,
        policy: OutboxPolicy,
        stopping: Callable[[], bool],
        redact: Callable[[str], str],
        crashpoint: Callable[[str], None],
        spoken: Callable[[Outgoing], Outgoing] = lambda message: message,
    ) -> None:
        """`spoken` fills in what is never stored: the code and the handle that answer a request."""
        self._channels = channels
        self._policy = policy
        self._stopping = stopping
        self._redact = redact
        self._crashpoint = crashpoint
        self._spoken = spoken
        self._slots: dict[Account, asyncio.Semaphore] = {}
        self._due_by_now: dict[Place, float] = {}
        self.without_channel: set[Account] = set()

    async def send_next(self, row: OutboxRow, *, doubt: bool) -> tuple[Attempt, str | Trouble] | None:
        """Try the next part of a message: its provider's id, or what went wrong. None: stopping, not tried.

        `doubt` says that the part may have been sent before. Until it has been looked for, that stays so.
        """
        attempt = Attempt(row, row.parts_sent + 1, row.parts_sent + 1)
        blind = False
        try:
            channel = await self._channel(row)
            if channel is None:
                return None
            blind = bool(getattr(channel, "blind", False))
            parts = channel.render(row.id, self._spoken(row.outgoing))
            if row.parts_sent >= len(parts):
                return _nothing_left(attempt)
            attempt = replace(attempt, count=len(parts))
            part = parts[row.parts_sent]
            await self._pace(channel, row)
            async with self._slots.setdefault(account_of(row), asyncio.Semaphore(self._policy.at_once)):
                if self._stopping():
                    return None
                if doubt and (found := await self._find(channel, part)) is not None:
                    return attempt, found
                doubt = doubt and blind
                return attempt, await self._send(channel, part, row)
        except SendFailed as error:
            trouble = Trouble(
                error.kind, self._words(error), error.retry_after, unreachable=error.unreachable
            )
        except TimeoutError:
            trouble = Trouble("unknown", f"no answer within {self._deadline:g} seconds")
        except SaywhenError as error:
            trouble = Trouble("retry", self._words(error))
        except Exception as error:  # `deliver`, one of the three outer places (STYLE.md)
            log.warning(
                "an error of our own", outbox_id=row.id, thread_id=row.thread_id, error=self._words(error)
            )
            log.debug("trace of the error", outbox_id=row.id, exc_info=error)
            trouble = Trouble("unknown", f"an error of our own: {self._words(error)}", ours=True)
        if blind and row.unsure and trouble.kind == "unknown":
            why = f"{trouble.why}; it was sent twice, so it may have arrived"
            trouble = replace(trouble, kind="final", why=why)
        return attempt, replace(trouble, kind="unknown") if doubt and trouble.kind == "retry" else trouble

    @property
    def _deadline(self) -> float:
        return self._policy.deadline.total_seconds()

    def _words(self, error: Exception) -> str:
        return in_words(error, self._redact)

    async def _channel(self, row: OutboxRow) -> Channel | None:
        """The channel of a message's account; None: stopping. Right after a start an account is not known yet."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._policy.connecting.total_seconds()
        while (channel := self._channels.get(account_of(row))) is None:
            if self._stopping():
                return None
            if (row.outgoing.channel, "") not in self._channels or loop.time() >= end:
                break
            await asyncio.sleep(CONNECTING_POLL)
        if channel is None:
            self.without_channel.add(account_of(row))
            wait = self._policy.without_channel.total_seconds()
            raise SendFailed(f"{' '.join(account_of(row))} is not on", kind="retry", retry_after=wait)
        self.without_channel.discard(account_of(row))
        return channel

    async def _pace(self, channel: Channel, row: OutboxRow) -> None:
        """Wait until this destination may be written to again; the other destinations do not wait with it.

        A channel may allow a few messages at once; on average they are `seconds_between_sends` apart.
        """
        gap, burst = _pace_of(channel)
        due = self._due_by_now.get(place_of(row))
        if gap and due is not None:
            await asyncio.sleep(due - (burst - 1) * gap - asyncio.get_running_loop().time())

    async def _find(self, channel: Channel, part: Part) -> str | None:
        async with asyncio.timeout(self._deadline):
            return await channel.find(part)

    async def _send(self, channel: Channel, part: Part, row: OutboxRow) -> str:
        self._remember(place_of(row), gap=_pace_of(channel)[0])
        self._crashpoint("send.before")
        async with asyncio.timeout(self._deadline):
            provider_id = await channel.send(part)
        self._crashpoint("send.after")
        return provider_id

    def _remember(self, place: Place, *, gap: float) -> None:
        if not gap:
            return
        now = asyncio.get_running_loop().time()
        if len(self._due_by_now) >= MOST_REMEMBERED:
            self._due_by_now = {each: due for each, due in self._due_by_now.items() if due > now}
        self._due_by_now[place] = max(now, self._due_by_now.get(place, now)) + gap


def _pace_of(channel: Channel) -> tuple[float, int]:
    """The seconds between two messages to one destination, and how many may come at once."""
    return getattr(channel, "seconds_between_sends", 0.0), getattr(channel, "sends_at_once", 1)


def _nothing_left(attempt: Attempt) -> tuple[Attempt, str | Trouble]:
    """Rendered anew, the message has no such part: it is empty, or another version sent it in more parts."""
    done = attempt.row.parts_sent
    if done == 0:
        return attempt, Trouble("final", "there is nothing in it to send")
    return replace(attempt, number=done, count=done), ""
