"""Index tables follow from the log: rebuilt, they are what they were."""

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.events import TYPES, Event, ThreadParked
from bot.store import index
from bot.store.index import AddOutbox, DropRetries, DropTimer, OpenThread, ReportPart, SetTimer, project
from bot.store.sqlite import SqliteStore
from tests.store import kit
from tests.store.kit import START, FakeClock, message, opened, outgoing

TABLES = ("threads", "timers", "outbox")


def event(data: Any, seq: int = 3) -> Event:
    return Event("t1", seq, "i", START, data, channel="slack", run="r2", trace_id="x")


def test_opening_a_thread_makes_its_row() -> None:
    from bot.events import ThreadOpened

    opened_ = event(ThreadOpened(conversation="C1", agent="a", account="T1"), 1)

    assert project(opened_) == (OpenThread("t1", "slack", "T1", "C1", "a", "2026-03-01T12:00:00.000000Z"),)


def test_messages_are_numbered_by_their_place_in_the_event() -> None:
    parked = event(ThreadParked(reason="x", outgoing=(outgoing(destination=""), outgoing("b"))))

    (row,) = project(parked)

    assert isinstance(row, AddOutbox)
    assert (row.id, row.number, row.destination) == ("t1:3:1", 1, "D1")


def test_timers_come_and_go() -> None:
    (set_,) = project(event(kit.timer("t5").data))
    (fired,) = project(event(kit.fired("t1", "t5").data))
    stopped, *_ = project(event(kit.stop("t1").data))

    assert isinstance(set_, SetTimer)
    assert fired == DropTimer("t1", "t5")
    assert stopped == DropRetries("t1")


@pytest.mark.parametrize(("part", "done"), [(1, False), (2, True)])
def test_a_report_is_done_with_the_last_part(part: int, done: bool) -> None:
    (change,) = project(event(kit.report("t1:3:0", "sent", part=part, parts=2).data))

    assert change == ReportPart("t1:3:0", part, done, "sent", 1, None)


def test_most_events_change_no_index() -> None:
    assert project(event(kit.text_data())) == ()
    assert project(event(kit.answered().data)) == ()


def test_every_type_that_sends_is_projected() -> None:
    sending = {cls for cls in TYPES.values() if "outgoing" in cls.model_fields}

    assert sending <= index._CHANGING


async def random_log(store: SqliteStore, clock: FakeClock, rng: random.Random, length: int) -> None:
    """Whatever can be written, in any order that the store takes."""
    for _ in range(length):
        clock.tick(rng.choice([0, 1, 1, -5]))
        first = await store.receive(message(f"{rng.random()}", conversation=f"C{rng.randrange(4)}"))
        loaded = await store.load(first.thread_id)
        seen = loaded.events[-1].seq - rng.choice([0, 0, 1])
        messages = [outgoing(f"{rng.random()}", f"D{rng.randrange(3)}") for _ in range(rng.randrange(3))]
        await store.append(
            first.thread_id,
            head=loaded.head,
            seen=seen,
            results=[kit.tool_finished("ok", *messages)] * rng.randrange(2),
            decisions=[
                kit.timer(
                    f"t{rng.randrange(5)}", minutes=rng.randrange(9), purpose=rng.choice(["retry", "remind"])
                ),
                kit.ended(*messages),
            ],
            settled=rng.random() < 0.5,
        )
        await random_input(store, rng, first.thread_id)


async def random_input(store: SqliteStore, rng: random.Random, thread: str) -> None:
    match rng.randrange(4):
        case 0:
            await store.receive(kit.stop(thread))
        case 1:
            await store.receive(kit.fired(thread, f"t{rng.randrange(5)}"))
        case 2:
            await store.receive(kit.feedback(thread))
        case _:
            for row in await store.outbox_due(START.replace(year=2030)):
                status = rng.choice(["sent", "sent", "failed", "unknown", "dead"])
                part = rng.randrange(row.parts_sent + 1, 4)
                await store.receive(kit.report(row.id, status, part=part, parts=3, attempt=rng.randrange(5)))


def tables_of(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


@pytest.mark.parametrize("seed", range(5))
async def test_rebuilt_from_a_random_log_the_indexes_are_what_they_were(
    database: Path, clock: FakeClock, seed: int
) -> None:
    async with opened(database, clock=clock) as store:
        await random_log(store, clock, random.Random(seed), 40)
        live = await store.between_batches(tables_of)
        assert all(live.values())

        assert await store.rebuild() == 0

        assert await store.between_batches(tables_of) == live


async def test_rebuilt_from_nothing_but_the_log_only_settled_and_tries_are_lost(
    database: Path, clock: FakeClock
) -> None:
    async with opened(database, clock=clock) as store:
        await random_log(store, clock, random.Random(1), 40)
        live = await store.between_batches(tables_of)

        def wipe(connection: sqlite3.Connection) -> None:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")

        await store.between_batches(wipe)
        await store.rebuild()
        rebuilt = await store.between_batches(tables_of)

    settled, tries = 7, 8
    kept = [[value for n, value in enumerate(row) if n not in (settled, tries)] for row in live["threads"]]
    again = [
        [value for n, value in enumerate(row) if n not in (settled, tries)] for row in rebuilt["threads"]
    ]
    assert again == kept
    assert all(
        new[settled] <= old[settled] for new, old in zip(rebuilt["threads"], live["threads"], strict=True)
    )
    assert (rebuilt["timers"], rebuilt["outbox"]) == (live["timers"], live["outbox"])


async def test_a_rebuild_counts_what_it_cannot_read(database: Path) -> None:
    async with opened(database) as store:
        first = await store.receive(message())
        await kit.answer(store, first, outgoing())
        before = await store.thread(first.thread_id)
        await store.between_batches(lambda c: c.execute("UPDATE events SET v = 99 WHERE type = 'turn.ended'"))

        assert await store.rebuild() == 1

        assert await store.thread(first.thread_id) == before
        assert (await store.load(first.thread_id)).head == 6
