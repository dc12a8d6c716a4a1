"""The mail provider: two listening sockets, what arrives in the mailbox, what the app sends."""

import asyncio
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from simulators.mail import border, tls
from simulators.mail.border import Arrival, Dmarc
from simulators.mail.config import MailConfig
from simulators.mail.faults import Faults
from simulators.mail.reading import read
from simulators.mail.state import FOLDERS, INBOX, Item, Letter, MailState

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP

    from simulators.mail.boxes import Boxes
    from simulators.mail.imap import ImapServer
    from simulators.mail.smtp import SmtpServer


class Provider:
    """pymap and aiosmtpd are imported when the first client connects: most runs have no mail."""

    def __init__(
        self,
        config: MailConfig,
        state: MailState,
        *,
        now: Callable[[], datetime],
        new_hex: Callable[[], str],
        tls_folder: Path | None = None,
    ) -> None:
        self.config, self.state, self.faults = config, state, Faults()
        self._now, self._new_hex = now, new_hex
        self._tls_folder = tls_folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._servers: list[asyncio.Server] = []
        self._boxes: Boxes | None = None
        self._imap: ImapServer | None = None
        self._smtp: SmtpServer | None = None
        self._senders: WeakSet[SMTP] = WeakSet()
        self.ports: dict[str, int] = {}
        for name in (INBOX, *FOLDERS):
            state.add_box(name, at=now().timestamp())

    # Running

    async def start(self, host: str, *, imap_port: int = 0, smtp_port: int = 0) -> None:
        """Listen; without a port given, on the same one as the last time, if it is free."""
        context = await self._tls()
        loop = asyncio.get_running_loop()

        async def imap(port: int) -> asyncio.Server:
            return await asyncio.start_server(self._serve_imap, host, port, ssl=context)

        async def smtp(port: int) -> asyncio.Server:
            return await loop.create_server(self._serve_smtp, host, port, ssl=context)

        for name, listen, given in (("imap", imap, imap_port), ("smtp", smtp, smtp_port)):
            self._servers.append(await self._listen(name, listen, given))

    async def _listen(
        self, name: str, listen: Callable[[int], Awaitable[asyncio.Server]], given: int
    ) -> asyncio.Server:
        server = None
        if not given and (kept := self.state.get(f"{name}_port")):
            with suppress(OSError):
                server = await listen(int(kept))
        server = server or await listen(given)
        self.ports[name] = server.sockets[0].getsockname()[1]
        self.state.set(f"{name}_port", str(self.ports[name]))
        return server

    async def _tls(self) -> ssl.SSLContext | None:
        if not self.config.tls:
            return None
        if self._tls_folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="saywhen-mail-")
            self._tls_folder = Path(self._temporary.name)
        return await asyncio.to_thread(tls.server_context, self._tls_folder)

    @property
    def authority(self) -> Path | None:
        """The certificate that clients have to trust; None without TLS."""
        return tls.authority(self._tls_folder) if self._tls_folder and self.config.tls else None

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self.faults.clear()
        await self.disconnect(goodbye=True)
        for sender in self._senders:
            if sender.transport is not None:
                sender.transport.close()
        self._servers.clear()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def disconnect(self, *, goodbye: bool) -> int:
        """End all connections of IMAP clients, as a restart (goodbye) or a broken network does."""
        return 0 if self._imap is None else await self._imap.disconnect(goodbye=goodbye)

    async def _serve_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from simulators.mail.boxes import Boxes
        from simulators.mail.imap import ImapServer

        self._boxes = self._boxes or Boxes(self.state, now=self._now)
        self._imap = self._imap or ImapServer(self.config, self._boxes, self.faults)
        await self._imap.serve(reader, writer)

    def _serve_smtp(self) -> "SMTP":
        from simulators.mail.smtp import SmtpServer

        self._smtp = self._smtp or SmtpServer(self.config, self.faults, self.take)
        protocol = self._smtp.protocol()
        self._senders.add(protocol)
        return protocol

    # Mail

    async def take(self, sender: str, recipients: Sequence[str], raw: bytes) -> str:
        """What the app sends: kept, and delivered if it is addressed to the mailbox itself."""
        letter = self._keep(Letter(self._id(), "", "out", sender, tuple(recipients), raw, self._at()))
        ours = next((each for each in recipients if self.config.is_ours(each)), None)
        if ours is not None:
            head, _ = border.split(border.to_crlf(raw))
            own = border.from_domain(border.fields(head)) == self.config.domain
            await self._put(self._stamped(raw, sender, ours, letter.id, "pass" if own else "fail"))
        return letter.id

    async def deliver(
        self, raw: bytes, *, mail_from: str, recipient: str, dmarc: Dmarc = "pass"
    ) -> tuple[Letter, int]:
        """A mail from outside, past the border into the mailbox; returns it with its UID."""
        queue_id = self._id()
        stamped = self._stamped(raw, mail_from, recipient, queue_id, dmarc)
        letter = self._keep(Letter(queue_id, "", "in", mail_from, (recipient,), stamped, self._at()))
        return letter, await self._put(stamped)

    async def redeliver(self, letter: Letter) -> int:
        """The same bytes once more, under another UID."""
        return await self._put(letter.raw)

    async def change_validity(self) -> int:
        """Number all mails in the INBOX anew; returns the new UIDVALIDITY. All connections end."""
        await self.disconnect(goodbye=True)
        validity = self.state.renumber(INBOX, at=self._at())
        self._boxes = self._imap = None
        return validity

    def _stamped(self, raw: bytes, mail_from: str, recipient: str, queue_id: str, dmarc: Dmarc) -> bytes:
        return border.stamp(raw, Arrival(mail_from, recipient, queue_id, self._now(), dmarc), self.config)

    def _keep(self, letter: Letter) -> Letter:
        return self.state.put_letter(replace(letter, message_id=read(letter.raw).message_id))

    async def _put(self, raw: bytes) -> int:
        """Whoever has the mailbox open is told at once."""
        if self._boxes is not None:
            return await self._boxes.put(raw)
        uid = self.state.numbering(INBOX)[1] + 1
        self.state.put_item(INBOX, Item(uid, raw, (), self._at()))
        return uid

    def _id(self) -> str:
        return self._new_hex()[:12].upper()

    def _at(self) -> float:
        return self._now().timestamp()
