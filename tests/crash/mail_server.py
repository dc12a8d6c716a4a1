"""A mailbox and an SMTP server that outlive the bot: what they know stands in the journal."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from bot.ports import Clock
from channels.email.imap import Imap
from channels.email.imap_wire import Fetched, Selected
from tests.crash.mail_scenario import OLD, STAGES, Arrival
from tests.crash.scenario import Journal

Point = Callable[[str], None]

VALIDITY = 7
_MESSAGE_ID = re.compile(rb"(?m)^Message-ID: <sw\.([a-z2-7]{26})\.[^@]+@")


class MailServer:
    """Everybody outside who carries mail. `quiet` is set while the bot waits for news in IDLE."""

    def __init__(self, journal: Journal, point: Point, clock: Clock) -> None:
        self._journal = journal
        self._point = point
        self._clock = clock
        self.quiet = asyncio.Event()
        self._news = asyncio.Event()
        self.mails = {int(uid): raw.encode() for uid, _, raw in journal.lines("arrived")}
        self._arrived = {name for _, name, _ in journal.lines("arrived")}
        self.flagged = {int(uid) for uids, _ in journal.lines("flagged") for uid in uids.split(",")}
        if not self.mails:
            self._deliver(OLD)

    # ------------------------------------------------------------ what comes in

    def arrive(self, stage: int) -> bool:
        """Deliver what this stage brings and what has not come in an earlier life; whether there was any."""
        new = [each for each in STAGES[stage] if each.name not in self._arrived]
        for each in new:
            self._deliver(each)
        if new:
            self.quiet.clear()
            self._news.set()
        return bool(new)

    def _deliver(self, arrival: Arrival) -> None:
        uid = len(self.mails) + 1
        raw = arrival.write(self._journal)
        self._journal.note("arrived", str(uid), arrival.name, raw.decode())
        self._arrived.add(arrival.name)
        self.mails[uid] = raw

    # ------------------------------------------------------------ IMAP, as the collector uses it

    async def connect(self) -> Imap:
        return cast(Imap, self)

    async def select(self, mailbox: str) -> Selected:
        return Selected(VALIDITY, len(self.mails) + 1, frozenset(("\\*",)))

    async def noop(self) -> None:
        """There is nothing to say."""

    async def search_from(self, uid: int) -> tuple[int, ...]:
        return tuple(each for each in self.mails if each >= uid)

    async def look(self, uids: Sequence[int]) -> Mapping[int, Fetched]:
        return {uid: Fetched(size=len(self.mails[uid]), at=self._clock()) for uid in uids}

    async def fetch(self, uid: int, *, size: int) -> bytes | None:
        return self.mails[uid]

    async def flag(self, uids: Sequence[int], flag: str) -> None:
        self._point("flag.before")
        self.flagged |= set(uids)
        self._journal.note("flagged", ",".join(map(str, uids)), flag)
        self._point("flag.after")

    async def idle(self, seconds: float, *, wake: asyncio.Event | None = None) -> None:
        self.quiet.set()
        await self._news.wait()
        self._news.clear()

    def can(self, capability: str) -> bool:
        return True

    def close(self) -> None:
        """Nothing stays open."""

    # ------------------------------------------------------------ SMTP

    async def send(self, message: bytes, *, sender: str, recipients: list[str]) -> str:
        self._point("smtp.before")
        self._journal.note("handed over", message.decode("ascii"))
        self._point("smtp.after")
        return "250 queued"


class NewIds(MailServer):
    """A mutant: a mail that is sent again gets another Message-ID."""

    async def send(self, message: bytes, *, sender: str, recipients: list[str]) -> str:
        if (id_ := _MESSAGE_ID.search(message)) and any(
            id_[0].decode() in raw for (raw,) in self._journal.lines("handed over")
        ):
            message = _MESSAGE_ID.sub(rb"Message-ID: <sw.\1." + b"a" * 26 + b"@", message)
        return await super().send(message, sender=sender, recipients=recipients)
