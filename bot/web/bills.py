"""What threads have cost so far, each log read once."""

import asyncio
from collections import OrderedDict
from dataclasses import replace

from bot.events import Event
from bot.ports import Store
from bot.web.prices import Bill

KEPT = 256
PAGE = 1000


class Bills:
    """Remembers where it stopped reading."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bills: OrderedDict[str, Bill] = OrderedDict()

    async def of(self, thread_id: str) -> Bill:
        """The bill of a thread as it stands now; what cannot be read is not on it."""
        known = self._bills.get(thread_id)
        bill = replace(known) if known else Bill()
        while events := await self._store.events(thread_id, after=bill.seq, limit=PAGE):
            await asyncio.to_thread(_add, bill, events)  # prices take a while to load the first time
        self._bills[thread_id] = bill
        self._bills.move_to_end(thread_id)
        while len(self._bills) > KEPT:
            self._bills.popitem(last=False)
        return bill


def _add(bill: Bill, events: tuple[Event, ...]) -> None:
    for event in events:
        bill.add(event)
