"""The simulated mailbox by IMAP: news while idle, keywords, moves, what a restart keeps, and broken connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aioimaplib import IMAP4, IMAP4_SSL

from simulators.mail import ADDRESS, MailConfig, MailSimulator
from simulators.mail.faults import Fault, Kind
from tests.simulators.mail_kit import SECONDS, fetch, flags, imap, logged_in, lost, smtp, uid_validity, uids


@pytest.fixture
async def mail() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as found:
        yield found


async def pushed(client: IMAP4, word: bytes) -> None:
    """Wait for a line of an idle server that has this word in it."""
    async with asyncio.timeout(SECONDS):
        while not any(word in line for line in await client.wait_server_push(timeout=SECONDS)):
            pass


async def test_what_was_said_before_anybody_looked_is_there_byte_for_byte(mail: MailSimulator):
    first, uid = await mail.say("ann", "hello\n.\nwith a dot", subject="Grüße")

    async with imap(mail.addresses()) as client:
        assert await uids(client) == [uid]
        assert await fetch(client, uid) == first.raw
        assert await flags(client, uid) == set()


async def test_an_idle_client_is_told_at_once(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        idle = await client.idle_start(timeout=SECONDS)
        _, uid = await mail.say("ann", "first")
        await pushed(client, b"1 EXISTS")
        _, again = await mail.say("bob", "second")
        await pushed(client, b"2 EXISTS")
        client.idle_done()
        await asyncio.wait_for(idle, SECONDS)

        assert await uids(client) == [uid, again]


async def test_mail_that_came_between_select_and_idle_is_told_when_idling_starts(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        await mail.say("ann", "in the gap")

        await client.idle_start(timeout=SECONDS)

        await pushed(client, b"1 EXISTS")


async def test_a_client_that_does_not_ask_for_news_searches_what_it_knows(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        await mail.say("ann", "unseen until NOOP")

        before = await client.uid_search("ALL")

        assert before.lines[0] == b""
        assert await uids(client) == [1]


async def test_keywords_and_flags_are_kept_and_searched(mail: MailSimulator):
    for text in ("one", "two"):
        await mail.say("ann", text)

    async with imap(mail.addresses()) as client:
        assert (await client.uid("store", "1", "+FLAGS", "($Saywhen \\Seen)")).result == "OK"

        assert await flags(client, 1) == {"$Saywhen", "\\Seen"}
        assert await uids(client, "UNKEYWORD", "$Saywhen") == [2]
        assert await uids(client, "UNSEEN") == [2]


async def test_moves_copies_and_appends_reach_other_folders(mail: MailSimulator):
    for text in ("one", "two"):
        await mail.say("ann", text)

    async with imap(mail.addresses()) as client:
        assert (await client.uid("move", "1", "Archive")).result == "OK"
        assert (await client.uid("copy", "2", "Trash")).result == "OK"
        assert (
            await client.append(b"Subject: mine\r\n\r\nsent\r\n", "Sent", flags="(\\Seen)")
        ).result == "OK"
        assert (await client.uid("move", "2", "Nowhere")).result == "NO"
        assert await uids(client) == [2]
    for folder in ("Archive", "Trash", "Sent"):
        async with imap(mail.addresses(), select=folder) as client:
            assert await uids(client) == [1], folder


async def test_a_restart_keeps_mails_uids_flags_folders_validity_and_ports(tmp_path: Path):
    async with MailSimulator(tmp_path / "sim.db") as mail:
        for text in ("one", "two", "three"):
            await mail.say("ann", text)
        async with imap(mail.addresses()) as client:
            await client.uid("store", "2", "+FLAGS", "($Saywhen)")
            await client.uid("move", "1", "Archive")
            await client.uid("store", "3", "+FLAGS", "(\\Deleted)")
            await client.expunge()
            await client.create("Bot")
            before, kept = await uid_validity(client), await fetch(client, 2)
        ports = mail.provider.ports

    async with MailSimulator(tmp_path / "sim.db") as mail:
        _, uid = await mail.say("bob", "four")
        async with imap(mail.addresses()) as client:
            after = await uid_validity(client)

            assert (after, mail.provider.ports) == (before, ports)
            assert await uids(client) == [2, uid]
            assert uid == 4, "UIDs are never given twice"
            assert await flags(client, 2) == {"$Saywhen"}
            assert await fetch(client, 2) == kept
        async with imap(mail.addresses(), select="Archive") as client:
            assert await uids(client) == [1]
        async with imap(mail.addresses(), select="Bot") as client:
            assert await uids(client) == []


async def test_a_port_that_is_taken_is_replaced_by_a_free_one(tmp_path: Path):
    async with MailSimulator(tmp_path / "sim.db") as mail:
        first = mail.provider.ports["imap"]
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", first)

    async with taken, MailSimulator(tmp_path / "sim.db") as mail:
        assert mail.provider.ports["imap"] != first


async def test_a_new_validity_numbers_the_same_mails_anew_and_ends_connections(mail: MailSimulator):
    for text in ("one", "two"):
        await mail.say("ann", text)
    async with imap(mail.addresses()) as client:
        before, second = await uid_validity(client), await fetch(client, 2)
        await client.uid("move", "1", "Archive")
        await client.uid("store", "2", "+FLAGS", "($Saywhen)")

        gone = lost(client)
        validity = await mail.provider.change_validity()

        await asyncio.wait_for(gone, SECONDS)
    async with imap(mail.addresses()) as client:
        assert await uid_validity(client) == validity > before
        assert await uids(client) == [1]
        assert await fetch(client, 1) == second
        assert await flags(client, 1) == {"$Saywhen"}


async def test_idle_clients_are_dropped_with_and_without_a_word(mail: MailSimulator):
    async def drop(*, goodbye: bool) -> list[bytes]:
        async with imap(mail.addresses()) as client:
            gone = lost(client)
            await client.idle_start(timeout=SECONDS)
            assert await mail.provider.disconnect(goodbye=goodbye) == 1
            await asyncio.wait_for(gone, SECONDS)
            return [] if client.protocol.idle_queue.empty() else await client.wait_server_push(1)

    assert await drop(goodbye=True) == [b"BYE Server shutting down"]
    assert await drop(goodbye=False) == []


async def test_logins_are_refused_for_the_wrong_password_and_on_request(mail: MailSimulator):
    async def login(password: str) -> Any:
        client = IMAP4("127.0.0.1", mail.provider.ports["imap"], timeout=SECONDS)
        await client.wait_hello_from_server()
        found = await client.login(ADDRESS, password)
        client.protocol.transport.close()
        return found

    mail.faults.add(Fault("no", "login"))

    for password, result in (("demo", "NO"), ("wrong", "NO"), ("demo", "OK")):
        found = await login(password)
        assert found.result == result
        assert (b"AUTHENTICATIONFAILED" in found.lines[-1]) is (result == "NO")


async def test_a_command_is_refused_on_request(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        mail.faults.add(Fault("no", "fetch"))

        refused = await client.uid("fetch", "1", "(FLAGS)")
        after = await client.uid("fetch", "1", "(FLAGS)")

    assert (refused.result, after.result) == ("NO", "OK")


@pytest.mark.parametrize("kind", ["bye", "drop"])
async def test_a_command_ends_the_connection_on_request(mail: MailSimulator, kind: Kind):
    await mail.say("ann", "hello")
    async with imap(mail.addresses()) as client:
        mail.faults.add(Fault(kind, "store"))
        gone = lost(client)

        command = asyncio.ensure_future(client.uid("store", "1", "+FLAGS", "(x)"))

        await asyncio.wait_for(gone, SECONDS)
        command.cancel()
    async with imap(mail.addresses()) as client:
        assert await flags(client, 1) == set()


async def test_a_hanging_command_is_let_go(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        mail.faults.add(Fault("hang", "noop"))
        waiting = asyncio.ensure_future(client.noop())
        await mail.until(lambda: not mail.faults.waiting)
        assert not waiting.done()

        mail.faults.clear()

        assert (await asyncio.wait_for(waiting, SECONDS)).result == "OK"


async def test_tls_is_trusted_through_its_own_authority_only(tmp_path: Path):
    async with MailSimulator(tmp_path / "sim.db", config=MailConfig(tls=True)) as mail:
        where = mail.addresses()
        trusting = ssl.create_default_context(cafile=where["email_ca_file"])
        await mail.say("ann", "sealed")

        assert await uids_over_tls(where, trusting) == [1]
        async with smtp(where, hostname="localhost", use_tls=True, tls_context=trusting) as sender:
            assert (await sender.noop()).code == 250
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "localhost", int(where["email_imap_port"]), ssl=ssl.create_default_context()
            )

    async with MailSimulator(tmp_path / "sim.db", config=MailConfig(tls=True)) as mail:
        assert await uids_over_tls(mail.addresses(), trusting) == [1]


async def uids_over_tls(where: Mapping[str, str], trusting: ssl.SSLContext) -> list[int]:
    port = int(where["email_imap_port"])
    client = IMAP4_SSL("localhost", port, timeout=SECONDS, ssl_context=trusting)
    await logged_in(client, "INBOX")
    found = await uids(client)
    client.protocol.transport.close()
    return found
