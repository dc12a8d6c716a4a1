"""What the app sends by SMTP: kept as it was, delivered to itself, and refused on request."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from simulators.mail import ADDRESS, PASSWORD, MailConfig, MailSimulator
from simulators.mail.faults import Fault, Kind, Operation
from tests.simulators.mail_kit import ANN, BOB, SECONDS, fetch, imap, parsed, send, smtp, uids


@pytest.fixture
async def mail() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as found:
        yield found


def letter(to: str = ANN, text: str = "hello", sender: str = ADDRESS) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Message-ID"] = sender, to, "Hi", "<1@x.test>"
    message.set_content(text)
    return message


async def test_a_mail_is_kept_with_its_headers_in_order_and_its_envelope(mail: MailSimulator):
    raw = (
        b"From: Saywhen <bot@saywhen.test>\r\nTo: ann@example.org\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
        b"References: <a@x.test>\r\n <b@x.test>\r\nIn-Reply-To: <b@x.test>\r\nMessage-ID: <c@x.test>\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n.hello\r\n"
    )
    async with smtp(mail.addresses()) as client:
        await client.sendmail(ADDRESS, [ANN, "hidden@example.com"], raw)

    (found,) = mail.messages()
    assert mail.letter(found["n"]).raw == raw
    assert [name for name, _ in found["headers"]][2:4] == ["X-Twice", "X-Twice"]
    assert (found["from"], found["to"], found["subject"], found["text"]) == (
        ADDRESS,
        [ANN],
        "Grüße",
        ".hello\n",
    )
    assert (found["message_id"], found["in_reply_to"], found["references"]) == (
        "<c@x.test>",
        "<b@x.test>",
        ["<a@x.test>", "<b@x.test>"],
    )
    assert (found["sender"], found["recipients"]) == (ADDRESS, [ANN, "hidden@example.com"])
    assert found["direction"] == "out"


async def test_messages_are_found_by_name_or_address(mail: MailSimulator):
    await send(mail, "to ann")
    await send(mail, "to bob", To=BOB)
    await mail.say("ann", "from ann")

    def texts(**query: Any) -> list[str]:
        return [each["text"].strip() for each in mail.messages(**query)]

    assert texts() == ["to ann", "to bob"]
    assert texts(all_=True) == ["to ann", "to bob", "from ann"]
    assert texts(to="ann") == texts(to="ANN@example.org") == ["to ann"]
    assert texts(from_="ann", all_=True) == ["from ann"]
    assert texts(from_="ann") == []
    assert texts(to="stranger@example.com") == []


async def test_the_password_is_checked_if_one_is_given(mail: MailSimulator):
    async with smtp(mail.addresses()) as client:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await client.login(ADDRESS, "wrong")
    async with smtp(mail.addresses(), username=ADDRESS, password=PASSWORD) as client:
        await client.send_message(letter())

    assert len(mail.messages()) == 1


@pytest.mark.parametrize(
    ("to", "sender", "verdict"),
    [
        (ADDRESS, ADDRESS, "dmarc=pass header.from=saywhen.test"),
        ("bot+token-1@saywhen.test", ADDRESS, "dmarc=pass header.from=saywhen.test"),
        ("Bot@SayWhen.test", ADDRESS, "dmarc=pass header.from=saywhen.test"),
        (ADDRESS, ANN, "dmarc=fail (p=none dis=none) header.from=example.org"),
    ],
)
async def test_mail_to_itself_arrives_past_the_border(
    mail: MailSimulator, to: str, sender: str, verdict: str
):
    async with imap(mail.addresses()) as client:
        async with smtp(mail.addresses()) as sending:
            await sending.send_message(letter(to, sender=sender), sender=ADDRESS)

        assert await uids(client) == [1]
        arrived = parsed(await fetch(client, 1))

    assert arrived["Delivered-To"] == to
    assert arrived["Return-Path"] == f"<{ADDRESS}>"
    assert arrived["Authentication-Results"].startswith(f"mx.saywhen.test; {verdict};")


async def test_mail_to_others_of_our_domain_does_not_arrive(mail: MailSimulator):
    await send(mail, To="robot@saywhen.test")
    await send(mail, To="bot@saywhen.test.example.org")

    async with imap(mail.addresses()) as client:
        assert await uids(client) == []


@pytest.mark.parametrize("kind", ["450", "451", "452", "550"])
async def test_recipients_are_refused_as_often_as_asked(mail: MailSimulator, kind: Kind):
    mail.faults.add(Fault(kind, "rcpt", times=2))

    for _ in range(2):
        async with smtp(mail.addresses()) as client:
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
                await client.send_message(letter())
        assert refused.value.recipients[0].code == int(kind)
    await send(mail)

    assert len(mail.messages()) == 1


async def test_one_recipient_of_two_can_be_unknown(mail: MailSimulator):
    mail.faults.add(Fault("550", "rcpt", to="Bob@example.org"))

    async with smtp(mail.addresses()) as client:
        errors, _ = await client.send_message(letter(f"{ANN}, {BOB}"))

    assert errors[BOB].code == 550
    assert mail.messages()[0]["recipients"] == [ANN]


async def test_a_mail_is_too_big_by_its_size_or_on_request():
    async with MailSimulator(config=MailConfig(largest=2_000)) as mail:
        async with smtp(mail.addresses()) as client:
            with pytest.raises(aiosmtplib.SMTPException, match="552"):
                await client.send_message(letter(text="x\n" * 2_000))
        mail.faults.add(Fault("552"))
        async with smtp(mail.addresses()) as client:
            with pytest.raises(aiosmtplib.SMTPDataError) as refused:
                await client.send_message(letter())

        assert refused.value.code == 552
        assert mail.messages() == []


@pytest.mark.parametrize(("on", "command"), [("ehlo", b"EHLO x"), (None, b"MAIL FROM:<bot@saywhen.test>")])
async def test_a_busy_server_says_421_and_hangs_up(mail: MailSimulator, on: Operation | None, command: bytes):
    mail.faults.add(Fault.usual("421", on))
    reader, writer = await asyncio.open_connection("127.0.0.1", mail.provider.ports["smtp"])
    greeting = b"" if on else b"HELO x\r\n"

    writer.write(greeting + command + b"\r\n")

    said = await asyncio.wait_for(reader.read(), SECONDS)  # to its end
    assert said.splitlines()[-1].startswith(b"421 ")
    writer.close()
    await send(mail)
    assert len(mail.messages()) == 1


@pytest.mark.parametrize(("kind", "kept"), [("drop", 0), ("drop_after_accept", 1)])
async def test_the_connection_is_lost_after_the_final_dot(mail: MailSimulator, kind: Kind, kept: int):
    mail.faults.add(Fault(kind))

    async with smtp(mail.addresses()) as client:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.send_message(letter())

    assert len(mail.messages()) == kept


async def test_an_answer_that_hangs_ends_the_clients_patience(mail: MailSimulator):
    mail.faults.add(Fault("hang"))

    async with smtp(mail.addresses(), timeout=0.2) as client:
        with pytest.raises(aiosmtplib.SMTPException):
            await client.send_message(letter())

    assert mail.messages() == []


async def test_a_delay_is_over_when_the_faults_are_cleared(mail: MailSimulator):
    mail.faults.add(Fault("delay", seconds=600))
    sending = asyncio.ensure_future(send(mail))
    await mail.until(lambda: not mail.faults.waiting)
    assert mail.messages() == []

    mail.faults.clear()

    assert (await asyncio.wait_for(sending, 10))["text"] == "hello\n"


async def test_a_null_sender_and_utf8_addresses_are_taken(mail: MailSimulator):
    async with smtp(mail.addresses()) as client:
        await client.sendmail("", [ANN], b"Subject: null\r\n\r\nx\r\n")
        await client.sendmail(
            ADDRESS, ["jörg@example.org"], "Subject: ü\r\n\r\nx\r\n".encode(), mail_options=["SMTPUTF8"]
        )

    null, utf8 = mail.messages()
    assert (null["sender"], utf8["recipients"], utf8["subject"]) == ("", ["jörg@example.org"], "ü")


async def test_a_killed_simulator_still_has_what_was_sent(tmp_path: Path):
    async with MailSimulator(tmp_path / "sim.db") as mail:
        sent = await send(mail)

    async with MailSimulator(tmp_path / "sim.db") as mail:
        assert mail.messages() == [sent]
