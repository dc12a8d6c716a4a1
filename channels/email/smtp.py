"""Hands a mail to the SMTP server, one connection a mail; says of each whether it is taken, is not, or may be."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from bot.errors import SendFailed, StartError
from channels.email import tls
from channels.email.failures import Misconfigured, Stage, refusal, send_failed, shown
from channels.email.header_lines import checked

Tls = Literal["implicit", "starttls", "none"]
Token = Callable[[], Awaitable[str]]
"""A fresh access token for XOAUTH2."""

TIMEOUT = 20.0
QUIT_TIMEOUT = 2.0
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|[\x00\x80-\xff]|(?m:^)[^\r\n]{999}")
NO_NAME = "[127.0.0.1]"
"""How a program without a name of its own says EHLO."""


class _Client(SMTP):
    # Others would be tried one after the other, and servers count the failures.
    AUTH_METHODS = ("plain", "login")


class Smtp:
    """One account at one server. With a `user` it logs in: with the `password`, or by XOAUTH2 with a `token`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Tls,
        user: str = "",
        password: str = "",
        token: Token | None = None,
        ca_file: str = "",
        timeout: float = TIMEOUT,
        hello: str = NO_NAME,
        setting: str = "SMTP_HOST",
    ) -> None:
        """`timeout` is for all of one mail; `ca_file` holds the only authorities that are trusted.

        `setting` is where the host is set, for messages.
        """
        if security == "none" and not tls.is_here(host):
            raise StartError(f"{setting}: {host} is not this machine, so mail goes there with TLS only")
        self._host = host
        self._port = port
        self._tls = security
        self._user = user
        self._password = password
        self._token = token
        self._ca_file = ca_file
        self._timeout = timeout
        self._hello = hello
        self._setting = setting
        self._context: ssl.SSLContext | None = None

    async def check(self) -> None:
        """Connect and log in, no more. Raises ChannelRefused if it would never work, SendFailed if not now."""
        client = await self._client()
        try:
            async with asyncio.timeout(self._timeout):
                await self._open(client)
            await _say_goodbye(client)
        except (SMTPException, OSError, Misconfigured) as error:
            raise refusal(error) or send_failed(error, "connect") from error
        finally:
            client.close()

    async def send(self, message: bytes, *, sender: str, recipients: Sequence[str]) -> str:
        """Send a mail and return the server's answer. The first recipient is whom it is for: it goes to all
        others that the server takes, but not without the first. Raises SendFailed."""
        _check_wire(message)
        delivery = _Delivery(message, checked(sender), [checked(recipient) for recipient in recipients])
        client = await self._client()
        try:
            async with asyncio.timeout(self._timeout):
                await self._open(client)
                answer = await delivery.by(client)
            await _say_goodbye(client)
            return answer
        except SMTPResponseException as error:
            await _say_goodbye(client)
            raise send_failed(error, delivery.stage) from error
        except (SMTPException, OSError, Misconfigured) as error:
            raise send_failed(error, delivery.stage) from error
        finally:
            client.close()

    async def _client(self) -> _Client:
        return _Client(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "implicit",
            start_tls=False,  # that is up to us: see `_start_tls`
            tls_context=await self._trust() if self._tls != "none" else None,
            local_hostname=self._hello,
            timeout=self._timeout,
        )

    async def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = await asyncio.to_thread(tls.context, self._ca_file)
            except OSError as error:
                raise StartError(
                    f"{self._ca_file or 'the list of authorities'} cannot be used: {error}"
                ) from error
        return self._context

    async def _open(self, client: SMTP) -> None:
        try:
            await client.connect()
            await client.ehlo()
            if self._tls == "starttls":
                await self._start_tls(client)
        except (SMTPException, OSError) as error:
            if untrusted := _tls_error(error):
                words = tls.explain(untrusted, host=self._host, port=self._port, setting=self._setting)
                raise Misconfigured(words) from error
            raise
        await self._log_in(client)

    async def _start_tls(self, client: SMTP) -> None:
        if not client.supports_extension("starttls"):
            raise Misconfigured(
                f"{self._host}:{self._port} offers no STARTTLS, and without it nothing is sent: use the port for TLS "
                "from the first byte on (465); if it did offer it before, somebody may be in between"
            )
        await client.starttls()
        await client.ehlo()

    async def _log_in(self, client: SMTP) -> None:
        if not self._user:
            return
        wanted = {"xoauth2"} if self._token else {"plain", "login"}
        if not wanted & set(client.server_auth_methods):
            names = " or ".join(sorted(name.upper() for name in wanted))
            raise Misconfigured(f"{self._host}:{self._port} does not let us log in by {names}")
        if self._token is not None:
            await client.auth_xoauth2(self._user, await self._token())
        else:
            await client.login(self._user, self._password)


class _Delivery:
    """One mail on its way; `stage` tells how far it came."""

    def __init__(self, message: bytes, sender: str, recipients: Sequence[str]) -> None:
        self._message = message
        self._sender = sender
        self._recipients = recipients
        self._refused: list[SMTPRecipientRefused] = []
        self.stage: Stage = "connect"

    async def by(self, client: SMTP) -> str:
        self.stage = "envelope"
        await client.mail(self._sender, options=self._size_option(client))
        for recipient in self._recipients:
            await self._recipient(client, recipient)
        self.stage = "content"
        answer = await self._content(client)
        taken = shown(answer) or "taken"
        if not self._refused:
            return taken
        codes = ", ".join(str(each.code) for each in self._refused)
        return f"{taken} (not taken for {len(self._refused)} of {len(self._recipients)} recipients: {codes})"

    def _size_option(self, client: SMTP) -> list[str]:
        if not client.supports_extension("size"):
            return []
        most, size = client.esmtp_extensions["size"].strip(), len(self._message)
        if most.isdecimal() and 0 < int(most) < size:
            raise SendFailed(
                f"it is too big: {size} bytes, and the mail server takes at most {most}", kind="final"
            )
        return [f"SIZE={size}"]

    async def _recipient(self, client: SMTP, recipient: str) -> None:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            if recipient == self._recipients[0] or error.code == 421:
                raise
            self._refused.append(error)

    async def _content(self, client: SMTP) -> str:
        start = await client.execute_command(b"DATA")
        if start.code != 354:
            raise SMTPDataError(start.code, start.message)
        if client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        self.stage = "sent"
        client.protocol.write(re.sub(rb"(?m)^\.", b"..", self._message) + b".\r\n")
        answer = await client.protocol.read_response()
        if answer.code != 250:
            raise SMTPDataError(answer.code, answer.message)
        return answer.message


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """What is wrong with the server's TLS; not that a connection broke while it was made."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__
    return None if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) else error


def _check_wire(message: bytes) -> None:
    """What would be read differently by different servers does not leave: a line end that is not CRLF could hide
    a second mail ("SMTP smuggling")."""
    if BARE.search(message) or not message.endswith(b"\r\n"):
        raise SendFailed("an error of ours: the mail is not in the form that servers take", kind="final")


async def _say_goodbye(client: SMTP) -> None:
    """What became of the mail is known already, so nothing that happens here matters."""
    with suppress(SMTPException, OSError):
        await client.quit(timeout=QUIT_TIMEOUT)
