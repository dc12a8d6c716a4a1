"""Real clients on the simulated mailbox's sockets, and calls of its control API."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import aiohttp
import aiosmtplib
from aioimaplib import IMAP4, IMAP4_SSL

from simulators.mail import ADDRESS, PASSWORD, MailSimulator

ANN, BOB = "ann@example.org", "bob@example.org"
SECONDS = 10.0


@asynccontextmanager
async def imap(addresses: Mapping[str, str], *, select: str = "INBOX") -> AsyncIterator[IMAP4]:
    client = IMAP4(addresses["email_imap_host"], int(addresses["email_imap_port"]), timeout=SECONDS)
    await logged_in(client, select)
    try:
        yield client
    finally:
        client.protocol.transport.close()


async def logged_in(client: IMAP4 | IMAP4_SSL, select: str) -> None:
    await client.wait_hello_from_server()
    assert (await client.login(ADDRESS, PASSWORD)).result == "OK"
    assert (await client.select(select)).result == "OK"


@asynccontextmanager
async def smtp(addresses: Mapping[str, str], **more: Any) -> AsyncIterator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(
        port=int(addresses["email_smtp_port"]),
        **{"hostname": addresses["email_smtp_host"], "timeout": SECONDS, "start_tls": False, **more},
    )
    await client.connect()
    try:
        yield client
    finally:
        client.close()


def lost(client: IMAP4) -> asyncio.Future[None]:
    """Done once the connection is gone; aioimaplib tells nobody else."""
    found: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    client.protocol.conn_lost_cb = lambda _error: None if found.done() else found.set_result(None)
    return found


async def uids(client: IMAP4, *criteria: str) -> list[int]:
    """What the server knows now: it tells news to those who ask with NOOP."""
    assert (await client.noop()).result == "OK"
    found = await client.uid_search(*(criteria or ("ALL",)))
    assert found.result == "OK", found
    return [int(uid) for uid in found.lines[0].split()]


async def fetch(client: IMAP4, uid: int) -> bytes:
    found = await client.uid("fetch", str(uid), "(BODY.PEEK[])")
    assert found.result == "OK", found
    return bytes(next(line for line in found.lines if isinstance(line, bytearray)))


async def flags(client: IMAP4, uid: int) -> set[str]:
    found = await client.uid("fetch", str(uid), "(FLAGS)")
    line = re.search(rb"FLAGS \(([^)]*)\)", found.lines[0])
    assert line is not None, found
    return set(line[1].decode().split())


async def uid_validity(client: IMAP4) -> int:
    found = await client.select("INBOX")
    return int(next(m[1] for line in found.lines if (m := re.search(rb"UIDVALIDITY (\d+)", line))))


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


async def send(mail: MailSimulator, text: str = "hello", **headers: str) -> dict[str, Any]:
    """The app sends a mail; returns it as the control API shows it."""
    message = EmailMessage()
    found = {"From": f"Saywhen <{ADDRESS}>", "To": ANN, "Subject": "Hi", "Message-ID": "<1@saywhen.test>"}
    for name, value in {
        **found,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }.items():
        message[name] = value
    message.set_content(text)
    async with smtp(mail.addresses()) as client:
        await client.send_message(message)
    return mail.messages()[-1]


async def post(mail: MailSimulator, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    request = options or {"json": body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{mail.base_url}/sim/email/{path}", **request) as response,
    ):
        return response.status, await response.json()


async def get(mail: MailSimulator, path: str, **options: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{mail.base_url}/sim/email/{path}", **options) as response,
    ):
        return response.status, await response.json()
