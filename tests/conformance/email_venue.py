"""The simulated mail provider as a venue: real IMAP and SMTP, mails with a border that says who proved to be who."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.codes import reply_token
from bot.ports import Channel
from bot.store.sqlite import SqliteStore
from channels.email.channel import LONGEST_REQUEST, Account, EmailChannel
from channels.email.imap import Server
from channels.email.letters import House
from channels.email.mail import Mailbox
from channels.email.mailbox import Rhythm, Rules
from channels.email.proof import ProofRule
from channels.email.reception import Caps
from channels.email.smtp import Smtp
from simulators.mail import MailSimulator
from simulators.mail.faults import Fault
from tests.conformance.stage import Name, Shown, Stage

SECRET = b"0123456789abcdef0123456789abcdef"


class EmailVenue:
    limit, whole, copies = LONGEST_REQUEST, True, 2

    def __init__(self, mail: MailSimulator) -> None:
        self.mail = mail

    def channel(self, store: SqliteStore) -> Channel:
        at = self.mail.addresses()
        server = Server(at["email_imap_host"], int(at["email_imap_port"]), tls=False)
        return EmailChannel(
            Account(at["email_address"], server, user=at["email_user"], password=at["email_password"]),
            house=House(Mailbox(at["email_address"], "Saywhen"), plus=True),
            smtp=Smtp(at["email_smtp_host"], int(at["email_smtp_port"]), security="none"),
            shelf=store.mail,
            post=store,
            token=partial(reply_token, SECRET),
            proof=ProofRule(at["email_authserv_id"]),
            rules=Rules(),
            caps=Caps(1_000, 1_000),
            rhythm=Rhythm(idle=1.0, first=0.02, longest=0.1, good=0.1),
            pace=0.0,
        )

    async def lead(self, stage: Stage) -> None:
        """A mailbox is asked by us."""

    def address(self, name: Name) -> str:
        return self.mail.address(name)

    def length(self, text: str) -> int:
        return len(text)

    async def say(self, name: Name, text: str, *, reply_to: str = "") -> str:
        letter, _ = await self.mail.say(name, text, in_reply_to=reply_to or None)
        return letter.id

    def shown(self) -> list[Shown]:
        """HTML of mails loads nothing by itself if it names no picture; nobody is called by a name in a mail."""
        return [
            Shown(each["message_id"], each["text"], previews=tuple(_fetched(each["html"])))
            for each in self.mail.messages()
        ]

    async def edit(self, said: str, text: str) -> None:
        raise NotImplementedError

    async def delete(self, said: str) -> None:
        raise NotImplementedError

    async def redeliver(self, said: str, times: int) -> None:
        await self.mail.redeliver(said, times=times)

    def lose_next_answer(self) -> None:
        self.mail.faults.add(Fault("drop_after_accept"))

    def refuse_next(self) -> None:
        self.mail.faults.add(Fault.usual("450"))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Nobody may log in."""
        self.mail.faults.add(Fault.usual("bye", times=1))
        self.mail.faults.add(Fault.usual("no", times=1_000_000))
        yield
        self.mail.faults.clear()


def _fetched(html: str) -> list[str]:
    return [tag for tag in ("<img", "<link", "<script", "<iframe", "url(") if tag in html]


@asynccontextmanager
async def over_imap() -> AsyncIterator[EmailVenue]:
    async with MailSimulator() as mail:
        yield EmailVenue(mail)
