"""The writer thread: one commit for many, all or nothing, and what happens when the disk is full or taken away."""

# ruff: noqa: ASYNC240 - a test may block its own event loop

import asyncio
import hashlib
import sqlite3
import threading
from pathlib import Path

import pytest

from bot.errors import Fenced, StoreError, StoreFailed, StoreFull
from bot.store.sqlite import SqliteStore
from tests.store import kit
from tests.store.kit import gather, message, opened


async def commits_of(path: Path, threads: int, rounds: int) -> tuple[int, int]:
    """Transactions and commits of that many threads at work at once."""
    async with opened(path) as store:

        async def work(name: str) -> None:
            for n in range(rounds):
                first = await store.receive(message(f"{n}", conversation=name))
                head = (await kit.answer(store, first, head=0 if n == 0 else first.seq - 1)).events[-1].seq
                assert head == first.seq + 4

        await asyncio.gather(*(work(f"C{n}") for n in range(threads)))
        return store.counts.transactions, store.counts.commits


@pytest.mark.parametrize(("threads", "rounds", "share"), [(16, 10, 0.15), (256, 2, 0.03)])
async def test_threads_at_work_at_once_share_their_commits(
    database: Path, threads: int, rounds: int, share: float
) -> None:
    transactions, commits = await commits_of(database, threads, rounds)

    assert transactions == threads * rounds * 3
    assert commits <= share * transactions


async def test_a_snapshot_has_no_commit_of_its_own(database: Path) -> None:
    async with opened(database, fold_version="f1") as store:
        first = await store.receive(message())
        before = store.counts.commits
        await store.save_snapshot(first.thread_id, 2, "f1", "folded")
        await asyncio.sleep(0.05)
        assert (await store.load(first.thread_id)).snapshot is None

        await store.receive(message())

        assert (await store.load(first.thread_id)).snapshot == "folded"
        assert store.counts.commits == before + 1


async def test_a_snapshot_without_company_is_written_after_a_second(database: Path) -> None:
    async with opened(database, fold_version="f1") as store:
        first = await store.receive(message())
        await store.save_snapshot(first.thread_id, 2, "f1", "folded")
        await asyncio.sleep(1.5)

        assert (await store.load(first.thread_id)).snapshot == "folded"


async def test_pending_counts_what_waits_for_its_commit(database: Path) -> None:
    async with opened(database) as store:
        jobs = [asyncio.ensure_future(store.receive(message())) for _ in range(5)]
        await asyncio.sleep(0)
        assert store.pending == 5

        await asyncio.gather(*jobs)

        assert store.pending == 0


async def test_a_caller_that_gives_up_harms_nobody(database: Path) -> None:
    async with opened(database) as store:
        jobs = [asyncio.ensure_future(store.receive(message(conversation=f"C{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        jobs[2].cancel()

        outcomes = await gather(*jobs)

        assert isinstance(outcomes[2], asyncio.CancelledError)
        assert len(await store.threads()) == 5


async def test_an_error_in_one_job_fails_that_job_only(database: Path) -> None:
    async with opened(database) as store:
        first = await store.receive(message())
        unbindable = message(dedupe="\ud800")

        outcomes = await gather(
            store.receive(message("before")),
            store.receive(unbindable),
            store.append(first.thread_id, head=7, seen=2, decisions=[kit.started()]),
            store.receive(message("after")),
        )

        assert isinstance(outcomes[1], UnicodeEncodeError)
        assert isinstance(outcomes[2], Fenced)
        assert [outcomes[0].seq, outcomes[3].seq] == [3, 4]


async def test_a_job_that_fails_half_way_leaves_nothing_and_is_not_heard_of(database: Path) -> None:
    async with opened(database) as store:
        heard: list[int] = []
        store.listen(lambda events: heard.extend(event.seq for event in events))

        outcomes = await gather(
            store.receive(message("opens a thread, then fails", conversation="C1", run="\ud800")),
            store.receive(message("one", conversation="C2")),
            store.receive(message("moves the thread on, then fails", conversation="C2", run="\ud800")),
            store.receive(message("two", conversation="C2")),
        )

        assert [type(outcome).__name__ for outcome in outcomes[::2]] == ["UnicodeEncodeError"] * 2
        assert [outcome.seq for outcome in outcomes[1::2]] == [2, 3]
        assert heard == [1, 2, 3]
        assert [row.conversation for row in await store.threads()] == ["C2"]


async def test_administrative_work_runs_on_the_writer_between_batches(database: Path) -> None:
    async with opened(database) as store:

        def work(connection: sqlite3.Connection) -> str:
            assert not connection.in_transaction
            connection.execute("CREATE TABLE kb (text)")
            return threading.current_thread().name

        names, received = await asyncio.gather(store.between_batches(work), store.receive(message()))

        assert names == "store-writer"
        assert received.seq == 2


# ---------------------------------------------------------------- a full disk


async def limit_pages(store: SqliteStore, spare: int | None) -> None:
    """Let the file grow by so many pages and no more."""

    def limit(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        most = 2**30 if spare is None else pages + spare
        connection.execute(f"PRAGMA max_page_count = {most}").fetchone()

    await store.between_batches(limit)


async def test_when_the_disk_is_full_nothing_of_the_batch_is_accepted(database: Path) -> None:
    async with opened(database) as store:
        await store.receive(message())
        await limit_pages(store, 3)
        before = await store.threads()

        outcomes = await gather(
            store.receive(message("small", conversation="C2")),
            store.receive(message("large", conversation="C3", raw=b"x" * 200_000)),
            store.receive(message("small", conversation="C4")),
            store.receive(message("small", conversation="C5")),
        )

        assert [type(outcome) for outcome in outcomes] == [StoreFull] * 4
        assert await store.threads() == before
        with pytest.raises(StoreFull):
            await store.receive(message("small"))
        assert "full" in store.healthy

    async with opened(database) as store:
        assert await store.threads() == before


async def test_a_full_disk_is_probed_until_it_has_room(database: Path) -> None:
    async with opened(database) as store:
        first = await store.receive(message())
        await limit_pages(store, 0)
        with pytest.raises(StoreFull):
            await store.receive(message(raw=b"x" * 100_000))
        await asyncio.sleep(1.3)
        with pytest.raises(StoreFull):
            await store.append(first.thread_id, head=0, seen=2, decisions=[kit.started()])

        store._connection.execute("PRAGMA max_page_count = 1000000").fetchone()  # somebody frees space
        await asyncio.sleep(1.5)

        assert store.healthy == ""
        assert (await store.receive(message(raw=b"x" * 100_000))).seq == 3


async def test_sqlite_rolling_back_in_the_middle_of_a_batch_fails_all_of_it(database: Path) -> None:
    fatal: list[StoreError] = []
    async with opened(database, on_fatal=fatal.append) as store:
        first = await store.receive(message())

        def roll_back(tx):
            tx.execute("ROLLBACK")
            raise sqlite3.IntegrityError("as ON CONFLICT ROLLBACK does")

        outcomes = await gather(
            store.receive(message("before")),
            store._writer.submit(roll_back),
            store.receive(message("after")),
        )

        assert [type(outcome) for outcome in outcomes] == [StoreFailed] * 3
        assert len(fatal) == 1
        assert len(await store.events(first.thread_id)) == 2
        with pytest.raises(StoreFailed):
            await store.receive(message())


async def test_a_commit_that_fails_ends_the_process_and_is_not_tried_again(database: Path) -> None:
    tried: list[str] = []
    fatal: list[StoreError] = []

    def refuse(name: str) -> None:
        if name == "commit.before" and armed:
            tried.append(name)
            raise sqlite3.OperationalError("disk I/O error")

    armed = False
    async with opened(database, crashpoint=refuse, on_fatal=fatal.append) as store:
        await store.receive(message())
        armed = True

        outcomes = await gather(*(store.receive(message(f"{n}")) for n in range(3)))
        for _ in range(3):
            with pytest.raises(StoreFailed):
                await store.receive(message())

        assert [type(outcome) for outcome in outcomes] == [StoreFailed] * 3
        assert tried == ["commit.before"]
        assert len(fatal) == 1
        assert "disk I/O error" in store.healthy


async def test_a_lock_of_another_program_is_waited_for(database: Path) -> None:
    async with opened(database, busy=0.05) as store:
        await store.receive(message("one"))
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        job = asyncio.ensure_future(store.receive(message("two")))
        await asyncio.sleep(0.3)
        assert not job.done()
        assert "Another program" in store.healthy

        other.execute("COMMIT")
        other.close()

        assert (await job).seq == 3
        assert store.healthy == ""


# ---------------------------------------------------------------- files taken away


@pytest.mark.parametrize("suffix", ["", "-wal", ".lock"])
async def test_a_file_deleted_while_running_stops_the_store(database: Path, suffix: str) -> None:
    fatal: list[StoreError] = []
    async with opened(database, on_fatal=fatal.append) as store:
        await store.receive(message())
        path = database.with_name(database.name + suffix)
        path.rename(path.with_name("elsewhere"))
        assert path.name in store.healthy
        store._writer._check_at = 0.0  # it looks once a second

        with pytest.raises(StoreFailed, match="deleted"):
            await store.receive(message())

        assert len(fatal) == 1


async def test_a_database_put_in_the_place_of_the_open_one_is_noticed(database: Path) -> None:
    async with opened(database) as store:
        database.rename(database.with_name("old.db"))
        database.write_bytes(b"")

        assert "replaced" in store.healthy


# ---------------------------------------------------------------- raw bytes


async def test_raw_bytes_are_kept_for_some_days_and_up_to_a_cap(database: Path, clock: kit.FakeClock) -> None:
    hashes = []
    async with opened(database, clock=clock) as store:
        for n in range(6):
            raw = bytes([n]) * 1000
            hashes.append(hashlib.sha256(raw).hexdigest())
            await store.receive(message(raw=raw))
            await store.receive(message(raw=raw))
            clock.tick(86400)

        assert await store.raw(hashes[0]) == bytes([0]) * 1000
        assert await store.prune_raw(clock.now, days=4.5, cap_bytes=10**6) == 2
        assert await store.prune_raw(clock.now, days=4.5, cap_bytes=3000) == 1

        kept = [await store.raw(hash_) is not None for hash_ in hashes]
        assert kept == [False, False, False, True, True, True]
