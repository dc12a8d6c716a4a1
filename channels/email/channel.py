"""The e-mail channel: one mailbox that is read over IMAP, and the SMTP server that its answers leave through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.errors import StartError
from bot.events import Outgoing
from bot.ports import Correspondence, Health, Part, Receive
from channels.email import markup
from channels.email.copies import keep_copy
from channels.email.events import NAME
from channels.email.imap import TIMEOUT, Imap, Login, Server
from channels.email.letters import House
from channels.email.mail import Mailbox
from channels.email.mailbox import Collector, Rhythm, Rules
from channels.email.posting import Posting
from channels.email.proof import ProofRule
from channels.email.reception import Caps, Counts, Reception
from channels.email.shelf import Shelf
from channels.email.smtp import Smtp
from channels.email.worker import Reader

LONGEST_REQUEST = 100_000  # characters of a request that is still shown whole in one mail

Token = Callable[[], Awaitable[str]]


class Kept(Shelf, Counts, Protocol):
    """What the channel remembers of its mailbox: `bot.store.mail.MailShelf`."""


@dataclass(frozen=True, slots=True)
class Account:
    """Our mailbox: where it is, and as whom we read it. With `token` access tokens stand in for the password."""

    address: str
    server: Server
    user: str
    password: str = ""
    token: Token | None = None

    async def connect(self, largest: int) -> Imap:
        token = await self.token() if self.token else ""
        login = Login(self.user, "" if token else self.password, token)
        return await Imap.connect(self.server, login, timeout=TIMEOUT, largest=largest)


def utc_now() -> datetime:
    return datetime.now(UTC)


class EmailChannel:
    """One mailbox; `account` is its address. What is written to it is answered to whoever wrote."""

    name = NAME
    answers_sender = True
    sends_at_once = 1
    blind = True  # nobody can be asked whether a mail has arrived

    def __init__(
        self,
        account: Account,
        *,
        house: House,
        smtp: Smtp,
        shelf: Kept,
        post: Correspondence,
        token: Callable[[str], str],
        proof: ProofRule,
        rules: Rules,
        caps: Caps,
        sent_mailbox: str = "",
        rhythm: Rhythm = Rhythm(),  # noqa: B008 - frozen
        pace: float = 1.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`token` is the reply token of a thread; `pace` is in seconds between two mails to one address."""
        if house.us != Mailbox(account.address, house.us.name):
            raise StartError(f"channels.email: mail cannot be sent as another than {account.address}")
        self.seconds_between_sends = pace
        self._account = account
        self._rules = rules
        self._rhythm = rhythm
        self._shelf = shelf
        self._clock = clock
        self._reader = Reader(longest=rules.largest + (1 << 20))
        self._reception = Reception(
            account.address, reader=self._reader, post=post, counts=shelf, rule=proof, caps=caps, clock=clock
        )
        self._sent_mailbox = sent_mailbox
        self._posting = Posting(
            house, smtp=smtp, post=post, token=token, clock=clock, keep=self._keep if sent_mailbox else None
        )
        self._collector: Collector | None = None

    @property
    def account(self) -> str:
        return self._account.address

    def health(self) -> Health:
        return self._collector.health() if self._collector else Health("off")

    async def run(self, receive: Receive) -> None:
        self._collector = Collector(
            self._account.address,
            shelf=self._shelf,
            take=self._reception.taker(receive),
            connect=lambda: self._account.connect(self._rules.largest),
            clock=self._clock,
            rules=self._rules,
            rhythm=self._rhythm,
        )
        try:
            await self._collector.run()
        finally:
            await self._reader.close()

    def fits(self, text: str) -> bool:
        """Whether this text can be shown whole in one mail."""
        return len(text) <= LONGEST_REQUEST and markup.shows(text)

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        """The one mail of a message; what it answers is looked up when it is sent."""
        if not outgoing.text.strip() and outgoing.invite is None:
            return ()
        body: dict[str, object] = {"outgoing": outgoing}
        return (Part(outbox_id, 1, 1, destination=outgoing.destination, text=outgoing.text, body=body),)

    async def send(self, part: Part) -> str:
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        """Nobody can be asked whether a mail has arrived; a second copy has the same Message-ID."""
        return None

    async def show_status(self, destination: str, text: str) -> None:
        """Nobody wants a mail that says that one is being written."""

    async def _keep(self, message: bytes) -> None:
        """Put a copy of what was sent into a mailbox; that this fails does not make it unsent."""
        await keep_copy(lambda: self._account.connect(self._rules.largest), self._sent_mailbox, message)
