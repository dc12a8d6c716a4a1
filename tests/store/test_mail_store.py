"""What became of each mail: kept once with its bytes, found again after a crash, counted, and pruned with care."""

import hashlib
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.mail import MailRow, MailTokens
from bot.store.read import ReadOnlyStore
from bot.store.schema import _FIRST, _REQUESTS, APPLICATION_ID, INDEX_TABLES
from bot.store.sqlite import SqliteStore
from tests.store.kit import START, FakeClock, message, opened

US, INBOX = "bot@example.com", "INBOX"


async def keep(store: SqliteStore, uid: int, raw: bytes = b"", **more: Any) -> MailRow:
    raw = raw or f"Subject: {uid}\r\n\r\n".encode()
    more = {"validity": 7, "digest": hashlib.sha256(raw).hexdigest(), "size": len(raw), **more}
    return await store.mail.keep(US, INBOX, uid=uid, raw=raw, **more)


async def test_a_kept_mail_waits_with_its_bytes_also_after_the_process_died(database: Path) -> None:
    async with opened(database) as store:
        row = await keep(store, 12, b"From: a\r\n\r\nhello")

    async with opened(database) as store:
        waiting = await store.mail.waiting(US, INBOX)
        raw = await store.mail.raw(row.id)

    assert waiting == [row]
    assert (row.uid, row.state, row.at, raw) == (12, "stored", START, b"From: a\r\n\r\nhello")


async def test_what_became_of_a_mail_is_kept_and_it_waits_no_longer(store: SqliteStore) -> None:
    row = await keep(store, 1)

    await store.mail.done(row.id, "done", thread_id="t1", sender="dora@x.example", subject="Hi")

    assert await store.mail.waiting(US, INBOX) == []
    found = await store.mail.row(row.id)
    assert (found.state, found.thread_id, found.sender, found.subject) == (
        "done", "t1", "dora@x.example", "Hi",
    )  # fmt: skip


async def test_the_same_uid_is_kept_once_and_stays_as_it_is(store: SqliteStore) -> None:
    row = await keep(store, 1)
    await store.mail.done(row.id, "done", thread_id="t1")

    again = await keep(store, 1, b"something else")

    assert (again.id, again.state) == (row.id, "done")
    assert len(await store.mail.rows()) == 1


async def test_the_same_content_under_another_uid_or_validity_is_ignored_and_says_of_which(
    store: SqliteStore,
) -> None:
    first = await keep(store, 1, b"same")

    second, third = await keep(store, 2, b"same"), await keep(store, 1, b"same", validity=8)

    assert second.state == third.state == "ignored"
    assert second.why == third.why == f"the same mail as number {first.id}"
    assert await store.mail.raw(second.id) is None
    assert await store.mail.seen(US, first.digest) == first


async def test_the_highest_uid_is_that_of_this_validity_and_mailbox(store: SqliteStore) -> None:
    for uid, validity in ((5, 7), (900, 6), (3, 7)):
        await keep(store, uid, validity=validity, raw=f"{uid}".encode())

    assert await store.mail.last_uid(US, INBOX, 7) == 5
    assert await store.mail.last_uid(US, INBOX, 8) == 0
    assert await store.mail.last_uid(US, "Other", 7) == 0


async def test_a_mailbox_is_remembered_and_replaced(store: SqliteStore) -> None:
    assert await store.mail.mailbox(US, INBOX) is None

    await store.mail.keep_mailbox(US, INBOX, validity=7, baseline=41, since=START)
    await store.mail.keep_mailbox(US, INBOX, validity=8, baseline=0, since=START)

    found = await store.mail.mailbox(US, INBOX)
    assert (found.validity, found.baseline, found.since) == (8, 0, START)


async def test_finished_mails_are_unmarked_until_the_server_was_told_but_never_those_in_quarantine(
    store: SqliteStore,
) -> None:
    rows = [await keep(store, uid) for uid in (1, 2, 3, 4)]
    await store.mail.done(rows[0].id, "done", thread_id="t")
    await store.mail.done(rows[1].id, "ignored", why="a list")
    await store.mail.done(rows[2].id, "quarantined", why="cannot be read")

    assert [row.uid for row in await store.mail.unmarked(US, INBOX, 7)] == [1, 2]

    await store.mail.mark([rows[0].id])

    assert [row.uid for row in await store.mail.unmarked(US, INBOX, 7)] == [2]
    assert await store.mail.unmarked(US, INBOX, 8) == []


async def test_mails_are_listed_by_state_the_newest_first(store: SqliteStore) -> None:
    for uid in (1, 2, 3):
        row = await keep(store, uid)
        if uid != 2:
            await store.mail.done(row.id, "quarantined", why="cannot be read")

    assert [row.uid for row in await store.mail.rows(state="quarantined")] == [3, 1]
    assert [row.uid for row in await store.mail.rows(limit=2)] == [3, 2]


async def test_only_a_mail_in_quarantine_can_be_read_again(store: SqliteStore) -> None:
    done, bad = await keep(store, 1), await keep(store, 2)
    await store.mail.done(done.id, "done", thread_id="t")
    await store.mail.begin(bad.id)
    await store.mail.done(bad.id, "quarantined", why="cannot be read")

    assert not await store.mail.retry(done.id)
    assert not await store.mail.retry(99)
    assert not store.mail.wanted.is_set()
    assert await store.mail.retry(bad.id)

    (waiting,) = await store.mail.waiting(US, INBOX)
    assert (waiting.uid, waiting.why, waiting.tries) == (2, "", 0)
    assert store.mail.wanted.is_set()


async def test_each_start_that_takes_a_mail_up_is_counted(database: Path) -> None:
    async with opened(database) as store:
        row = await keep(store, 1)
        assert await store.mail.begin(row.id) == 1

    async with opened(database) as store:
        assert await store.mail.begin(row.id) == 2


async def test_mails_of_a_sender_and_of_a_thread_are_counted_since_a_moment(
    store: SqliteStore, clock: FakeClock
) -> None:
    for uid, thread in enumerate(("t1", "t1", "t2", ""), 1):
        row = await keep(store, uid)
        await store.mail.done(
            row.id, "done" if thread else "capped", thread_id=thread, sender="dora@x.example"
        )
        clock.tick(60)

    assert await store.mail.count_from("dora@x.example", START) == 3
    assert await store.mail.count_from("dora@x.example", START + timedelta(seconds=1)) == 2
    assert await store.mail.count_from("eve@x.example", START) == 0
    assert await store.mail.count_in("t1", START) == 2
    assert await store.mail.count_in("t1", clock.now) == 0


async def test_the_bytes_of_finished_mails_are_dropped_after_some_days_but_what_is_not_understood_stays(
    store: SqliteStore, clock: FakeClock
) -> None:
    rows = [await keep(store, uid) for uid in range(1, 80)]
    for row in rows[2:]:
        await store.mail.done(row.id, "done", thread_id="t")
    await store.mail.done(rows[1].id, "quarantined", why="cannot be read")
    clock.tick(86_400 * 8)
    fresh = await keep(store, 100)
    await store.mail.done(fresh.id, "done", thread_id="t")

    pruned = await store.mail.prune_raw(clock.now, days=7)

    assert pruned == 77
    assert [await store.mail.raw(row.id) is None for row in (*rows[:3], fresh)] == [False, False, True, False]
    assert await store.mail.last_uid(US, INBOX, 7) == 100


async def test_new_tokens_take_the_place_of_the_old_ones(store: SqliteStore) -> None:
    assert await store.mail.tokens(US) is None
    for number in ("1", "2"):
        await store.mail.put_tokens(
            US, refresh_token="refresh" + number, access_token="access" + number, expires_at=START
        )

    kept = await store.mail.tokens(US)
    assert kept == MailTokens("refresh2", "access2", START)
    assert "access2" not in repr(kept)


async def test_a_large_mail_in_quarantine_gets_its_bytes_later(store: SqliteStore) -> None:
    row = await keep(store, 1, b"headers only", size=99_000_000, state="quarantined", why="too large")

    await store.mail.replace_raw(row.id, b"all of it", digest="d", size=9)

    assert await store.mail.raw(row.id) == b"all of it"
    assert (await store.mail.row(row.id)).size == 9


async def test_mails_are_looked_at_while_the_bot_runs(database: Path) -> None:
    async with opened(database) as store:
        row = await keep(store, 1)

        async with ReadOnlyStore(database) as reader:
            assert await reader.mail.rows() == [row]
            assert await reader.mail.raw(row.id) == b"Subject: 1\r\n\r\n"


async def test_the_mailbox_survives_making_the_indexes_anew(store: SqliteStore) -> None:
    await store.receive(message())
    row = await keep(store, 1)

    await store.rebuild()

    assert await store.mail.rows() == [row]
    assert not {"mail", "mail_raw", "mailboxes", "mail_tokens"} & set(INDEX_TABLES)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_database_from_before_there_was_mail_gets_its_tables(database: Path, version: int) -> None:
    connection = sqlite3.connect(database)
    for statements in (_FIRST, _REQUESTS)[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()

    async with opened(database) as store:
        row = await keep(store, 1)
        assert await store.mail.waiting(US, INBOX) == [row]
