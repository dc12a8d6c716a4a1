"""Wakes whoever waits for a thread: one listener on the store for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

from starlette.requests import Request

from bot.events import Event
from bot.web.problems import Problem

MOST = 2000  # requests and streams that may wait at the same time


class Listens(Protocol):
    def listen(self, callback: Callable[[tuple[Event, ...]], None]) -> Callable[[], None]: ...


class Bell:
    """Rings when something happened. Silence it first, then look, then wait: so nothing is missed."""

    def __init__(self, types: Collection[str]) -> None:
        self.gone = False
        self.types = types
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def silence(self) -> None:
        self._rung.clear()

    async def wait(self, seconds: float) -> bool:
        """False if it did not ring in this time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._rung.wait()
        except TimeoutError:
            return False


class Watch:
    """The bells of all threads. Closing it ends every wait, so that the bot can stop."""

    def __init__(self, store: Listens, *, most: int = MOST) -> None:
        self.closed = False
        self.count = 0
        self._store = store
        self._most = most
        self._bells: dict[str, set[Bell]] = {}
        self._stop: Callable[[], None] | None = None

    @contextmanager
    def bell(self, thread_id: str, types: Collection[str] = ()) -> Iterator[Bell]:
        """A bell that rings for the committed events of this thread, of these types if any are named."""
        self.check_room()
        bell = Bell(types)
        self._add(thread_id, bell)
        try:
            yield bell
        finally:
            self._remove(thread_id, bell)

    @property
    def full(self) -> bool:
        return self.count >= self._most

    def check_room(self) -> None:
        if self.full:
            why = "too many callers are waiting already; ask again later"
            raise Problem(503, why, headers={"Retry-After": "5"})

    def close(self) -> None:
        self.closed = True
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()

    def _add(self, thread_id: str, bell: Bell) -> None:
        if self._stop is None:
            self._stop = self._store.listen(self._heard)
        self._bells.setdefault(thread_id, set()).add(bell)
        self.count += 1

    def _remove(self, thread_id: str, bell: Bell) -> None:
        bells = self._bells[thread_id]
        bells.discard(bell)
        self.count -= 1
        if not bells:
            del self._bells[thread_id]
        if not self._bells and self._stop is not None:
            self._stop()
            self._stop = None

    def _heard(self, events: tuple[Event, ...]) -> None:
        for event in events:
            for bell in self._bells.get(event.thread_id, ()):
                if not bell.types or event.type in bell.types:
                    bell.ring()


@asynccontextmanager
async def leaving(request: Request, bell: Bell) -> AsyncIterator[None]:
    """Ring the bell and mark it when the caller hangs up. The body must have been read."""

    async def hear() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        bell.gone = True
        bell.ring()

    ear = asyncio.ensure_future(hear())  # ended below, whatever happens
    try:
        yield
    finally:
        ear.cancel()
        with suppress(asyncio.CancelledError):
            await ear
