"""How often we may IDENTIFY, and how long we wait before we do. Pure.

Discord allows 1,000 in 24 hours and resets the bot's token when there are more. A session that can be resumed costs
none; a process that crashes and starts again and again costs one each time, so they are counted outside of it.
"""

from collections.abc import Awaitable, Callable

Identified = Callable[[], Awaitable[int]]
"""Counts one more IDENTIFY, for good, and says how many that makes in the last 24 hours."""

FREE = 100
SLOW = 100.0
"""Seconds: at one in 100 s a day has 864 of them, which with the free ones stays below 1,000."""
MOST = 980
LONGEST = 3_600.0


async def uncounted() -> int:
    return 0


def pause_before(count: int) -> float:
    """How many seconds to wait before the IDENTIFY that makes it so many."""
    if count <= FREE:
        return 0.0
    return SLOW if count <= MOST else LONGEST
