"""Reads a mail of the mailbox and hands it on: to its thread, to a message of ours that came back, or to nobody."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.errors import NoSuchThread
from bot.ports import Correspondence, Receive
from channels.email import events
from channels.email.bounces import Origin, reports
from channels.email.events import Arrival
from channels.email.ids import is_ours, message_id, token_of_uid, tokens_in
from channels.email.mail import Mail
from channels.email.proof import Proof, ProofRule, prove
from channels.email.shelf import Row, Taken

MOST_BOUNCES = 50
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

log = logging.getLogger(__name__)


class Reads(Protocol):
    """Makes a Mail of bytes; raises Unreadable."""

    async def read(self, raw: bytes, *, ours: Sequence[str] = ()) -> Mail: ...


class Counts(Protocol):
    """How many mails went into threads."""

    async def count_in(self, thread_id: str, since: datetime) -> int: ...

    async def count_from(self, sender: str, since: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class Caps:
    """More than this is not taken: two programs that answer each other come to an end."""

    per_thread_and_hour: int = 20
    per_sender_and_day: int = 100


class Reception:
    def __init__(
        self,
        account: str,
        *,
        reader: Reads,
        post: Correspondence,
        counts: Counts,
        rule: ProofRule,
        caps: Caps,
        clock: Callable[[], datetime],
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._account = account
        self._domain = account.rpartition("@")[2]
        self._reader = reader
        self._post = post
        self._counts = counts
        self._rule = rule
        self._caps = caps
        self._clock = clock
        self._heard = heard

    def taker(self, receive: Receive) -> Callable[[bytes, Row], Awaitable[Taken]]:
        """What the mailbox calls for each mail, once it is kept."""

        async def take(raw: bytes, row: Row) -> Taken:
            self._heard()
            return await self.take(raw, receive)

        return take

    async def take(self, raw: bytes, receive: Receive) -> Taken:
        """What becomes of a mail; the input is stored when this returns."""
        mail = await self._reader.read(raw)
        if mail.bounces or mail.report:
            return await self._report(mail, receive)
        sender = events.sender_of(mail)
        about = (sender, mail.subject)
        if why := self._unanswered(mail):
            return Taken("ignored", why, "", *about)
        if not sender:
            return Taken("ignored", "its From names nobody, or more than one", "", *about)
        place = events.place(mail)
        thread_id = await self._thread_of(mail, sender)
        if why := await self._too_much(thread_id, sender):
            log.warning("e-mail: %s; it is not taken", why)
            return Taken("capped", why, "", *about)
        if thread_id and (ours := await self._post.said_to(thread_id, sender)):
            mail = await self._reader.read(raw, ours=ours)
        arrival = Arrival(mail, self._account, sender, self._proof(mail, sender), thread_id, raw)
        received = await receive(events.incoming(arrival, place))
        if not received.thread_id:
            return Taken("ignored", "strangers are not taken in here", "", *about)
        return Taken("done", "", received.thread_id, *about)

    def _unanswered(self, mail: Mail) -> str:
        """Why nobody answers it: it is ours, or a program sent it."""
        if why := events.why_ours(mail, self._account):
            return why
        return "" if self._is_answer_to_invitation(mail) else mail.automatic

    def _is_answer_to_invitation(self, mail: Mail) -> bool:
        """Calendars answer by themselves, and so may carry the marks of a program."""
        return mail.calendar is not None and bool(token_of_uid(mail.calendar.uid))

    def _proof(self, mail: Mail, sender: str) -> Proof:
        """What proves the sender. A calendar that answers is nobody: it is heard, and decides nothing."""
        if self._is_answer_to_invitation(mail):
            return Proof(sender, proven=False, missing="a calendar answered, not a person")
        return prove(mail, self._rule)

    # ------------------------------------------------------------ which thread

    async def _thread_of(self, mail: Mail, sender: str) -> str:
        """The thread whose token it carries, if its sender takes part in it; else that of their own earlier mail."""
        tokens = [*events.tokens(mail, self._account)]
        if mail.calendar is not None and (token := token_of_uid(mail.calendar.uid)):
            tokens.append(token)
        for token in tokens:
            thread_id = await self._post.thread_by_token(token)
            if thread_id and await self._post.corresponds(thread_id, (sender,)):
                return thread_id
        return await self._post.thread_by_letter(events.references(mail), sender) or ""

    async def _too_much(self, thread_id: str, sender: str) -> str:
        now = self._clock()
        most = self._caps.per_thread_and_hour
        if thread_id and await self._counts.count_in(thread_id, now - HOUR) >= most:
            return f"{most} mails came into this conversation within an hour"
        most = self._caps.per_sender_and_day
        if await self._counts.count_from(sender, now - DAY) >= most:
            return f"{most} mails came from this sender within a day"
        return ""

    # ------------------------------------------------------------ what came back

    async def _report(self, mail: Mail, receive: Receive) -> Taken:
        """A delivery report marks the message it is about, and never reaches the model."""
        origins = {
            each.message_id: await self._origin(each.message_id) for each in mail.bounces[:MOST_BOUNCES]
        }
        told = 0
        for report in reports(mail.bounces, outbox_of=origins.get):
            try:
                await receive(report)
                told += 1
            except NoSuchThread:
                log.info("e-mail: a delivery report about a thread that is gone")
        why = (
            f"a delivery report, about {told} of our messages"
            if told
            else "a report; it is about nothing of ours"
        )
        return Taken("ignored", mail.automatic or why, "", events.sender_of(mail), mail.subject)

    async def _origin(self, id_: str) -> Origin | None:
        """The message of ours that had this Message-ID."""
        if not is_ours(id_, self._domain):
            return None
        for token in tokens_in((id_,), address=self._account):
            thread_id = await self._post.thread_by_token(token)
            for outbox_id, address in await self._post.sent_in(thread_id) if thread_id else ():
                if message_id(token, outbox_id, self._domain) == id_:
                    return Origin(thread_id or "", outbox_id, address)
        return None
