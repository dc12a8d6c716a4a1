"""`python -m simulators` with mail: its addresses, its people, TLS, and what a kill does not lose."""

import json
import ssl
from pathlib import Path

import aiohttp
from aioimaplib import IMAP4_SSL

from simulators.server import parse_options
from tests.simulators.mail_kit import SECONDS, flags, imap, logged_in, smtp, uids
from tests.simulators.test_twilio_server import get, simulators


async def say(addresses: dict[str, str], **body: str) -> dict[str, object]:
    url = f"{addresses['sim_url']}/sim/email/say"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        answer: dict[str, object] = await response.json()
        return answer


async def test_a_kill_loses_no_mail_and_keeps_the_ports(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (process, before):
        await say(before, **{"from": "ann", "text": "one"})
        async with imap(before) as client:
            await client.uid("store", "1", "+FLAGS", "($Saywhen)")
            async with smtp(before) as sender:
                await sender.sendmail("bot@saywhen.test", ["ann@example.org"], b"Subject: two\r\n\r\ntwo\r\n")
            process.kill()
            await process.wait()

    async with simulators(tmp_path / "sim.db") as (_, after):
        _, messages = await get(after, "/sim/email/messages")
        async with imap(after) as client:
            assert await uids(client) == [1]
            assert await flags(client, 1) == {"$Saywhen"}

    ports = ("email_imap_port", "email_smtp_port")
    assert [after[port] for port in ports] == [before[port] for port in ports]
    assert [each["subject"] for each in json.loads(messages)["messages"]] == ["two"]
    assert {name: before[name] for name in before if name.startswith("email_") and name not in ports} == {
        "email_imap_host": "127.0.0.1",
        "email_smtp_host": "127.0.0.1",
        "email_user": "bot@saywhen.test",
        "email_password": "demo",
        "email_address": "bot@saywhen.test",
        "email_authserv_id": "mx.saywhen.test",
        "email_ca_file": "",
    }


async def test_people_may_have_mail_alone_and_the_option_gives_tls(tmp_path: Path):
    people = json.dumps([{"name": "emil", "email": "Emil@example.com"}])
    async with simulators(tmp_path / "sim.db", "--people", people, "--email-tls") as (_, addresses):
        emil = await say(addresses, **{"from": "emil", "text": "hi"})
        _, html = await get(addresses, "/sim")
        trusting = ssl.create_default_context(cafile=addresses["email_ca_file"])
        client = IMAP4_SSL(
            "localhost", int(addresses["email_imap_port"]), timeout=SECONDS, ssl_context=trusting
        )
        await logged_in(client, "INBOX")
        assert await uids(client) == [1]
        client.protocol.transport.close()

    assert emil["ok"] is True
    assert '<option value="emil@example.com">' in html
    assert 'id="pane-slack"' not in html


def test_mail_is_plain_unless_tls_is_asked_for():
    assert not parse_options([]).email_tls
    assert parse_options(["--email-tls"]).email_tls
