"""The IMAP server: pymap's, with one account, our mailboxes, and failures on request."""

import asyncio
import ssl
from argparse import Namespace
from asyncio import StreamReader, StreamWriter
from contextlib import AsyncExitStack, closing

from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.context import connection_exit
from pymap.exceptions import InvalidAuth, ResponseError, TemporaryFailure
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing.command import Command
from pymap.parsing.command.nonauth import AuthenticateCommand, LoginCommand
from pymap.parsing.response import CommandResponse, ResponseBye
from pymap.user import UserMetadata
from pysasl.creds.server import ServerCredentials
from pysasl.hashing import Cleartext

from simulators.mail.boxes import Boxes
from simulators.mail.config import MailConfig
from simulators.mail.faults import Faults

NO_ARGUMENTS = Namespace(passlib_cfg=None, proxy_protocol=None)
GOODBYE = b"* BYE Server shutting down\r\n"


class Settings(Config):
    def __init__(self, config: MailConfig) -> None:
        super().__init__(
            NO_ARGUMENTS,
            host=None,
            port=0,
            demo_data=False,
            demo_user=config.address,
            demo_password=config.password,
            tls_enabled=False,
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            hash_context=Cleartext(),
            invalid_user_sleep=0.0,
            max_append_len=config.largest,
        )
        self.domain = config.domain

    @property
    def greeting(self) -> bytes:
        return f"Server ready imap.{self.domain}".encode()


class Account(Login):
    """The one account; the password is compared without the work that makes guessing slow."""

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        user = self.users_dict.get(credentials.authcid.lower())
        if user is None or not credentials.verify(user):
            raise InvalidAuth
        return Identity(user.name, self, None, frozenset())


class Goodbye(ResponseError):
    """Server shutting down."""

    def get_response(self, tag: bytes) -> ResponseBye:
        return ResponseBye(b"Server shutting down")


class Connection(ConnectionState):
    """One client. A fault happens before the command does anything."""

    def __init__(self, login: Login, config: Settings, faults: Faults, writer: StreamWriter) -> None:
        super().__init__(login, config)
        self._faults, self._writer = faults, writer

    async def do_greeting(self) -> CommandResponse:
        await self._fail("greeting")
        return await super().do_greeting()

    async def do_authenticate(
        self, cmd: AuthenticateCommand | LoginCommand, creds: ServerCredentials | None
    ) -> CommandResponse:
        await self._fail("login")
        return await super().do_authenticate(cmd, creds)

    async def do_command(self, cmd: Command) -> CommandResponse:
        if not isinstance(cmd, LoginCommand):
            await self._fail(self._get_func_name(cmd).removeprefix("do_"))
        return await super().do_command(cmd)

    async def _fail(self, operation: str) -> None:
        fault = self._faults.take(operation)
        if fault is None:
            return
        match fault.kind:
            case "no":
                raise InvalidAuth if operation == "login" else TemporaryFailure("Mailbox is busy")
            case "bye":
                raise Goodbye
            case "drop":
                self._writer.transport.abort()
                raise ConnectionResetError
            case "delay" | "hang":
                await self._faults.pause(fault)
            case _:  # an answer of SMTP; `faults.problem` lets none of them come here
                return


class ImapServer:
    """What a listening socket hands its connections to."""

    def __init__(self, config: MailConfig, boxes: Boxes, faults: Faults) -> None:
        self._settings = Settings(config)
        self._account = Account(self._settings)
        self._account.users_dict[config.address] = UserMetadata(
            self._settings, config.address, password=config.password
        )
        self.use(boxes)
        self._faults = faults
        self._open: dict[asyncio.Task[None], StreamWriter] = {}

    def use(self, boxes: Boxes) -> None:
        self._settings.set_cache[self._settings.demo_user] = (boxes, FilterSet())

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            await self._talk(reader, writer)
        finally:
            del self._open[task]

    async def _talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = IMAPConnection(
            self._settings.commands, self._settings, reader, writer, SocketInfo.get(writer, None)
        )
        state = Connection(self._account, self._settings, self._faults, writer)
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(connection))
            await connection.run(state)

    async def disconnect(self, *, goodbye: bool) -> int:
        """End all connections, with or without a word; returns how many there were."""
        tasks = list(self._open)
        for writer in self._open.values():
            if goodbye:
                writer.write(GOODBYE)
                writer.close()
            else:
                writer.transport.abort()
        await _ended(tasks)
        return len(tasks)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """A connection that is in the middle of something, or that hangs on request, is not waited for."""
    if not tasks:
        return
    _, running = await asyncio.wait(tasks, timeout=0.5)
    for task in running:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
