"""A process that works on a database until it dies; started by the crash tests.

crashing.py sweep DATABASE      dies at the first crash point, starts again, dies at the second, ... (forks)
crashing.py load DATABASE SEED  works as fast as it can until it is killed, saying what was acknowledged
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import sqlite_utils

from bot.errors import Fenced
from bot.ports import Received
from bot.store.sqlite import SqliteStore
from tests.store import kit
from tests.store.kit import message, opened, outgoing

DIED = 137

assert sqlite_utils  # loaded before forking, so that each child need not


async def journey(path: Path, say: Callable[[Received], None], crashpoint: Callable[[str], None]) -> None:
    """What a bot does with three messages; done again it goes on where it was."""
    async with opened(path, crashpoint=crashpoint, fold_version="f1") as store:
        jobs = [store.receive(message(f"{n}", dedupe=f"k{n}", conversation=f"C{n % 2}")) for n in range(3)]
        for received in await asyncio.gather(*jobs):
            say(received)
        while threads := await store.take_over():
            await asyncio.gather(*(work(store, thread) for thread in threads))
        await asyncio.gather(*(work(store, row.thread_id) for row in await store.threads()))
        for row in await store.outbox_due(kit.START):
            say(await store.receive(kit.report(row.id, "sent")))


async def work(store: SqliteStore, thread: str) -> None:
    """The rest of the one turn of this thread."""
    events = await store.events(thread)
    done = [event.type for event in events]
    head, seen = (await store.load(thread)).head, events[-1].seq
    if "turn.started" not in done:
        appended = await store.append(thread, head=head, seen=seen, decisions=[kit.started(), kit.asked()])
        head = seen = appended.events[-1].seq
    if "turn.ended" not in done:
        results = [] if "model.answered" in done else [kit.answered()]
        decisions = [kit.ended(outgoing("x" * 9000, thread))]
        await store.append(thread, head=head, seen=seen, results=results, decisions=decisions, settled=True)
    await store.save_snapshot(thread, 3, "f1", "folded")


def in_child(folder: Path, nth: int) -> int:
    """Travel in a fork, which starts without threads, and die at the nth crash point; returns the exit status."""
    pid = os.fork()
    if pid == 0:
        asyncio.run(journey(folder / "db", said(folder), crash_at(nth, folder / "name")))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def sweep(path: Path) -> None:
    """Die once at every crash point there is, in a fresh folder each time, and go on after it."""
    for nth in count(1):
        folder = path.parent / f"sweep{nth}"
        folder.mkdir()
        status = in_child(folder, nth)
        if status == 0:
            break
        assert status == DIED, (nth, status)
        name = (folder / "name").read_text()
        assert in_child(folder, 0) == 0, (nth, name)
        check(folder)
        print(nth, name, flush=True)
        shutil.rmtree(folder)


def said(folder: Path) -> Callable[[Received], None]:
    """Writes down what was acknowledged, in a way that outlives the process."""
    handle = os.open(folder / "said", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def say(received: Received) -> None:
        os.write(handle, f"{received.thread_id} {received.seq}\n".encode())

    return say


def crash_at(nth: int, file: Path) -> Callable[[str], None]:
    hits = count(1)

    def crashpoint(name: str) -> None:
        if next(hits) == nth:
            file.write_text(name)
            os._exit(DIED)

    return crashpoint


def check(folder: Path) -> None:
    """Everything acknowledged is there, once; every turn ended once, every reply was sent once."""
    connection = sqlite3.connect(folder / "db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = connection.execute("SELECT thread_id, seq, type FROM events").fetchall()
    types = [type_ for _, _, type_ in rows]
    there = {(thread, seq) for thread, seq, _ in rows}
    for line in (folder / "said").read_text().splitlines():
        thread, seq = line.split()
        assert (thread, int(seq)) in there, line
    assert types.count("message.received") == 3, types
    assert types.count("turn.started") == types.count("turn.ended") == types.count("model.answered") == 2, (
        types
    )
    assert connection.execute("SELECT state, count(*) FROM outbox").fetchall() == [("done", 2)]
    connection.close()


async def load(path: Path, seed: str) -> None:
    """Work on sixteen threads at once, saying each pair of events that was acknowledged."""
    async with opened(path) as store:

        async def thread(name: str) -> None:
            for n in count():
                first = await store.receive(message("x" * 200, conversation=name, dedupe=f"{seed}{name}{n}"))
                print("in", first.thread_id, first.seq, flush=True)
                head = (await store.load(first.thread_id)).head
                with contextlib.suppress(Fenced):
                    appended = await store.append(
                        first.thread_id, head=head, seen=first.seq, decisions=[kit.started(), kit.asked()]
                    )
                    print("out", first.thread_id, appended.events[-1].seq, flush=True)

        await asyncio.gather(*(thread(f"C{n}") for n in range(16)))


if __name__ == "__main__":
    if sys.argv[1] == "sweep":
        sweep(Path(sys.argv[2]))
    else:
        asyncio.run(load(Path(sys.argv[2]), sys.argv[3]))
