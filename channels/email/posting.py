"""Sends what a thread says as a mail: looks up what it answers, writes it, hands it to the SMTP server."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from bot.errors import SendFailed
from bot.events import Outgoing
from bot.ports import Correspondence, Letter, Part
from channels.email import ids
from channels.email.letters import Before, House, letter
from channels.email.writing import compose


class Sends(Protocol):
    """`channels.email.smtp.Smtp`."""

    async def send(self, message: bytes, *, sender: str, recipients: list[str]) -> str: ...


Keep = Callable[[bytes], Awaitable[None]]
"""Puts a copy of what was sent where people look for it."""


class Posting:
    """One mail a message. Its Message-ID follows from the outbox id, so that a second copy can be told as one."""

    def __init__(
        self,
        house: House,
        *,
        smtp: Sends,
        post: Correspondence,
        token: Callable[[str], str],
        clock: Callable[[], datetime],
        keep: Keep | None = None,
    ) -> None:
        """`token` is the reply token of a thread."""
        self._house = house
        self._smtp = smtp
        self._post = post
        self._token = token
        self._clock = clock
        self._keep = keep

    async def send(self, part: Part) -> str:
        """Returns the Message-ID; raises SendFailed."""
        outgoing = part.body.get("outgoing")
        if not isinstance(outgoing, Outgoing):
            raise SendFailed("this is no message of e-mail's", kind="final")
        thread_id = part.outbox_id.partition(":")[0]
        known = await self._post.letter(part.outbox_id, outgoing.destination)
        written = letter(
            outgoing,
            outbox_id=part.outbox_id,
            token=self._token(thread_id),
            house=self._house,
            before=self._before(known, thread_id),
            date=self._clock(),
            introduce=bool(known.answers) and not known.known and not known.first,
        )
        message = compose(written)
        recipients = [each.address for each in (*written.to, *written.cc)]
        await self._smtp.send(message, sender=self._house.us.address, recipients=recipients)
        if self._keep is not None:
            await self._keep(message)
        return written.message_id

    def _before(self, known: Letter, thread_id: str) -> Before | None:
        if known.answers:
            return Before.of(dict(known.answers), proven=known.known)
        if not known.first:
            return None
        domain = self._house.us.address.rpartition("@")[2]
        first = ids.message_id(self._token(thread_id), known.first, domain)
        return Before(message_id=first, subject=known.subject, ours=True)
