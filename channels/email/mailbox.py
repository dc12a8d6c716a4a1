"""Collects the mails of one mailbox: each that was not seen yet, once, whatever happens in between.

UID SEARCH is the truth, IDLE a hint. A mail is stored with its bytes before it is read, and marked on the server
only after what became of it is stored.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.ports import ChannelState, Health
from channels.email.envelope import date_of, peek
from channels.email.imap import AT_ONCE, LARGEST, ConnectionLost, Imap, MailboxRefused, SaidNo
from channels.email.imap_wire import Fetched, Selected
from channels.email.intake import Intake
from channels.email.shelf import Row, Shelf, Take, Taken

KEYWORD = "$Saywhen"
MOST_FETCHES = 5
A_DAY = timedelta(days=1)

Mark = Literal["keyword", "seen", "none"]
Connect = Callable[[], Awaitable[Imap]]
"""A new connection, logged in; raises ConnectionLost or MailboxRefused."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which mailbox, how finished mails are marked there (or where they are moved), and how large one may be."""

    mailbox: str = "INBOX"
    mark: Mark = "keyword"
    move_to: str = ""
    largest: int = LARGEST


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: of one IDLE, of the first and the longest pause, and after which a connection counts as good."""

    idle: float = 240.0
    first: float = 1.0
    longest: float = 60.0
    good: float = 60.0


class Collector:
    """`take` is given each new mail; see `channels.email.shelf.Take`."""

    def __init__(
        self,
        account: str,
        *,
        shelf: Shelf,
        take: Take,
        connect: Connect,
        clock: Callable[[], datetime],
        rules: Rules = Rules(),
        rhythm: Rhythm = Rhythm(),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._account = account
        self._shelf = shelf
        self._connect = connect
        self._clock = clock
        self._rules = rules
        self._rhythm = rhythm
        self._jitter = jitter
        self._intake = Intake(account, rules.mailbox, shelf=shelf, take=take, pause=rhythm.first)
        self._state: ChannelState = "off"
        self._detail = ""
        self._heard: float | None = None
        self._been_in = False
        self._failed: Counter[int] = Counter()

    def health(self) -> Health:
        """`connecting` until the baseline is there and everything that waited was read once."""
        age = None if self._heard is None else time.monotonic() - self._heard
        if self._intake.trouble:
            return Health("failing", self._intake.trouble, age)
        return Health(self._state, self._detail, age)

    async def run(self) -> None:
        """Until cancelled, or until the server refuses us before it has ever let us in."""
        self._set("connecting")
        await self._intake.left_over()
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._visit()
            except MailboxRefused as error:
                self._set("failing", str(error))
                if not self._been_in:
                    raise
            except ConnectionLost as error:
                self._set("connecting", str(error))
            failures = 1 if time.monotonic() - began >= self._rhythm.good else failures + 1
            await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        whole = min(self._rhythm.longest, self._rhythm.first * 2.0 ** min(failures - 1, 20))
        pause = whole * (1 - self._jitter() / 2)
        log.warning("e-mail: %s; connecting again in %.0f s", self._detail, pause)
        if failures > 1:
            self._set("failing", self._detail)
        await asyncio.sleep(pause)

    async def _visit(self) -> None:
        """One connection, until it is lost."""
        imap = await self._connect()
        try:
            opened = await imap.select(self._rules.mailbox)
            visit = _Visit(imap, opened, self._flag())
            baseline = await self._begin(visit)
            self._been_in = True
            while True:
                await self._sweep(visit, baseline)
                self._set("connected", visit.cannot_mark)
                await imap.idle(self._rhythm.idle, wake=self._shelf.wanted)
        finally:
            imap.close()

    def _set(self, state: ChannelState, detail: str = "") -> None:
        self._state, self._detail = state, detail
        if state == "connected":
            self._heard = time.monotonic()

    # ------------------------------------------------------------ from where on

    async def _begin(self, visit: "_Visit") -> int:
        """The baseline of this mailbox: made when it is first seen, moved when the server numbers it anew."""
        known = await self._shelf.mailbox(self._account, self._rules.mailbox)
        if known is None:
            return await self._keep_baseline(visit, await _newest(visit), self._clock())
        if known.validity != visit.opened.validity:
            return await self._resync(visit, known.since)
        return known.baseline

    async def _keep_baseline(self, visit: "_Visit", baseline: int, since: datetime) -> int:
        validity = visit.opened.validity
        await self._intake.stored(
            lambda: self._shelf.keep_mailbox(
                self._account, self._rules.mailbox, validity=validity, baseline=baseline, since=since
            )
        )
        return baseline

    async def _resync(self, visit: "_Visit", since: datetime) -> int:
        """All UIDs mean something else now: look at everything since the first start; what is known is ignored.

        A crash in the middle does all of it again, because the new baseline is kept at the end.
        """
        log.warning("e-mail: the server has numbered %s anew; looking for mail missed", self._rules.mailbox)
        self._failed.clear()
        top = await _newest(visit)
        there = await visit.imap.search_since(since - A_DAY)
        second = since.replace(microsecond=0)  # a server tells whole seconds
        for some in _batches([uid for uid in there if uid <= top]):
            for uid, found in (await visit.imap.look(some)).items():
                if found.at is None or found.at >= second:
                    await self._collect(visit, uid, found, since)
            await self._mark(visit)
        return await self._keep_baseline(visit, top, since)

    # ------------------------------------------------------------ what is new

    async def _sweep(self, visit: "_Visit", baseline: int) -> None:
        """Read everything that is newer than the last mail kept."""
        self._shelf.wanted.clear()
        await visit.imap.noop()
        await self._again(visit)
        kept = await self._shelf.last_uid(self._account, self._rules.mailbox, visit.opened.validity)
        for some in _batches(await visit.imap.search_from(max(baseline, kept) + 1)):
            looked = await visit.imap.look(some)
            for uid in some:
                if uid in looked:  # else it was expunged since
                    await self._collect(visit, uid, looked[uid])
            await self._mark(visit)
        await self._mark(visit)

    async def _collect(
        self, visit: "_Visit", uid: int, found: Fetched, since: datetime | None = None
    ) -> None:
        """Fetch a mail, keep it, and hand it on."""
        size = found.size or 0
        if self._failed[uid] >= MOST_FETCHES:
            why = f"the server did not hand it out in {MOST_FETCHES} tries"
            await self._keep(visit, uid, b"", size=size, taken=Taken("quarantined", why))
            return
        if size > self._rules.largest:
            await self._keep_headers(visit, uid, size)
            return
        raw = await self._fetch(visit, uid, size)
        if raw is None:
            return
        row = await self._keep(visit, uid, raw, size=len(raw), taken=_too_old(raw, since))
        if row.state == "stored":
            await self._intake.hand_on(row, raw)

    async def _fetch(self, visit: "_Visit", uid: int, size: int) -> bytes | None:
        """The mail, None if it is gone. One that ends the connection each time must not keep back all others."""
        self._failed[uid] += 1
        raw = await visit.imap.fetch(uid, size=size)
        del self._failed[uid]
        return raw

    async def _keep_headers(self, visit: "_Visit", uid: int, size: int) -> None:
        headers = await visit.imap.headers(uid)
        if headers is not None:
            await self._keep(
                visit, uid, headers, size=size, taken=Taken("quarantined", self._too_large(size))
            )

    def _too_large(self, size: int) -> str:
        return f"{size:,} bytes; at most {self._rules.largest:,} are read"

    async def _keep(self, visit: "_Visit", uid: int, raw: bytes, *, size: int, taken: Taken | None) -> Row:
        validity = visit.opened.validity
        digest = hashlib.sha256(raw or f"{validity}:{uid}".encode()).hexdigest()
        seen = peek(raw)
        if taken is not None and taken.state == "quarantined":
            log.warning("e-mail: %s is in quarantine: %s", seen.subject or uid, taken.why)
        return await self._intake.stored(
            lambda: self._shelf.keep(
                self._account,
                self._rules.mailbox,
                validity=validity,
                uid=uid,
                digest=digest,
                size=size,
                raw=raw,
                state=taken.state if taken else "stored",
                why=taken.why if taken else "",
                sender=seen.sender,
                subject=seen.subject,
            )
        )

    # ------------------------------------------------------------ what was kept and not finished

    async def _again(self, visit: "_Visit") -> None:
        """What somebody took out of quarantine, and what a lost connection left."""
        for row in await self._shelf.waiting(self._account, self._rules.mailbox):
            raw = await self._shelf.raw(row.id)
            if raw is None or len(raw) != row.size:
                raw = await self._complete(visit, row)
            if raw is not None:
                await self._intake.hand_on(row, raw)

    async def _complete(self, visit: "_Visit", row: Row) -> bytes | None:
        """The whole of a mail of which only the headers were kept; None if it stays in quarantine."""
        looked = await visit.imap.look([row.uid]) if row.validity == visit.opened.validity else {}
        found = looked.get(row.uid)
        size = found.size or 0 if found else 0
        why = "" if found else "it is no longer in the mailbox"
        if size > self._rules.largest:
            why = self._too_large(size)
        raw = None if why else await self._fetch(visit, row.uid, size)
        if raw is None:
            await self._intake.close(row, Taken("quarantined", why or "it is no longer in the mailbox"))
            return None
        digest = hashlib.sha256(raw).hexdigest()
        await self._intake.stored(lambda: self._shelf.replace_raw(row.id, raw, digest=digest, size=len(raw)))
        return raw

    # ------------------------------------------------------------ telling the server

    def _flag(self) -> str:
        """The flag that says on the server that a mail is finished; "" for none."""
        flag = {"keyword": KEYWORD, "seen": "\\Seen", "none": ""}[self._rules.mark]
        return "" if self._rules.move_to else flag

    async def _mark(self, visit: "_Visit") -> None:
        """Mark or move what is finished; a server that refuses this is not asked again on this connection."""
        while (visit.flag or self._rules.move_to) and not visit.cannot_mark:
            rows = await self._shelf.unmarked(self._account, self._rules.mailbox, visit.opened.validity)
            if not rows:
                return
            try:
                await self._tell(visit, [row.uid for row in rows])
            except SaidNo as error:
                visit.cannot_mark = f"finished mails stay as they are: {error}"
                log.warning("e-mail: %s", visit.cannot_mark)
                return
            ids = [row.id for row in rows]
            await self._intake.stored(lambda ids=ids: self._shelf.mark(ids))  # type: ignore[misc]  # mypy infers no default

    async def _tell(self, visit: "_Visit", uids: Sequence[int]) -> None:
        folder = self._rules.move_to
        if not folder:
            if not visit.opened.can_keep(visit.flag):
                raise SaidNo(
                    f'this server cannot keep {visit.flag}; set channels.email.mark to "seen" or "none"'
                )
            await visit.imap.flag(uids, visit.flag)
            return
        try:
            await visit.imap.move(uids, folder)
        except SaidNo as error:
            if "[TRYCREATE]" not in str(error):
                raise
            await visit.imap.create(folder)
            await visit.imap.move(uids, folder)


@dataclass(slots=True)
class _Visit:
    """One connection with the mailbox open. `cannot_mark` says why finished mails cannot be marked on it."""

    imap: Imap
    opened: Selected
    flag: str
    cannot_mark: str = ""


def _batches(uids: Sequence[int]) -> list[Sequence[int]]:
    return [uids[start : start + AT_ONCE] for start in range(0, len(uids), AT_ONCE)]


async def _newest(visit: _Visit) -> int:
    """The highest UID there is, or was."""
    if visit.opened.next_uid:
        return visit.opened.next_uid - 1
    return max(await visit.imap.search_from(1), default=0)


def _too_old(raw: bytes, since: datetime | None) -> Taken | None:
    """A server that numbers its mails anew may also give them a new time of arrival; the sender's date stays."""
    written = date_of(raw) if since else None
    if since is None or written is None or written >= since - 2 * A_DAY:
        return None
    return Taken("ignored", f"written {written:%Y-%m-%d}, before this mailbox was first read")
