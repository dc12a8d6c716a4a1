"""Hands stored mails on, each once, and keeps what became of it: a bad one goes into quarantine, the rest goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.errors import Overloaded, StoreClosed, StoreError, StoreFailed
from channels.email.limits import Unreadable
from channels.email.shelf import Row, Shelf, Take, Taken
from channels.email.worker import NoWorker

T = TypeVar("T")

MOST_STARTS = 3
ALL = 100_000

log = logging.getLogger(__name__)


class Intake:
    """For one mailbox. `trouble` says why nothing can be read or stored at the moment, "" if it can."""

    def __init__(self, account: str, mailbox: str, *, shelf: Shelf, take: Take, pause: float) -> None:
        self._account = account
        self._mailbox = mailbox
        self._shelf = shelf
        self._take = take
        self._pause = pause
        self.trouble = ""

    async def left_over(self) -> None:
        """Take up what an earlier process had stored and not finished.

        The one that killed it may be among them: each is counted before it is touched.
        """
        for row in await self.stored(lambda: self._shelf.waiting(self._account, self._mailbox, limit=ALL)):
            raw = await self._shelf.raw(row.id)
            if raw is None or len(raw) != row.size:
                continue  # only the server has it whole
            starts = await self.stored(lambda row=row: self._shelf.begin(row.id))  # type: ignore[misc]  # mypy infers no default
            if starts > MOST_STARTS:
                why = f"the bot was started {starts} times and did not get past it"
                await self.close(row, Taken("quarantined", why))
            else:
                await self.hand_on(row, raw)

    async def hand_on(self, row: Row, raw: bytes) -> None:
        """Let a mail be read, until it is, or until it is clear that it cannot be."""
        try:
            taken = await self.stored(lambda: self._take(raw, row))
        except Unreadable as error:
            taken = Taken("quarantined", str(error))
        await self.close(row, taken)

    async def close(self, row: Row, taken: Taken) -> None:
        """Keep what became of a mail."""
        if taken.state == "quarantined":
            log.warning("e-mail: number %d is in quarantine: %s", row.id, taken.why)
        await self.stored(
            lambda: self._shelf.done(
                row.id,
                taken.state,
                why=taken.why,
                thread_id=taken.thread_id,
                sender=taken.sender,
                subject=taken.subject,
            )
        )

    async def stored(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it until it can be done; nothing is lost, and nothing else is read in the meantime."""
        pause = self._pause
        while True:
            try:
                result = await work()
            except (StoreFailed, StoreClosed):
                raise
            except (StoreError, Overloaded, NoWorker) as error:
                self.trouble = str(error)
                log.warning("e-mail: not taken, trying again in %.0f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 60.0)
            else:
                self.trouble = ""
                return result
