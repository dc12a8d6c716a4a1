"""One connection to a mailbox over IMAP: every call is bounded, and after any doubt the connection is given up.

aioimaplib does the protocol. It does not notice a lost connection by itself, is stuck after a call that timed out,
and hangs while IDLE is being started: so nothing here waits for it alone.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

from aioimaplib import aioimaplib

from bot.errors import ChannelRefused, SaywhenError
from channels.email import tls
from channels.email.imap_wire import (
    Fetched,
    Protocol,
    Selected,
    day,
    fetched,
    mailbox_name,
    quote,
    selected,
    uids_of,
)

TIMEOUT = 30.0
LARGEST = 25 << 20
AT_ONCE = 200  # UIDs of one command
HEADERS = 64 << 10
SLOWEST = 16 << 10  # bytes a second of a large mail
SETTING = "channels.email.imap_host"

_TEMPORARY = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")


class ConnectionLost(SaywhenError):
    """The connection to the mailbox is lost; it will be made anew."""


class SaidNo(ConnectionLost):
    """The mail server refused a command."""


class MailboxRefused(ChannelRefused):
    """The mail server does not let us in, or is not the one that we trust."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the mailbox is. `ca_file` names the only authority to trust; "" trusts those of this machine."""

    host: str
    port: int = 993
    tls: bool = True
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """As whom we read: with a password, or with an access token of the provider."""

    user: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class _Client(aioimaplib.IMAP4):  # type: ignore[misc]  # published without types
    """aioimaplib's client on our protocol, over TLS or not."""

    protocol: Protocol

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop | None,
        conn_lost_cb: Callable[[Exception | None], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        running = asyncio.get_running_loop()
        self.protocol = Protocol(running, conn_lost_cb)
        connecting = running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        self._client_task = running.create_task(connecting)


class Imap:
    """A connection that is logged in. Made by `connect`; after ConnectionLost there is nothing to do but `close`."""

    def __init__(self, client: _Client, lost: "asyncio.Future[str]", timeout: float) -> None:
        self._client = client
        self._lost = lost
        self._timeout = timeout
        self._idles = True

    @classmethod
    async def connect(
        cls, server: Server, login: Login, *, timeout: float = TIMEOUT, largest: int = LARGEST
    ) -> Self:
        """Raises MailboxRefused if trying again will hardly help, else ConnectionLost."""
        trust = _trust(server)
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def is_lost(error: Exception | None) -> None:
            why = client.protocol.trouble or str(error or "")
            if not lost.done():
                lost.set_result("the mail server ended the connection" + (f" ({why})" if why else ""))

        client = _Client(server.host, server.port, None, timeout, is_lost, trust)
        client.protocol.most = largest + (1 << 20)
        imap = cls(client, lost, timeout)
        try:
            await imap._greet(server)
            await imap._log_in(login)
        except BaseException:
            imap.close()
            raise
        return imap

    async def _greet(self, server: Server) -> None:
        try:
            await self._call("connecting", self._client.wait_hello_from_server())
        except ConnectionLost as error:
            cause = error.__cause__
            if isinstance(cause, ssl.SSLError):
                words = tls.explain(cause, host=server.host, port=server.port, setting=SETTING)
                raise MailboxRefused(words) from error
            raise ConnectionLost(f"{server.host}:{server.port}: {error}") from error

    async def _log_in(self, login: Login) -> None:
        try:
            if login.token:
                entering = self._client.xoauth2(login.user, login.token)
            else:
                entering = self._client.login(quote(login.user), login.password)
            answer = await self._call("logging in", entering)
        except ValueError as error:
            raise MailboxRefused(f"This user or password cannot be sent to a mail server: {error}") from error
        if answer.result != "OK":
            words = f"The mail server refuses the login of {login.user}: {_words(answer)}"
            raise ConnectionLost(words) if _is_temporary(answer) else MailboxRefused(words)
        await self._call("asking what the server can", self._client.protocol.capability())
        self._idles = self.can("IDLE")

    # ------------------------------------------------------------ what the server can, and which mailbox

    def can(self, capability: str) -> bool:
        return bool(self._client.has_capability(capability))

    async def select(self, mailbox: str) -> Selected:
        """Open a mailbox; raises MailboxRefused if there is none of this name."""
        answer = await self._call("opening the mailbox", self._client.select(mailbox_name(mailbox)))
        if answer.result != "OK":
            words = f'The mailbox "{mailbox}" cannot be opened: {_words(answer)}'
            raise SaidNo(words) if _is_temporary(answer) else MailboxRefused(words)
        found = selected([self._client.protocol.permanent, *answer.lines])
        if not found.validity:
            raise MailboxRefused(
                f'The server of the mailbox "{mailbox}" keeps no lasting numbers (UIDVALIDITY).'
            )
        return found

    async def noop(self) -> None:
        """Let the server tell what is new; some only search what they have told."""
        await self._expect("asking for news", self._client.noop())

    # ------------------------------------------------------------ mails

    async def search_from(self, uid: int) -> tuple[int, ...]:
        """The UIDs from this one on. A server gives the last mail even if its UID is lower."""
        found = await self._search(f"UID {uid}:*")
        return tuple(each for each in found if each >= uid)

    async def search_since(self, moment: date) -> tuple[int, ...]:
        """The UIDs of what arrived on this day or later, as the server's clock has it."""
        return await self._search(f"SINCE {day(moment)}")

    async def _search(self, criterion: str) -> tuple[int, ...]:
        self._client.protocol.news = False
        search = self._client.uid_search(criterion, charset=None)
        return uids_of((await self._expect("searching", search)).lines)

    async def look(self, uids: Sequence[int]) -> Mapping[int, Fetched]:
        """Size and time of arrival of each of these that is still there."""
        found: dict[int, Fetched] = {}
        for some in _batches(uids):
            asked = self._client.uid("fetch", _set(some), "(UID RFC822.SIZE INTERNALDATE)")
            answer = fetched((await self._expect("asking for sizes", asked)).lines)
            found |= {uid: mail for uid, mail in answer.items() if mail.size is not None and uid in some}
        return found

    async def fetch(self, uid: int, *, size: int) -> bytes | None:
        """A whole mail, unmarked as seen; None if it is not there any more."""
        return await self._body(uid, "BODY.PEEK[]", size=size)

    async def headers(self, uid: int) -> bytes | None:
        """The beginning of a mail's headers."""
        return await self._body(uid, f"BODY.PEEK[HEADER]<0.{HEADERS}>", size=HEADERS)

    async def _body(self, uid: int, part: str, *, size: int) -> bytes | None:
        asked = self._client.uid("fetch", str(uid), f"(UID {part})")
        answer = await self._expect("fetching a mail", asked, bound=self._timeout + size / SLOWEST)
        found = fetched(answer.lines).get(uid)
        return found.body if found else None

    async def flag(self, uids: Sequence[int], flag: str) -> None:
        """Set a flag on mails. Raises SaidNo if the server will not."""
        for some in _batches(uids):
            store = self._client.uid("store", _set(some), "+FLAGS.SILENT", f"({flag})")
            await self._expect("marking mails", store)

    async def move(self, uids: Sequence[int], mailbox: str) -> None:
        """Move mails; without MOVE they are copied and marked as deleted. Raises SaidNo."""
        name = mailbox_name(mailbox)
        for some in _batches(uids):
            if self.can("MOVE"):
                await self._expect("moving mails", self._client.uid("move", _set(some), name))
                continue
            await self._expect("copying mails", self._client.uid("copy", _set(some), name))
            await self.flag(some, "\\Deleted")
            if self.can("UIDPLUS"):
                await self._expect("expunging mails", self._client.uid("expunge", _set(some)))

    async def create(self, mailbox: str) -> None:
        """Make a mailbox, unless there is one of this name."""
        await self._call("making a mailbox", self._client.create(mailbox_name(mailbox)))

    async def append(self, mailbox: str, raw: bytes, *, flags: str = "") -> None:
        """Put a mail into a mailbox. Raises SaidNo."""
        bound = self._timeout + len(raw) / SLOWEST
        appended = self._client.append(raw, mailbox_name(mailbox), flags or None)
        await self._expect("storing a mail", appended, bound=bound)

    # ------------------------------------------------------------ waiting for mail

    async def idle(self, seconds: float, *, wake: asyncio.Event | None = None) -> None:
        """Until the server says that something changed, `wake` is set, or the time is over.

        What it says is only a hint; a server that cannot say anything is asked after that time. What it has said
        since the last search was begun, in the answer to another command, it does not say again.
        """
        if self._client.protocol.news:
            return
        queue = self._client.protocol.idle_queue
        while not queue.empty():
            queue.get_nowait()  # what an earlier IDLE left
        if not self._idles:
            await self._first(seconds, wake)
            return
        ending = await self._call("IDLE", self._client.idle_start(timeout=seconds + 3600))
        try:
            await self._first(seconds, wake, _news(queue))
        finally:
            self._say_done()
        await self._call("ending IDLE", _until(ending))

    def _say_done(self) -> None:
        if not self._lost.done():
            self._client.idle_done()

    async def _first(self, seconds: float, wake: asyncio.Event | None, *others: Awaitable[object]) -> None:
        """The first of these, or the end of the time, or of the connection."""
        tasks = {asyncio.ensure_future(each) for each in others}
        if wake is not None:
            tasks.add(asyncio.ensure_future(wake.wait()))
        waiting: set[asyncio.Future[Any]] = {*tasks, self._lost}
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
        self._check()

    # ------------------------------------------------------------ calling and giving up

    def close(self) -> None:
        """Drop the connection, at once and without a word."""
        if not self._lost.done():
            self._lost.set_result("the connection was closed")
        protocol = self._client.protocol
        if protocol.transport is not None:
            protocol.transport.abort()
        for task in (self._client._client_task, *self._client.tasks, *protocol.tasks):
            task.cancel()
            if task.done() and not task.cancelled():
                task.exception()  # it is known why

    async def _expect(self, what: str, answer: Awaitable[Any], *, bound: float | None = None) -> Any:
        found = await self._call(what, answer, bound=bound)
        if found.result != "OK":
            raise SaidNo(f"{what}: the mail server says {_words(found)}")
        return found

    async def _call(self, what: str, answer: Awaitable[Any], *, bound: float | None = None) -> Any:
        """What aioimaplib answers, within the time; anything else is a lost connection."""
        task = asyncio.ensure_future(answer)
        try:
            self._check()
            async with asyncio.timeout(bound or self._timeout):
                await asyncio.wait({task, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._check()
            return task.result()
        except (TimeoutError, aioimaplib.CommandTimeout) as error:
            raise ConnectionLost(f"{what}: no answer in time") from error
        except (aioimaplib.AioImapException, OSError, EOFError) as error:
            raise ConnectionLost(f"{what}: {error or type(error).__name__}") from error
        finally:
            task.cancel()
            with suppress(asyncio.InvalidStateError, asyncio.CancelledError):
                task.exception()

    def _check(self) -> None:
        if self._lost.done():
            raise ConnectionLost(self._lost.result())


def _trust(server: Server) -> ssl.SSLContext | None:
    if not server.tls:
        if tls.is_here(server.host):
            return None
        raise MailboxRefused(
            f"{server.host} would read the password in the clear: without TLS only this machine."
        )
    try:
        return tls.context(server.ca_file)
    except OSError as error:
        raise MailboxRefused(f"channels.email.ca_file: {server.ca_file} cannot be used: {error}") from error


async def _news(queue: "asyncio.Queue[object]") -> None:
    """Wait for a push that is more than a sign of life; a farewell is no push."""
    while True:
        pushed = await queue.get()
        lines = (
            [bytes(line) for line in pushed if isinstance(line, bytes)] if isinstance(pushed, list) else []
        )
        if any(line.upper().startswith(b"BYE") for line in lines):
            raise ConnectionLost(f"the mail server says {_text(lines)}")
        if not all(line.upper().startswith(b"OK") for line in lines):
            return


async def _until(ending: "asyncio.Future[Any]") -> None:
    await asyncio.wait({ending})
    if ending.result().result != "OK":
        raise ConnectionLost(f"ending IDLE: the mail server says {_words(ending.result())}")


def _batches(uids: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(uids), AT_ONCE):
        yield uids[start : start + AT_ONCE]


def _set(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))


def _words(answer: Any) -> str:
    return f"{answer.result} {_text(answer.lines[-1:])}".strip()


def _text(lines: Iterable[bytes]) -> str:
    return " ".join(bytes(line).decode("utf-8", "replace") for line in lines)[:300]


def _is_temporary(answer: Any) -> bool:
    return any(code in _text(answer.lines).upper() for code in _TEMPORARY)
