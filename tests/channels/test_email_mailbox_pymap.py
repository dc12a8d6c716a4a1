"""The mailbox on pymap, as the simulated provider runs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.sqlite import SqliteStore
from channels.email.imap import Imap, Login, Server
from channels.email.mailbox import Collector, Mark, Rhythm, Rules
from simulators.mail import ADDRESS, PASSWORD, MailConfig, MailSimulator
from simulators.mail.faults import Fault, Kind, Operation
from tests.channels import mailbox_kit as kit
from tests.channels.mailbox_kit import Taker, connected, store_at, until, working
from tests.simulators.mail_kit import flags, imap

NO_POLL = Rhythm(idle=280.0, first=0.01, longest=0.05)
COMMANDS: tuple[Operation, ...] = ("greeting", "login", "select", "search", "fetch", "store", "idle", "noop")
FAULTS: list[tuple[Operation, Kind]] = [
    *((command, "drop") for command in COMMANDS),
    ("idle", "bye"),
    ("search", "no"), ("fetch", "no"), ("store", "no"),
    ("fetch", "hang"), ("idle", "hang"),
]  # fmt: skip


@pytest.fixture
async def provider() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as provider:
        yield provider


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with store_at(tmp_path / "saywhen.db") as store:
        yield store


def server_of(provider: MailSimulator, *, tls: bool = False) -> Server:
    found = provider.addresses()
    return Server(found["email_imap_host"], int(found["email_imap_port"]), tls, found["email_ca_file"])


def collector(
    provider: MailSimulator, store: SqliteStore, take: Taker, *, mark: Mark = "keyword", move_to: str = ""
) -> Collector:
    async def connect() -> Imap:
        return await Imap.connect(server_of(provider), Login(ADDRESS, PASSWORD), timeout=0.5)

    return Collector(
        ADDRESS, shelf=store.mail, take=take, connect=connect, clock=kit.utc_now, rhythm=NO_POLL,
        rules=Rules(mark=mark, move_to=move_to), jitter=lambda: 0,
    )  # fmt: skip


async def test_mails_are_pushed_read_once_byte_for_byte_and_marked(
    provider: MailSimulator, store: SqliteStore
) -> None:
    take = Taker()
    await provider.say("ann", "old")

    async with working(collector(provider, store, take)) as made:
        await connected(made)
        letters = [await provider.say("ann", text) for text in ("one\n.\ntwo", "Grüße", "three")]
        await until(lambda: len(take.mails) == 3)
        await until(lambda: not made.health().detail and is_marked(provider, letters[-1][1]))

    assert take.mails == [letter.raw for letter, _ in letters]


async def is_marked(provider: MailSimulator, uid: int) -> bool:
    async with imap(provider.addresses()) as client:
        return "$Saywhen" in await flags(client, uid)


@pytest.mark.parametrize(("operation", "kind"), FAULTS)
async def test_a_fault_at_any_command_loses_nothing_and_reads_nothing_twice(
    provider: MailSimulator, store: SqliteStore, operation: Operation, kind: Kind
) -> None:
    take = Taker()
    for _ in range(2):
        provider.faults.add(Fault(kind, operation))

    async with working(collector(provider, store, take)) as made:
        await connected(made)
        letters = [await provider.say("ann", f"number {n}") for n in range(3)]
        await until(lambda: len(take.mails) == 3)

    assert take.mails == [letter.raw for letter, _ in letters]


async def test_an_access_over_tls_with_the_providers_own_authority(store: SqliteStore) -> None:
    async with MailSimulator(config=MailConfig(tls=True)) as provider:
        found = await Imap.connect(server_of(provider, tls=True), Login(ADDRESS, PASSWORD))

        assert (await found.select("INBOX")).validity
        found.close()
