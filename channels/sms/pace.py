"""Our number sends so many segments a second; what would have to wait for long is tried again later instead."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bot.errors import SendFailed

LONGEST_WAIT = 10.0  # seconds; a send has a deadline, and waiting is not sending


class Pace:
    """`seconds` for each segment: carriers take one a second from an ordinary US number."""

    def __init__(
        self,
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._free_at = 0.0

    async def turn(self, segments: int) -> None:
        now = self._monotonic()
        wait = max(0.0, self._free_at - now)
        if wait > LONGEST_WAIT:
            raise SendFailed("other texts from our number come first", kind="retry", retry_after=wait)
        self._free_at = max(now, self._free_at) + segments * self._seconds
        if wait:
            await self._sleep(wait)
