"""A process that reads a mailbox and dies where it is told: mailbox_dying.py DATABASE PORT TAKEN NTH.

TAKEN is a file that each mail taken is written to, a line each, at once on disk. NTH counts the crash points: those of
the store, and one on each side of taking a mail. Without a death it ends when everything is read and marked.
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from bot.store.sqlite import SqliteStore
from channels.email.mailbox import Collector, Rhythm
from channels.email.shelf import Row, Taken
from tests.channels.mailbox_kit import US, connector, utc_now

DIED = 137


async def main(path: str, port: str, taken: str, nth: str) -> None:
    points, last = count(1), int(nth)
    opened = False

    def crashpoint(name: str) -> None:
        if opened and next(points) == last:
            os._exit(DIED)

    async def take(raw: bytes, row: Row) -> Taken:
        crashpoint("take.before")
        file = os.open(taken, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, raw.splitlines()[1] + b"\n")
        os.fsync(file)
        os.close(file)
        crashpoint("take.after")
        return Taken("done", thread_id="t")

    store = await SqliteStore.open(Path(path), clock=utc_now, crashpoint=crashpoint)
    opened = True
    collector = Collector(
        US, shelf=store.mail, take=take, connect=connector(int(port)), clock=utc_now, rhythm=Rhythm(idle=60)
    )
    running = asyncio.ensure_future(collector.run())
    while collector.health().state != "connected":
        assert not running.done(), running.result()
        await asyncio.sleep(0.002)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
