"""A mail server on loopback that takes mail, refuses it, drops the line or falls silent, as it is told to."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bot.errors import ChannelRefused, SendFailed
from channels.email.smtp import Smtp

BOT = "bot@saywhen.test"
ANN = "ann@example.org"
MAIL = b"From: bot@saywhen.test\r\nSubject: Hi\r\n\r\nHello.\r\n.\r\n..two\r\n.end\r\n"


@dataclass
class Desk:
    """Answers by command: "RCPT" for every recipient, "RCPT ann@..." for one, "DATA" once the mail is there.

    The answers "drop" and "hang" are what they say.
    """

    answers: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    password: bytes = b"secret"

    @property
    def mails(self) -> list[bytes]:
        return [envelope.original_content or b"" for envelope in self.taken]

    async def handle_MAIL(
        self, server: SMTP, _s: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._answer(server, "MAIL", "250 ok")

    async def handle_RCPT(
        self, server: SMTP, _s: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(server, "RCPT", "250 ok", about=address)
        if answer.startswith("25"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _s: Session, envelope: Envelope) -> str:
        answer = await self._answer(server, "DATA", "250 2.0.0 queued as 4711")
        if answer.startswith("250"):
            self.taken.append(envelope)
        return answer

    async def handle_QUIT(self, server: SMTP, _s: Session, _e: Envelope) -> str:
        return await self._answer(server, "QUIT", "221 bye")

    async def auth_XOAUTH2(self, _server: SMTP, args: list[str]) -> AuthResult:
        self.logins.append(args[1].encode())
        return AuthResult(success=self.password == b"token", handled=False)

    def check_login(self, _server: SMTP, _s: Session, _e: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login + b":" + data.password)
        return AuthResult(success=data.password == self.password, handled=False)

    async def _answer(self, server: SMTP, command: str, usual: str, *, about: str = "") -> str:
        self.commands.append(f"{command} {about}".rstrip())
        answer = self.answers.get(f"{command} {about}", self.answers.get(command, usual))
        if answer == "drop":
            transport = server.transport
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        if answer in ("drop", "hang"):
            await asyncio.Event().wait()
        return answer


@asynccontextmanager
async def serving(desk: Desk, *, implicit: ssl.SSLContext | None = None, **more: Any) -> AsyncIterator[int]:
    """The port of a server; `tls_context` among `more` offers STARTTLS."""
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        return SMTP(
            desk,
            hostname="mx.test",
            loop=loop,
            authenticator=desk.check_login,
            auth_require_tls=False,
            **more,
        )

    async with _listening(await loop.create_server(make, "127.0.0.1", 0, ssl=implicit)) as port:
        yield port


@asynccontextmanager
async def scripted(answer: Callable[[str], str], *, greeting: str = "220 mx.test") -> AsyncIterator[int]:
    """The port of a server that answers each line ("<end>" for a whole mail); "drop" and "hang" as above."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = greeting
            while said not in ("drop", "hang"):
                writer.write(said.encode() + b"\r\n")
                if said.startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    said = answer("<end>")
                else:
                    said = answer((await reader.readuntil(b"\r\n")).decode().strip())
            if said == "hang":
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            writer.close()

    async with _listening(await asyncio.start_server(talk, "127.0.0.1", 0)) as port:
        yield port


@asynccontextmanager
async def _listening(server: asyncio.Server) -> AsyncIterator[int]:
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own, and what it signed."""

    folder: Path

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem")

    def server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


def make_authority(folder: Path, **names: str) -> Authority:
    """Signs a certificate `key` for each name (as openssl writes it: "DNS:mx.test")."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for key, name in names.items():
        openssl(*new, "-subj", f"/CN={key}", "-keyout", f"{key}.key", "-out", f"{key}.csr")
        (folder / f"{key}.ext").write_text(f"subjectAltName={name}\n")
        openssl(
            "x509", "-req", "-days", "2", "-in", f"{key}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-extfile", f"{key}.ext", "-out", f"{key}.pem",
        )  # fmt: skip
    return Authority(folder)


def smtp_to(port: int, **more: Any) -> Smtp:
    return Smtp("127.0.0.1", port, **{"security": "none", **more})


async def send(port: int, *recipients: str, message: bytes = MAIL, **more: Any) -> str:
    return await smtp_to(port, **more).send(message, sender=BOT, recipients=recipients or (ANN,))


async def failure(port: int, *recipients: str, **more: Any) -> SendFailed:
    try:
        answer = await send(port, *recipients, **more)
    except SendFailed as error:
        return error
    raise AssertionError(f"it was taken: {answer}")


async def refused(port: int, **more: Any) -> str:
    """What `check` says for good."""
    try:
        await smtp_to(port, **more).check()
    except ChannelRefused as error:
        return str(error)
    raise AssertionError("it was not refused")
