"""The simulated mail as one thing: for a server, and the calls of tests and of the control API."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import getaddresses
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from aiohttp import web

from simulators.guard import guard
from simulators.mail import invitations, reports, writing
from simulators.mail.config import Json, MailConfig
from simulators.mail.faults import Faults
from simulators.mail.provider import Provider
from simulators.mail.reading import Read, read
from simulators.mail.shown import shown
from simulators.mail.state import Letter, MailState
from simulators.mail.writing import Draft, Enclosed
from simulators.people import Person

ELSEWHERE = "mailer@elsewhere.example"
"""Who really sends a mail that only claims to be from somebody else."""
AWAY = "I am out of the office and will read your message when I am back."


class Refused(Exception):
    """Something that cannot be done with the mails there are; the text says what was found."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_hex() -> str:
    """The 32 characters that make an id unique, also among those of an earlier state file."""
    return secrets.token_hex(16)


class MailSimulator:
    """A mail provider with one mailbox. `async with MailSimulator() as mail:` runs it on free ports of its own."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        config: MailConfig | None = None,
        now: Callable[[], datetime] = utc_now,
        new_hex: Callable[[], str] = new_hex,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.config = config or MailConfig()
        self.state = MailState(state)
        folder = None if state is None else state.with_name(f"{state.name}.tls")
        self.provider = Provider(self.config, self.state, now=now, new_hex=new_hex, tls_folder=folder)
        self._now, self._new_hex = now, new_hex
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    @property
    def faults(self) -> Faults:
        return self.provider.faults

    # Running

    def add_routes(self, app: web.Application) -> None:
        from simulators.mail import control, pane

        control.add_routes(app, self)
        pane.add_routes(app, self)

    async def start(self, *, imap_port: int = 0, smtp_port: int = 0) -> None:
        """Listen for IMAP and SMTP; the control API is a matter of `add_routes`."""
        await self.provider.start(self._host, imap_port=imap_port, smtp_port=smtp_port)

    async def stop(self) -> None:
        await self.provider.stop()

    def addresses(self) -> dict[str, str]:
        """All that a client needs to know."""
        authority = self.provider.authority
        return {
            "email_imap_host": self._host,
            "email_imap_port": str(self.provider.ports["imap"]),
            "email_smtp_host": self._host,
            "email_smtp_port": str(self.provider.ports["smtp"]),
            "email_user": self.config.address,
            "email_password": self.config.password,
            "email_address": self.config.address,
            "email_authserv_id": self.config.authserv_id,
            "email_ca_file": str(authority) if authority else "",
        }

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[guard()], client_max_size=2 * self.config.largest)
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.base_url = f"http://{self._host}:{self._port}"
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.state.close()

    # What people do

    def person(self, ref: str) -> Person:
        """A demo person by name or address, or anybody with an address: "Dora <dora@example.com>"."""
        known = next((person for person in self.config.people if person.name == ref), None)
        if known is not None:
            return known
        name, address = self._parsed(ref)
        email = address.lower()
        for person in self.config.people:
            if not name and person.email == email:
                return person
        return Person(name or email.partition("@")[0], real_name=name, email=email)

    def address(self, ref: str) -> str:
        """That of a demo person by name, or any as it is written."""
        return next((p.email for p in self.config.people if p.name == ref), "") or self._parsed(ref)[1]

    def _parsed(self, ref: str) -> tuple[str, str]:
        found = writing.parse_address(ref)
        if found is None:
            raise Refused(
                f"nobody with mail is called {ref!r}, and it is not an address such as ann@example.org"
            )
        return found

    async def say(
        self,
        from_: str,
        text: str = "",
        *,
        subject: str | None = None,
        html: str = "",
        headers: Sequence[tuple[str, str]] = (),
        in_reply_to: str | int | None = None,
        quote: bool = True,
        to: Sequence[str] = (),
        cc: Sequence[str] = (),
        attachments: Sequence[Enclosed] = (),
        spoofed: bool = False,
        mail_from: str | None = None,
    ) -> tuple[Letter, int]:
        """A person writes to the app, or answers a mail; returns the mail with its UID in the mailbox."""
        person = self._sender(from_, spoofed=spoofed)
        answered = None if in_reply_to is None else read(self.letter(in_reply_to).raw)
        if not text and not html and not attachments:
            raise Refused("a mail has a text, html or attachments")
        to = tuple(map(self.address, to)) or (self._reply_address(answered),)
        cc = tuple(map(self.address, cc))
        draft = replace(
            self._draft(person, answered, to),
            subject=subject,
            text=text,
            html=html,
            cc=cc,
            headers=headers,
            attachments=attachments,
            quote=quote,
        )
        return await self._deliver(
            writing.write(draft), person.email, (*to, *cc), spoofed=spoofed, mail_from=mail_from
        )

    async def say_raw(
        self, raw: bytes, *, from_: str | None = None, spoofed: bool = False, mail_from: str | None = None
    ) -> tuple[Letter, int]:
        """Any bytes as a mail; without `from_` its own From header says whose it is."""
        if not raw or len(raw) > self.config.largest:
            raise Refused(f"a mail has 1 to {self.config.largest} bytes, not {len(raw)}")
        found = writing.parse_address(read(raw).from_)
        sender = self.person(from_).email if from_ else found[1].lower() if found else ELSEWHERE
        return await self._deliver(raw, sender, (), spoofed=spoofed, mail_from=mail_from)

    async def answer_invitation(
        self,
        ref: str | int,
        from_: str,
        answer: invitations.Answer,
        *,
        text: str = "",
        program: invitations.Program = "google",
    ) -> tuple[Letter, int]:
        """A person presses Yes, No or Maybe below an invitation."""
        person = self._sender(from_)
        invitation = read(self.letter(ref).raw)
        organizer = invitations.organizer(invitation.calendar) or self._reply_address(invitation)
        answered = invitation if program == "outlook" else None
        draft = replace(self._draft(person, answered, (organizer,)), text=text)
        try:
            raw = invitations.answer(invitation, draft, answer, program)
        except invitations.NoInvitation as error:
            raise Refused(str(error)) from None
        return await self._deliver(raw, person.email, (organizer,))

    # What machines do

    async def bounce(
        self, ref: str | int, *, recipient: str | None = None, status: str = "5.1.1", diagnostic: str = ""
    ) -> tuple[Letter, int]:
        """A mail of the app comes back, or is late if the status starts with 4."""
        letter = self._sent(ref)
        host = f"smtp.{self.config.domain}"
        found = reports.Bounce(
            host=host,
            queue_id=letter.id,
            message_id=f"<{self._new_hex()[:20]}@{host}>",
            date=self._now(),
            sender=letter.sender,
            recipient=self.address(recipient or letter.recipients[0]),
            status=status,
            diagnostic=diagnostic or reports.diagnostic(status),
        )
        raw = reports.bounce(letter.raw, found)
        return await self.provider.deliver(raw, mail_from="", recipient=letter.sender, dmarc="none")

    async def auto_reply(
        self, ref: str | int, *, from_: str | None = None, text: str = AWAY
    ) -> tuple[Letter, int]:
        """The first recipient of a mail of the app, or somebody else, is out of the office."""
        letter = self._sent(ref)
        person = self._sender(from_ or letter.recipients[0])
        answered = read(letter.raw)
        draft = replace(self._draft(person, answered, (letter.sender,)), text=text)
        raw = reports.auto_reply(answered, draft)
        return await self.provider.deliver(raw, mail_from="", recipient=letter.sender)

    async def redeliver(self, ref: str | int, *, times: int = 1) -> list[int]:
        """The same mail again, as a provider does that lost track; returns the new UIDs."""
        letter = self.letter(ref)
        if letter.direction == "out":
            raise Refused("only what came in can come in again")
        return [await self.provider.redeliver(letter) for _ in range(times)]

    # What can be seen

    def letter(self, ref: str | int) -> Letter:
        """By number, id or Message-ID."""
        letter = self.state.letter(str(ref))
        if letter is None:
            raise Refused(f"no mail {str(ref)!r}: give its number `n`, its id or its Message-ID")
        return letter

    def messages(self, *, to: str | None = None, from_: str | None = None, all_: bool = False) -> list[Json]:
        """What the app sent, oldest first; with `all_` also what it was sent."""
        recipient = self.person(to).email if to else None
        sender = self.person(from_).email if from_ else None
        found = [shown(letter) for letter in self.state.letters() if all_ or letter.direction == "out"]
        return [
            each
            for each in found
            if recipient in (None, *map(str.lower, each["recipients"])) and sender in (None, each["from"])
        ]

    async def until(self, true: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait until something is so; a test's way to wait for the app."""
        async with asyncio.timeout(timeout):
            while not true():  # noqa: ASYNC110 - any condition of the caller, so there is no event
                await asyncio.sleep(0.005)

    # The small parts

    def _sender(self, ref: str, *, spoofed: bool = False) -> Person:
        person = self.person(ref)
        if self.config.is_ours(person.email) and not spoofed:
            raise Refused(
                f"{person.email} is the app's own address: only `spoofed` mail claims to be from it"
            )
        return person

    def _sent(self, ref: str | int) -> Letter:
        letter = self.letter(ref)
        if letter.direction == "in" or not self.config.is_ours(letter.sender):
            raise Refused(f"nobody answers {letter.id}: its envelope's sender is {letter.sender or '<>'!r}")
        return letter

    def _reply_address(self, answered: Read | None) -> str:
        """Where a person's answer goes: Reply-To before From; to the app if the mail was a person's own."""
        if answered is None:
            return self.config.address
        found = writing.parse_address(answered.header("Reply-To") or answered.from_)
        return found[1] if found and self.config.is_ours(found[1]) else self.config.address

    def _draft(self, person: Person, answered: Read | None, to: Sequence[str]) -> Draft:
        """A mail from somebody without its words."""
        return Draft(
            sender=person.email,
            name=person.real_name or person.name,
            to=to,
            message_id=f"<{self._new_hex()[:20]}@mail.{person.email.rpartition('@')[2]}>",
            date=self._now().astimezone(ZoneInfo(person.tz)),
            answered=answered,
        )

    async def _deliver(
        self,
        raw: bytes,
        sender: str,
        addressed: Sequence[str],
        *,
        spoofed: bool = False,
        mail_from: str | None = None,
    ) -> tuple[Letter, int]:
        """Whatever it says in To: it reaches the mailbox, as a Bcc does."""
        found = [address for _, address in getaddresses(addressed) if self.config.is_ours(address)]
        envelope = ELSEWHERE if spoofed else sender
        return await self.provider.deliver(
            raw,
            mail_from=self.address(mail_from) if mail_from else envelope if mail_from is None else "",
            recipient=found[0] if found else self.config.address,
            dmarc="fail" if spoofed else "pass",
        )
