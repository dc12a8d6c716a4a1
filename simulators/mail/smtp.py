"""The SMTP server: aiosmtpd's, which takes what the app sends, and failures on request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from simulators.mail.config import MailConfig
from simulators.mail.faults import REPLIES, Fault, Faults

NULL = "<>"

Take: TypeAlias = Callable[[str, Sequence[str], bytes], Awaitable[str]]
"""What is done with a mail: its envelope's sender and recipients, its bytes; returns its id."""


class SmtpServer:
    """The hooks of one server; `protocol()` makes the end of one connection."""

    def __init__(self, config: MailConfig, faults: Faults, take: Take) -> None:
        self._config, self._faults, self._take = config, faults, take

    def protocol(self) -> SMTP:
        return SMTP(
            self,
            data_size_limit=self._config.largest,
            enable_SMTPUTF8=True,
            hostname=f"smtp.{self._config.domain}",
            ident="ESMTP",
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        wanted = (self._config.address, self._config.password)
        known = isinstance(given, LoginPassword) and (given.login.decode(), given.password.decode()) == wanted
        return AuthResult(success=known, handled=False)

    # Names and arguments are aiosmtpd's.

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        reply = await self._fail(server, "ehlo")
        return [reply] if reply else responses

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := await self._fail(server, "mail"):
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := await self._fail(server, "rcpt", address):
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        fault = self._faults.take("data")
        if fault is not None and fault.kind == "drop_after_accept":
            await self._accept(envelope)
            await _drop(server)
        reply = await self._obey(server, fault)
        return reply or f"250 2.0.0 Ok: queued as {await self._accept(envelope)}"

    async def _accept(self, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        sender = "" if envelope.mail_from in (None, NULL) else envelope.mail_from
        return await self._take(sender or "", envelope.rcpt_tos, envelope.content)

    async def _fail(self, server: SMTP, operation: str, to: str = "") -> str:
        return await self._obey(server, self._faults.take(operation, to))

    async def _obey(self, server: SMTP, fault: Fault | None) -> str:
        """The answer that refuses, or "" if all goes on."""
        if fault is None:
            return ""
        if fault.kind in ("delay", "hang"):
            await self._faults.pause(fault)
            return ""
        if fault.kind == "drop":
            await _drop(server)
        if fault.kind == "421" and server.transport is not None:
            asyncio.get_running_loop().call_soon(server.transport.close)  # after the answer
        return REPLIES[fault.kind]


async def _drop(server: SMTP) -> None:
    """Never returns: aiosmtpd cancels us when the connection is lost."""
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()
    await asyncio.Event().wait()
