"""The mailbox: what was not seen yet, once, stored before it is read and marked only after it is done."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Overloaded, StoreClosed, StoreFull
from bot.store.sqlite import SqliteStore
from channels.email.imap import Imap, Login, MailboxRefused, Server
from channels.email.limits import Unreadable
from channels.email.mailbox import Collector, Rhythm, Rules
from channels.email.shelf import Row, Taken
from channels.email.worker import NoWorker, Reader
from tests.channels import mailbox_kit as kit
from tests.channels.imap_fake import FakeImap, no
from tests.channels.mailbox_kit import Taker, collecting, connected, kept, mail, states, store_at, until


@pytest.fixture
async def fake() -> AsyncIterator[FakeImap]:
    async with FakeImap().serve() as fake:
        yield fake


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with store_at(tmp_path / "saywhen.db") as store:
        yield store


async def test_what_was_there_before_the_first_start_is_not_answered_and_what_comes_after_is(
    fake: FakeImap, store: SqliteStore
) -> None:
    fake.arrive(mail("old"))
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("new"))
        await until(lambda: take.mails)

    assert take.mails == [mail("new")]
    assert fake.count(r"UID FETCH 1 ") == 0


async def test_it_is_connecting_until_there_is_a_baseline_and_all_that_waited_was_read(
    fake: FakeImap, store: SqliteStore
) -> None:
    async def seen(session: Any, line: str) -> bool:
        health.append(collector.health().state)
        return False

    health: list[str] = []
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    fake.arrive(mail("waits"))
    for command in ("SELECT", "UID SEARCH", "UID FETCH", "UID STORE"):
        fake.go_wrong(command, seen)

    async with collecting(store, fake.port, Taker()) as collector:
        assert collector.health().state in ("off", "connecting")
        await connected(collector)

    assert health == ["connecting"] * 4
    known = await store.mail.mailbox(kit.US, "INBOX")
    assert (known.validity, known.baseline, known.since) == (7, 0, kit.NOW)


async def test_a_mail_is_on_disk_before_it_is_read_and_marked_only_after_it_is_done(
    fake: FakeImap, store: SqliteStore
) -> None:
    seen: list[Any] = []

    async def take(raw: bytes, row: Row) -> Taken:
        (waiting,) = await store.mail.waiting(kit.US, "INBOX")
        seen.append((waiting.id == row.id, await store.mail.raw(row.id) == raw, set(fake.flags[1])))
        return Taken("done", thread_id="t1")

    async def mark(session: Any, line: str) -> bool:
        seen.append((await kept(store, 1)).state)
        return False

    fake.go_wrong("UID STORE", mark)
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: fake.flags[1])

    assert seen == [(True, True, set()), "done"]
    assert fake.flags[1] == {"$Saywhen"}


@pytest.mark.parametrize(
    ("mark", "flags"), [("keyword", {"$Saywhen"}), ("seen", {"\\Seen"}), ("none", set())]
)
async def test_finished_mails_are_marked_as_configured(
    fake: FakeImap, store: SqliteStore, mark: Any, flags: set[str]
) -> None:
    async with collecting(store, fake.port, Taker(), rules=Rules(mark=mark)) as collector:
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: states_are(store, [(1, "done")]))
        await until(lambda: fake.flags[1] == flags)

    assert fake.flags[1] == flags


async def states_are(store: SqliteStore, expected: list[tuple[int, str]]) -> bool:
    return await states(store) == expected


async def test_finished_mails_are_moved_to_a_folder_which_is_made_where_there_is_none(
    fake: FakeImap, store: SqliteStore
) -> None:
    async with collecting(store, fake.port, Taker(), rules=Rules(move_to="Done")) as collector:
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: fake.folders.get("Done"))
        await until(lambda: fake.someone_idles.is_set())

    assert fake.folders == {"Done": [mail("one")]}
    assert (fake.mails, fake.flags[1]) == ({}, set())


async def test_a_server_that_keeps_no_keywords_is_still_read_and_the_health_says_what_to_set(
    fake: FakeImap, store: SqliteStore
) -> None:
    fake.permanent = "\\Seen"
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        for text in ("one", "two"):
            fake.arrive(mail(text))
            await until(lambda text=text: mail(text) in take.mails)
        await until(lambda: "channels.email.mark" in collector.health().detail)

    assert fake.connections == 1
    assert not any(fake.flags.values())


async def test_a_server_that_refuses_the_mark_is_still_read(fake: FakeImap, store: SqliteStore) -> None:
    fake.go_wrong("UID STORE", no)
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        for text in ("one", "two"):
            fake.arrive(mail(text))
            await until(lambda text=text: mail(text) in take.mails)

    assert fake.connections == 1


async def test_a_mark_that_was_not_set_before_a_crash_is_set_afterwards(
    fake: FakeImap, store: SqliteStore
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    uid = fake.arrive(mail("one"))
    row = await store.mail.keep(kit.US, "INBOX", validity=7, uid=uid, digest="d", size=1, raw=b"x")
    await store.mail.done(row.id, "done", thread_id="t1")
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)

    assert fake.flags[uid] == {"$Saywhen"}
    assert take.mails == []


async def test_what_a_crash_left_is_taken_up_before_anything_else_and_before_there_is_a_connection(
    fake: FakeImap, store: SqliteStore
) -> None:
    row = await store.mail.keep(kit.US, "INBOX", validity=7, uid=3, digest="d", size=4, raw=b"left")
    take = Taker()
    fake.greeting = "* BYE not today"

    async with collecting(store, fake.port, take):
        await until(lambda: take.mails)
        await until(lambda: states_are(store, [(3, "done")]))

    assert take.mails == [b"left"]
    assert (await store.mail.row(row.id)).tries == 1


async def test_a_mail_that_ends_the_process_again_and_again_goes_into_quarantine_and_others_are_read(
    fake: FakeImap, store: SqliteStore
) -> None:
    for uid, raw in enumerate((b"bad", b"good"), 1):
        await store.mail.keep(kit.US, "INBOX", validity=7, uid=uid, digest=f"{uid}", size=len(raw), raw=raw)

    class Died(BaseException):
        pass

    class Deadly(Taker):
        async def __call__(self, raw: bytes, row: Row) -> Taken:
            if raw == b"bad":
                raise Died
            return await super().__call__(raw, row)

    take = Deadly()
    for _ in range(3):
        with pytest.raises(Died):
            await kit.collector(store, fake.port, take).run()
    assert take.mails == []

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)

    assert await states(store) == [(1, "quarantined"), (2, "done")]
    assert "started 4 times" in (await kept(store, 1)).why


async def test_a_mail_that_cannot_be_read_goes_into_quarantine_and_everything_else_goes_on(
    fake: FakeImap, store: SqliteStore
) -> None:
    take = Taker(errors=[Unreadable("a header of 3 MB")])

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("bad"))
        fake.arrive(mail("good"))
        await until(lambda: take.mails)
        await until(lambda: fake.flags[2])

    bad = await kept(store, 1)
    assert (bad.state, bad.why, bad.subject) == ("quarantined", "a header of 3 MB", "bad")
    assert await store.mail.raw(bad.id) == mail("bad")
    assert take.mails == [mail("good")]
    assert fake.flags[1] == set()


async def test_a_mail_that_takes_all_memory_of_its_reader_goes_into_quarantine_alone(
    fake: FakeImap, store: SqliteStore
) -> None:
    reader, read = Reader(memory=64 << 20), []

    async def take(raw: bytes, row: Row) -> Taken:
        read.append((await reader.read(raw)).subject)
        return Taken("done", thread_id="t1")

    try:
        async with collecting(store, fake.port, take) as collector:
            await connected(collector)
            fake.arrive(mail("large") + b"x" * (24 << 20))
            fake.arrive(mail("good"))
            await until(lambda: fake.flags[2])
    finally:
        await reader.close()

    assert read == ["good"]
    assert await states(store) == [(1, "quarantined"), (2, "done")]


async def test_what_was_not_answered_is_kept_with_the_reason(fake: FakeImap, store: SqliteStore) -> None:
    take = Taker(
        states={mail("list"): Taken("ignored", "a mailing list"), mail("5th"): Taken("capped", "5 an hour")}
    )

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        for text in ("list", "5th"):
            fake.arrive(mail(text))
        await until(lambda: fake.flags[2])

    assert await states(store) == [(1, "ignored"), (2, "capped")]
    assert (await kept(store, 1)).why == "a mailing list"


@pytest.mark.parametrize("error", [Overloaded(), StoreFull(), NoWorker()])
async def test_while_the_store_or_the_reader_refuses_a_mail_waits_and_is_then_read(
    fake: FakeImap, store: SqliteStore, error: Exception
) -> None:
    take = Taker(errors=[error] * 1000)

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: collector.health().detail == str(error))
        assert collector.health().state == "failing"
        assert await states(store) == [(1, "stored")]
        take.errors.clear()
        await until(lambda: states_are(store, [(1, "done")]))
        assert collector.health().state == "connected"

    assert take.mails == [mail("one")]


async def test_a_store_that_is_closed_ends_the_collector(fake: FakeImap, store: SqliteStore) -> None:
    async def collect() -> None:
        async with collecting(store, fake.port, Taker(errors=[StoreClosed()])) as collector:
            await connected(collector)
            fake.arrive(mail("one"))
            await asyncio.sleep(30)

    with pytest.raises(ExceptionGroup) as ended:
        await collect()

    assert ended.group_contains(StoreClosed)
    assert await states(store) == [(1, "stored")]


async def test_of_a_mail_that_is_too_large_only_the_headers_are_fetched(
    fake: FakeImap, store: SqliteStore
) -> None:
    take = Taker()
    large = mail("large") + b"x" * 2000

    async with collecting(store, fake.port, take, rules=Rules(largest=1000)) as collector:
        await connected(collector)
        fake.arrive(large)
        fake.arrive(mail("small"))
        await until(lambda: take.mails)

    row = await kept(store, 1)
    assert (row.state, row.subject, row.size) == ("quarantined", "large", len(large))
    assert "at most 1,000 are read" in row.why
    assert await store.mail.raw(row.id) == large.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert take.mails == [mail("small")]
    assert fake.count(r"UID FETCH 1 .*BODY\.PEEK\[\]") == 0


async def test_a_mail_taken_out_of_quarantine_is_read_at_once_and_fetched_if_only_its_headers_were_kept(
    fake: FakeImap, store: SqliteStore
) -> None:
    large, take = mail("large") + b"x" * 2000, Taker()
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    fake.arrive(large)
    async with collecting(store, fake.port, take, rules=Rules(largest=1000)) as collector:
        await connected(collector)
    row = await kept(store, 1)

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        await fake.someone_idles.wait()
        await store.mail.retry(row.id)
        await until(lambda: take.mails)
        await until(lambda: states_are(store, [(1, "done")]))

    assert take.mails == [large]
    assert await store.mail.raw(row.id) == large


async def test_a_mail_taken_out_of_quarantine_that_is_gone_meanwhile_goes_back(
    fake: FakeImap, store: SqliteStore
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    row = await store.mail.keep(
        kit.US, "INBOX", validity=7, uid=1, digest="d", size=99, raw=b"head", state="quarantined"
    )
    await store.mail.retry(row.id)

    async with collecting(store, fake.port, Taker()) as collector:
        await connected(collector)

    assert (await kept(store, 1)).why == "it is no longer in the mailbox"


async def test_the_same_mail_under_a_second_uid_is_one(fake: FakeImap, store: SqliteStore) -> None:
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        for _ in range(3):
            fake.arrive(mail("one"))
        await until(lambda: fake.flags[3])

    assert take.mails == [mail("one")]
    assert await states(store) == [(1, "done"), (2, "ignored"), (3, "ignored")]


async def test_a_wrong_password_at_the_first_start_is_refused_for_good(
    fake: FakeImap, store: SqliteStore
) -> None:
    fake.refusal = "NO [AUTHENTICATIONFAILED] no"

    async def connect() -> Any:
        return await Imap.connect(Server("127.0.0.1", fake.port, tls=False), Login("bot", "wrong"))

    collector = Collector(kit.US, shelf=store.mail, take=Taker(), connect=connect, clock=lambda: kit.NOW)

    with pytest.raises(MailboxRefused):
        await collector.run()
    assert collector.health().state == "failing"


async def test_a_login_refused_after_it_has_worked_is_tried_again(fake: FakeImap, store: SqliteStore) -> None:
    async def refuse(session: Any, line: str) -> bool:
        session.say(f"{line.split()[0]} NO [AUTHENTICATIONFAILED] account locked for a minute")
        return True

    take = Taker()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.go_wrong("LOGIN", refuse, times=3)
        for session in list(fake.sessions):
            session.writer.transport.abort()
        await until(lambda: "locked" in collector.health().detail)
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: take.mails)


async def test_a_poll_finds_what_no_push_announced(fake: FakeImap, store: SqliteStore) -> None:
    take = Taker()

    async with collecting(store, fake.port, take, rhythm=Rhythm(idle=0.05, first=0.01)) as collector:
        await connected(collector)
        fake.mails[1], fake.times[1], fake.next_uid = mail("quiet"), kit.NOW, 2
        await until(lambda: take.mails)
