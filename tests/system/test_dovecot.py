"""The mailbox on a real Dovecot: pushed mail, a killed server, a thousand mails, a large one, and whom we trust."""

import hashlib
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store.sqlite import SqliteStore
from channels.email.imap import Imap, MailboxRefused
from channels.email.mailbox import Collector, Rhythm, Rules
from tests.channels import mailbox_kit as kit
from tests.channels.mailbox_kit import Taker, connected, mail, states, store_at, until, working
from tests.system.dovecot_kit import LOGIN, Dovecot, dovecot

pytestmark = [pytest.mark.system, pytest.mark.slow]

NO_POLL = Rhythm(idle=280.0, first=0.05, longest=0.2)


@pytest.fixture
async def server() -> AsyncIterator[Dovecot]:
    async with dovecot() as server:
        yield server


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with store_at(tmp_path / "saywhen.db") as store:
        yield store


@pytest.fixture
async def other(server: Dovecot) -> AsyncIterator[Imap]:
    """Somebody else who has the mailbox open."""
    imap = await server.connect()
    await imap.select("INBOX")
    yield imap
    imap.close()


def collector(server: Dovecot, store: SqliteStore, take: Taker, rules: Rules = kit.BY_KEYWORD) -> Collector:
    return Collector(
        kit.US, shelf=store.mail, take=take, connect=server.connect, clock=kit.utc_now, rules=rules,
        rhythm=NO_POLL, jitter=lambda: 0,
    )  # fmt: skip


async def test_a_new_mail_is_pushed_read_and_marked_and_an_old_one_is_neither(
    server: Dovecot, store: SqliteStore, other: Imap
) -> None:
    take = Taker()
    await other.append("INBOX", mail("old"))

    async with working(collector(server, store, take)) as made:
        await connected(made)
        for text in ("one", "two"):
            await other.append("INBOX", mail(text))
            await until(lambda text=text: mail(text) in take.mails)
        await until(lambda: marked(other, [2, 3]))

    assert take.mails == [mail("one"), mail("two")]


async def marked(other: Imap, uids: list[int]) -> bool:
    """Only the keyword: the mails are still unseen for everybody else."""
    await other.noop()
    assert await other._search("SEEN") == ()
    return list(await other._search("KEYWORD $Saywhen")) == uids


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_after_the_server_was_ended_in_idle_it_is_found_again_and_nothing_is_lost(
    server: Dovecot, store: SqliteStore, how: signal.Signals
) -> None:
    take = Taker()

    async with working(collector(server, store, take)) as made:
        await connected(made)
        await server.stop(how)
        await until(lambda: made.health().state == "failing")
        server.deliver([mail("meanwhile")])
        await server.start()
        await until(lambda: take.mails)
        await connected(made)

    assert take.mails == [mail("meanwhile")]


async def test_a_thousand_mails_that_waited_are_read_once_each(
    server: Dovecot, store: SqliteStore, other: Imap
) -> None:
    take, mails = Taker(), [mail(f"number {n}") for n in range(1000)]
    async with working(collector(server, store, take)) as made:
        await connected(made)
    server.deliver(mails)

    async with working(collector(server, store, take)) as made:
        await connected(made)

    assert sorted(take.mails) == sorted(mails)
    assert {state for _, state in await states(store)} <= {"done"}
    await until(lambda: marked(other, list(range(1, 1001))))


async def test_a_mail_of_20_mib_comes_as_it_was_sent(
    server: Dovecot, store: SqliteStore, other: Imap
) -> None:
    take = Taker()
    line = hashlib.sha256(b"x").hexdigest().encode() + b"* OK ) {5}\r\n"
    large = mail("large") + line * (20 * 2**20 // len(line))

    async with working(collector(server, store, take)) as made:
        await connected(made)
        await other.append("INBOX", large)
        await until(lambda: take.mails, seconds=60)

    assert len(take.mails) == 1
    assert take.mails[0] == large


async def test_finished_mails_are_moved_to_a_folder_with_a_name_of_any_language(
    server: Dovecot, store: SqliteStore, other: Imap
) -> None:
    take, folder = Taker(), "Erledigt & für später 日本"

    async with working(collector(server, store, take, Rules(move_to=folder))) as made:
        await connected(made)
        await other.append("INBOX", mail("one"))
        await until(lambda: take.mails)
        await until(lambda: is_empty(other))

    await other.select(folder)
    assert await other.fetch(1, size=100) == mail("one")


async def is_empty(other: Imap) -> bool:
    await other.noop()
    return not await other.search_from(1)


async def test_when_dovecot_numbers_the_mailbox_anew_nothing_is_read_twice_and_nothing_is_missed(
    server: Dovecot, store: SqliteStore, other: Imap
) -> None:
    take = Taker()
    async with working(collector(server, store, take)) as made:
        await connected(made)
        await other.append("INBOX", mail("read"))
        await until(lambda: take.mails)
    await server.stop()
    for index in (server.folder / "mail").glob("dovecot*"):
        if "uidvalidity" not in index.name:  # holds the number last given, so that it is never given again
            index.unlink()
    server.deliver([mail("missed")])
    await server.start()

    async with working(collector(server, store, take)) as made:
        await connected(made)

    assert take.mails == [mail("read"), mail("missed")]
    assert len({row.validity for row in await store.mail.rows()}) == 2


async def test_a_certificate_of_nobody_we_trust_is_refused_with_the_setting_that_helps(
    server: Dovecot,
) -> None:
    with pytest.raises(MailboxRefused, match=r"Nobody we trust .*localhost.*channels\.email\.ca_file"):
        await Imap.connect(replace(server.server, ca_file=""), LOGIN)


async def test_a_certificate_for_another_name_is_refused(server: Dovecot) -> None:
    with pytest.raises(MailboxRefused, match=r"another name.*channels\.email\.imap_host"):
        await Imap.connect(replace(server.server, host="127.0.0.1"), LOGIN)


async def test_a_wrong_password_is_refused_in_words(server: Dovecot) -> None:
    with pytest.raises(MailboxRefused, match="AUTHENTICATIONFAILED"):
        await Imap.connect(server.server, replace(LOGIN, password="wrong"))
