"""The e-mail channel in a test: its real parts, with a mailbox and an SMTP server that the test holds."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import cast

from bot.codes import reply_token
from bot.events import Outgoing
from bot.ports import Health, Part, Receive
from bot.testing import Bot
from channels.email import reading
from channels.email.channel import EmailChannel
from channels.email.intake import Intake
from channels.email.letters import House
from channels.email.mail import Mail, Mailbox
from channels.email.mailbox import Collector, Connect
from channels.email.posting import Posting, Sends
from channels.email.proof import ProofRule
from channels.email.reception import Caps, Reception

NOBODY_IS_PROVED = ProofRule()


class InProcess:
    """Reads mails as the worker process does, without one."""

    async def read(self, raw: bytes, *, ours: Sequence[str] = ()) -> Mail:
        return reading.read(raw, ours=ours)


class MailChannel:
    """The parts of `channels.email.channel.EmailChannel`, put together by the test."""

    name, blind = "email", True
    answers_sender = True

    def __init__(
        self, bot: Bot, account: str, secret: bytes, *, smtp: Sends, rule: ProofRule = NOBODY_IS_PROVED
    ) -> None:
        self.account = account
        self._reception = Reception(
            account,
            reader=InProcess(),
            post=bot.store,
            counts=bot.store.mail,
            rule=rule,
            caps=Caps(),
            clock=bot.clock,
        )
        self._posting = Posting(
            House(Mailbox(account, "Saywhen"), plus=True),
            smtp=smtp,
            post=bot.store,
            token=partial(reply_token, secret),
            clock=bot.clock,
        )
        self._bot = bot

    def collector(self, connect: Connect, *, kind: type[Collector] = Collector) -> Collector:
        """What reads the mailbox, not running yet."""
        return kind(
            self.account,
            shelf=self._bot.store.mail,
            take=self._reception.taker(self._bot.inbox.receive),
            connect=connect,
            clock=self._bot.clock,
        )

    async def arrives(self, raw: bytes) -> tuple[str, str]:
        """A mail is kept and handed on, as the collector does it; what became of it, and why."""
        shelf = self._bot.store.mail
        number = len(await shelf.rows(limit=100_000)) + 1
        digest = hashlib.sha256(raw).hexdigest()
        row = await shelf.keep(
            self.account, "INBOX", validity=1, uid=number, digest=digest, size=len(raw), raw=raw
        )
        take = self._reception.taker(self._bot.inbox.receive)
        await Intake(self.account, "INBOX", shelf=shelf, take=take, pause=0).hand_on(row, raw)
        (kept,) = [each for each in await shelf.rows(limit=100_000) if each.id == row.id]
        return kept.state, kept.why

    async def run(self, receive: Receive) -> None:
        """Nothing arrives by itself."""

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        return EmailChannel.render(cast(EmailChannel, self), outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        return None

    async def show_status(self, destination: str, text: str) -> None:
        """Nobody looks."""

    def health(self) -> Health:
        return Health("connected")
