"""Keeps the order of a conversation while one of its messages takes time before it can be stored."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Order:
    """Costs nothing where nobody takes time."""

    def __init__(self) -> None:
        self._under_way: dict[str, list[asyncio.Event]] = {}

    @asynccontextmanager
    async def place(self, conversation: str, *, slow: bool) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A place in the conversation, until the end of the block; gives the way to wait for those before."""
        before = list(self._under_way.get(conversation, ()))

        async def turn() -> None:
            for each in before:
                await each.wait()

        if not (before or slow):
            yield turn
            return
        done = asyncio.Event()
        self._under_way.setdefault(conversation, []).append(done)
        try:
            yield turn
        finally:
            done.set()
            self._under_way[conversation].remove(done)
            if not self._under_way[conversation]:
                del self._under_way[conversation]
