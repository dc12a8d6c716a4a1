"""W14: whatever a mail server does, every mail is read once, and nothing waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.sqlite import SqliteStore
from channels.email.mailbox import Rhythm
from tests.channels import mailbox_kit as kit
from tests.channels.imap_fake import (
    FakeImap,
    bye,
    bye_in_idle,
    cut_off,
    many_lines,
    no,
    reset,
    silence,
)
from tests.channels.mailbox_kit import Taker, collecting, connected, kept, mail, states, store_at, until

QUICK = Rhythm(idle=0.5, first=0.01, longest=0.05)


@pytest.fixture
async def fake() -> AsyncIterator[FakeImap]:
    async with FakeImap().serve() as fake:
        yield fake


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with store_at(tmp_path / "saywhen.db") as store:
        yield store


async def half_open_idle(session: Any, line: str) -> bool:
    """IDLE begins, then the network is gone without a word."""
    session.say("+ idling")
    session.deaf = True
    return True


@pytest.mark.parametrize("fault", [bye, bye_in_idle, reset, silence, half_open_idle, no])
async def test_whatever_happens_to_idle_mail_is_read_once_within_a_poll(
    fake: FakeImap, store: SqliteStore, fault: Any
) -> None:
    take = Taker()
    fake.go_wrong("IDLE", fault, times=2)

    async with collecting(store, fake.port, take, rhythm=QUICK, timeout=0.3) as collector:
        await connected(collector)
        fake.arrive(mail("one"))
        await until(lambda: take.mails)
        fake.arrive(mail("two"))
        await until(lambda: len(take.mails) == 2)

    assert take.mails == [mail("one"), mail("two")]
    assert fake.connections >= 2


@pytest.mark.parametrize("fault", [bye, reset, silence, no])
@pytest.mark.parametrize("command", ["SELECT", "NOOP", "UID SEARCH", "UID FETCH", "UID STORE", "LOGIN"])
async def test_a_connection_in_doubt_at_any_command_is_made_anew_and_no_mail_is_lost_or_read_twice(
    fake: FakeImap, store: SqliteStore, command: str, fault: Any
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    mails = [mail(f"number {n}") for n in range(5)]
    for raw in mails:
        fake.arrive(raw)
    fake.go_wrong(command, fault, times=2)
    take = Taker()

    async with collecting(store, fake.port, take, rhythm=QUICK, timeout=0.3) as collector:
        await connected(collector)

    assert take.mails == mails
    assert [state for _, state in await states(store)] == ["done"] * 5


@pytest.mark.parametrize("command", ["UID SEARCH", "UID FETCH", "UID STORE"])
async def test_a_mail_announced_in_the_answer_to_another_command_is_not_announced_again_and_is_read_all_the_same(
    fake: FakeImap, store: SqliteStore, command: str
) -> None:
    """As Dovecot does it."""

    async def announce(session: Any, line: str) -> bool:
        await getattr(session, "do_" + command.lower().replace(" ", "_"))(line.split(" ", 3)[3])
        fake.arrive(mail("two"))
        session.tell()
        session.say(f"{line.split()[0]} OK done")
        return True

    take = Taker()
    async with collecting(store, fake.port, take, rhythm=Rhythm(idle=280.0)) as collector:
        await connected(collector)
        await fake.someone_idles.wait()
        fake.go_wrong(command, announce)
        fake.arrive(mail("one"))
        await until(lambda: len(take.mails) == 2)

    assert take.mails == [mail("one"), mail("two")]


async def test_a_mail_cut_off_in_the_middle_is_fetched_again(fake: FakeImap, store: SqliteStore) -> None:
    take = Taker()

    async with collecting(store, fake.port, take, rhythm=QUICK) as collector:
        await connected(collector)
        fake.go_wrong("UID FETCH", never)  # the sizes
        fake.go_wrong("UID FETCH", cut_off, times=2)
        fake.arrive(mail("one"))
        await until(lambda: take.mails)

    assert take.mails == [mail("one")]


async def never(session: Any, line: str) -> bool:
    return False


@pytest.mark.parametrize("fault", [no, cut_off])
async def test_a_mail_that_is_never_handed_out_does_not_keep_back_the_others(
    fake: FakeImap, store: SqliteStore, fault: Any
) -> None:
    async def only_the_first(session: Any, line: str) -> bool:
        return await fault(session, line) if "FETCH 1 (UID BODY" in line else False

    take = Taker()
    async with collecting(store, fake.port, take, rhythm=QUICK) as collector:
        await connected(collector)
        fake.go_wrong("UID FETCH", only_the_first, times=1000)
        fake.arrive(mail("poison"))
        fake.arrive(mail("good"))
        await until(lambda: take.mails)

    assert take.mails == [mail("good")]
    assert (await kept(store, 1)).state == "quarantined"
    assert "did not hand it out" in (await kept(store, 1)).why


async def test_a_mail_expunged_between_search_and_fetch_is_no_fault(
    fake: FakeImap, store: SqliteStore
) -> None:
    async def expunge(session: Any, line: str) -> bool:
        fake.mails.pop(2, None)
        return False

    take = Taker()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.go_wrong("UID FETCH", expunge)
        mails = [mail(f"{n}") for n in range(3)]
        fake.mails.update(enumerate(mails[:2], 1))
        fake.times.update({1: kit.NOW, 2: kit.NOW})
        fake.next_uid = 3
        fake.arrive(mails[2])
        await until(lambda: len(take.mails) == 2)

    assert take.mails == [mails[0], mails[2]]
    assert fake.connections == 1


async def test_a_mail_expunged_between_its_size_and_its_body_is_no_fault(
    fake: FakeImap, store: SqliteStore
) -> None:
    async def expunge(session: Any, line: str) -> bool:
        fake.mails.pop(1, None)
        return False

    take = Taker()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.go_wrong("UID FETCH", never)
        fake.go_wrong("UID FETCH", expunge)
        fake.arrive(mail("gone"))
        await until(lambda: not fake.mails)
        fake.arrive(mail("here"))
        await until(lambda: take.mails)

    assert take.mails == [mail("here")]
    assert fake.connections == 1


async def test_a_uid_that_the_server_gives_twice_is_one_mail(fake: FakeImap, store: SqliteStore) -> None:
    async def twice(session: Any, line: str) -> bool:
        if "BODY" in line:
            session.say_mail(1)
        else:
            session.say_mail(1, "RFC822.SIZE")
        return False

    async def search_twice(session: Any, line: str) -> bool:
        session.say("* SEARCH 1 1")
        return False

    take = Taker()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.go_wrong("UID SEARCH", search_twice)
        fake.go_wrong("UID FETCH", twice, times=2)
        fake.arrive(mail("one"))
        await until(lambda: fake.flags[1])

    assert take.mails == [mail("one")]
    assert await states(store) == [(1, "done")]


async def test_twelve_hundred_lines_in_one_answer_are_survived_and_more_mails_than_are_asked_for_at_once(
    fake: FakeImap, store: SqliteStore
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)
    for n in range(450):
        fake.arrive(mail(f"{n}"))
    fake.go_wrong("NOOP", many_lines)
    fake.go_wrong("IDLE", many_lines)
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)

    assert take.mails == [mail(f"{n}") for n in range(450)]
    assert fake.connections == 1
    assert max(command.count(",") for command in fake.commands) == 199


async def test_when_the_server_numbers_its_mails_anew_what_was_missed_is_read_and_what_was_read_is_not(
    fake: FakeImap, store: SqliteStore
) -> None:
    take, before, after = Taker(), kit.NOW - timedelta(hours=1), kit.NOW + timedelta(hours=1)
    fake.arrive(mail("old"), before)
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("read"), after)
        await until(lambda: fake.flags[2])

    fake.validity, fake.next_uid = 8, 1
    fake.mails.clear()
    fake.flags.clear()
    for text, at in (("missed", after), ("old", before), ("read", after)):
        fake.arrive(mail(text), at)
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("new"), after)
        await until(lambda: mail("new") in take.mails)

    assert take.mails == [mail("read"), mail("missed"), mail("new")]
    known = await store.mail.mailbox(kit.US, "INBOX")
    assert (known.validity, known.baseline, known.since) == (8, 3, kit.NOW)


async def test_the_numbers_change_while_the_bot_runs(fake: FakeImap, store: SqliteStore) -> None:
    take = Taker()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)
        fake.arrive(mail("one"), kit.later(1))
        await until(lambda: fake.flags[1])
        fake.validity = 8
        fake.arrive(mail("two"), kit.later(1))
        await until(lambda: len(take.mails) == 2)
        for session in list(fake.sessions):
            session.writer.transport.abort()
        fake.arrive(mail("three"), kit.later(1))
        await until(lambda: len(take.mails) == 3)

    assert take.mails == [mail("one"), mail("two"), mail("three")]


async def test_a_crash_in_the_middle_of_reading_all_anew_loses_nothing(
    fake: FakeImap, store: SqliteStore
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=50, since=kit.NOW)
    fake.validity = 8
    old = [fake.arrive(mail(f"old {n}"), kit.NOW - timedelta(days=3)) for n in range(2)]
    mails = [mail(f"{n}") for n in range(4)]
    for raw in mails:
        fake.arrive(raw, kit.later(1))

    class Crash(Taker):
        async def __call__(self, raw: bytes, row: Any) -> Any:
            if len(self.mails) == 2:
                raise KeyError("crash")
            return await super().__call__(raw, row)

    crash, take = Crash(), Taker()
    with pytest.raises(KeyError):
        await kit.collector(store, fake.port, crash).run()
    async with collecting(store, fake.port, take) as collector:
        await connected(collector)

    assert crash.mails + take.mails == mails
    assert not {uid for uid, _ in await states(store)} & set(old)


async def test_old_mails_with_a_new_time_of_arrival_are_known_by_their_date(
    fake: FakeImap, store: SqliteStore
) -> None:
    await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=50, since=kit.NOW)
    fake.validity = 8
    fake.arrive(mail("old", Date="Mon, 5 Jan 2026 10:00:00 +0100"), kit.later(5))
    fake.arrive(mail("missed", Date="Tue, 3 Mar 2026 10:00:00 +0100"), kit.later(5))
    take = Taker()

    async with collecting(store, fake.port, take) as collector:
        await connected(collector)

    assert take.mails == [mail("missed", Date="Tue, 3 Mar 2026 10:00:00 +0100")]
    assert (await kept(store, 1)).why == "written 2026-01-05, before this mailbox was first read"


async def test_a_mailbox_without_a_next_uid_gets_its_baseline_from_a_search(
    fake: FakeImap, store: SqliteStore
) -> None:
    async def without(session: Any, line: str) -> bool:
        session.say("* 1 EXISTS", "* OK [UIDVALIDITY 7] x", f"{line.split()[0]} OK [READ-WRITE] opened")
        return True

    fake.arrive(mail("old"))
    fake.go_wrong("SELECT", without)

    async with collecting(store, fake.port, Taker()) as collector:
        await connected(collector)

    assert (await store.mail.mailbox(kit.US, "INBOX")).baseline == 1


async def test_pauses_grow_while_the_server_is_away_and_it_is_found_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    fake = FakeImap()
    async with fake.serve():
        port = fake.port
    take = Taker()

    async with collecting(store, port, take) as collector:
        await until(lambda: collector.health().state == "failing")
        assert f"127.0.0.1:{port}" in collector.health().detail
        async with fake.serve():
            await connected(collector)
            fake.arrive(mail("one"))
            await until(lambda: take.mails)


async def test_it_stops_at_once_in_idle(fake: FakeImap, store: SqliteStore) -> None:
    collector = kit.collector(store, fake.port, Taker())
    running = asyncio.ensure_future(collector.run())
    await fake.someone_idles.wait()

    running.cancel()

    async with asyncio.timeout(5):
        await asyncio.wait({running})
    await until(lambda: not fake.sessions)
