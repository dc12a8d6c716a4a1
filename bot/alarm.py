"""A sleep that others can end early."""

import asyncio


class Alarm:
    """Timers and the outbox sleep on one; a ring while nobody sleeps ends the next sleep at once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    @property
    def ringing(self) -> bool:
        """Will the next sleep end at once?"""
        return self._rung.is_set()

    async def sleep(self, seconds: float) -> bool:
        """Sleep until it rings (True) or the time is over (False)."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        finally:
            self._rung.clear()
        return True
