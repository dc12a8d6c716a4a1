"""Sends mails to ourselves and takes them out of the mailbox, to see what the mail server makes of them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from channels.email.imap import Imap, MailboxRefused
from channels.email.imap_wire import Selected
from channels.email.learning import Proposal, learn
from channels.email.mail import Mail
from channels.email.reading import read
from channels.email.smtp import Smtp

PAUSE = 2.0
Written = tuple[str, str]


class RoundTrip:
    """One mailbox, and the server that mail to it is handed to."""

    def __init__(
        self,
        address: str,
        *,
        imap: Imap,
        opened: Selected,
        smtp: Smtp,
        patience: float,
        random: Callable[[int], bytes],
        pause: float = PAUSE,
    ) -> None:
        self.address = address
        self._imap = imap
        self._after = opened.next_uid
        self._smtp = smtp
        self._patience = patience
        self._random = random
        self._pause = pause

    async def travel(self, written: Sequence[Written] = ()) -> Mail:
        """Send a mail with these headers and wait for it. Raises MailboxRefused if it does not come."""
        token = self._random(16).hex()
        message = _message(self.address, token, written)
        await self._smtp.send(message, sender=self.address, recipients=(self.address,))
        try:
            async with asyncio.timeout(self._patience):
                return await self._wait_for(token.encode())
        except TimeoutError as error:
            raise MailboxRefused(
                f"The mail that was sent to {self.address} was not in the mailbox after {self._patience:.0f} s. "
                "Look whether a filter took it for spam; or wait longer, with --wait."
            ) from error

    async def _wait_for(self, token: bytes) -> Mail:
        while True:
            await self._imap.noop()
            for uid in await self._imap.search_from(self._after):
                self._after = uid + 1
                headers = await self._imap.headers(uid) or b""
                if token in headers:
                    return read(await self._imap.fetch(uid, size=len(headers)) or headers)
            await self._imap.idle(self._pause)


async def learn_by_mail(trip: RoundTrip, *, say: Callable[[str], None]) -> Proposal:
    """Propose what proves a sender; a second mail tries to pass for the server's own word."""
    say(f"a mail to {trip.address} is on its way")
    first = await trip.travel()
    proposal = learn([first])
    service = proposal.rule.authserv_id
    if not service:
        return proposal
    domain = trip.address.rpartition("@")[2]
    forged = ("Authentication-Results", f"{service}; dmarc=pass header.from={domain}")
    say(f"a second one says of itself that {service} vouches for it")
    second = await trip.travel([forged])
    return learn([first, second], written=[forged])


def _message(address: str, token: str, written: Sequence[Written]) -> bytes:
    domain = address.rpartition("@")[2]
    headers = [
        ("From", address),
        ("To", address),
        ("Subject", "Saywhen looks at what your mail server says of a mail"),
        ("Date", format_datetime(datetime.now(UTC))),
        ("Message-ID", f"<{token}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=us-ascii"),
        *written,
    ]
    text = "You can delete this mail: `bot mail learn` sent it to itself."
    return "\r\n".join([*(f"{name}: {value}" for name, value in headers), "", text, ""]).encode("ascii")
