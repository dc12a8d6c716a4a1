"""What became of each mail of a mailbox, its bytes while they are kept, and the tokens by which we may read it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from bot.events import isoformat
from bot.ports import Clock
from bot.store.log import Transaction
from bot.store.schema import Execute
from bot.store.writer import Writer

if TYPE_CHECKING:
    from bot.store.read import Readers

MailState = Literal["stored", "done", "ignored", "capped", "quarantined"]
"""`stored`: to be read yet. `done`: it is in a thread. The others say in `why` why not."""

_COLUMNS = (
    "id, account, mailbox, validity, uid, digest, size, state, why, sender, subject, thread_id, at, tries, "
    "marked"
)
_ROW = f"SELECT {_COLUMNS} FROM mail"
_KEEP = f"""
INSERT INTO mail ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, 0, 0)
"""
_DONE = """
UPDATE mail SET state = ?, why = ?, thread_id = ?, sender = coalesce(nullif(?, ''), sender),
                subject = coalesce(nullif(?, ''), subject)
WHERE id = ?
"""
_MAILBOX = """
INSERT INTO mailboxes (account, mailbox, validity, baseline, since) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (account, mailbox) DO UPDATE
SET validity = excluded.validity, baseline = excluded.baseline, since = excluded.since
"""
_TOKENS = """
INSERT INTO mail_tokens (account, refresh_token, access_token, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (account) DO UPDATE
SET refresh_token = excluded.refresh_token, access_token = excluded.access_token, expires_at = excluded.expires_at
"""
_PRUNE = """
DELETE FROM mail_raw WHERE id IN (
    SELECT id FROM mail_raw JOIN mail USING (id) WHERE state NOT IN ('stored', 'quarantined') AND at < ? LIMIT ?
)
"""
_PRUNE_AT_ONCE = 64  # mails, which may be large, so that nobody waits behind a long delete


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail without its bytes. `marked`: the server knows that we have it. `tries`: starts that took it up."""

    id: int
    account: str
    mailbox: str
    validity: int
    uid: int
    digest: str
    size: int
    state: MailState
    why: str
    sender: str
    subject: str
    thread_id: str
    at: datetime
    tries: int
    marked: bool


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """Since when a mailbox is read: mail up to the UID `baseline`, or older than `since`, is not ours to answer."""

    validity: int
    baseline: int
    since: datetime


@dataclass(frozen=True, slots=True)
class MailTokens:
    """What a provider gave us to log in with."""

    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: datetime


class MailReads:
    """The reading half."""

    def __init__(self, readers: "Readers") -> None:
        self._readers = readers

    async def mailbox(self, account: str, mailbox: str) -> MailboxRow | None:
        """What is known of a mailbox; None before it was read for the first time."""
        return await self._readers.run(_mailbox, account, mailbox)

    async def last_uid(self, account: str, mailbox: str, validity: int) -> int:
        """The highest UID that was kept, 0 if none was."""
        return await self._readers.run(_last_uid, account, mailbox, validity)

    async def waiting(self, account: str, mailbox: str, *, limit: int = 64) -> list[MailRow]:
        """What is still to be read, the oldest first."""
        where = "WHERE account = ? AND mailbox = ? AND state = 'stored' ORDER BY id LIMIT ?"
        return await self._readers.run(_rows, where, account, mailbox, limit)

    async def unmarked(self, account: str, mailbox: str, validity: int, *, limit: int = 200) -> list[MailRow]:
        """What is finished here, but the server was not told yet."""
        where = (
            "WHERE account = ? AND mailbox = ? AND validity = ? AND marked = 0 "
            "AND state NOT IN ('stored', 'quarantined') ORDER BY id LIMIT ?"
        )
        return await self._readers.run(_rows, where, account, mailbox, validity, limit)

    async def rows(self, *, state: MailState | None = None, limit: int = 100) -> list[MailRow]:
        """The mails that came last, the newest first."""
        if state is None:
            return await self._readers.run(_rows, "ORDER BY id DESC LIMIT ?", limit)
        return await self._readers.run(_rows, "WHERE state = ? ORDER BY id DESC LIMIT ?", state, limit)

    async def row(self, id_: int) -> MailRow | None:
        found = await self._readers.run(_rows, "WHERE id = ?", id_)
        return found[0] if found else None

    async def raw(self, id_: int) -> bytes | None:
        """A mail as it came, while it is kept; of one that was too large only its headers."""
        return await self._readers.run(_raw, id_)

    async def seen(self, account: str, digest: str) -> MailRow | None:
        """The first mail with this content."""
        where = "WHERE account = ? AND digest = ? ORDER BY id LIMIT 1"
        found = await self._readers.run(_rows, where, account, digest)
        return found[0] if found else None

    async def count_from(self, sender: str, since: datetime) -> int:
        """How many mails of this sender went into threads since then."""
        return await self._readers.run(_count, "sender = ?", sender, since)

    async def count_in(self, thread_id: str, since: datetime) -> int:
        """How many mails went into this thread since then."""
        return await self._readers.run(_count, "thread_id = ?", thread_id, since)

    async def tokens(self, account: str) -> MailTokens | None:
        """What `bot mail login`, or the last refresh, has kept."""
        return await self._readers.run(_tokens, account)


class MailShelf(MailReads):
    """Both halves; whatever returns is on disk. `wanted` is set when a mail in quarantine is to be read again."""

    def __init__(self, readers: "Readers", writer: Writer, clock: Clock) -> None:
        super().__init__(readers)
        self._writer = writer
        self._clock = clock
        self.wanted = asyncio.Event()

    async def keep_mailbox(
        self, account: str, mailbox: str, *, validity: int, baseline: int, since: datetime
    ) -> None:
        """Remember from where on a mailbox is read."""
        values = (account, mailbox, validity, baseline, isoformat(since))
        await self._writer.submit(lambda tx: _do(tx, _MAILBOX, *values))

    async def keep(
        self,
        account: str,
        mailbox: str,
        *,
        validity: int,
        uid: int,
        digest: str,
        size: int,
        raw: bytes,
        state: MailState = "stored",
        why: str = "",
        sender: str = "",
        subject: str = "",
    ) -> MailRow:
        """Keep a mail and its bytes; one that is known under this UID stays as it is.

        One whose content is known under another UID is ignored, and its bytes are not kept again.
        """
        place = (account, mailbox, validity, uid)
        rest = (sender, subject, isoformat(self._clock()))

        def keep(tx: Transaction) -> MailRow:
            if known := _at(tx.execute, place):
                return known
            end = (state, why)
            if first := _first(tx.execute, account, digest):
                end = ("ignored", f"the same mail as number {first}")
            id_ = tx.execute(_KEEP, (*place, digest, size, *end, *rest)).lastrowid
            if not first:
                tx.execute("INSERT INTO mail_raw (id, bytes) VALUES (?, ?)", (id_, raw))
            return _rows(tx.execute, "WHERE id = ?", id_)[0]

        return await self._writer.submit(keep)

    async def begin(self, id_: int) -> int:
        """Count that a mail left by an earlier process is taken up; returns how often it was."""
        sql = "UPDATE mail SET tries = tries + 1 WHERE id = ? RETURNING tries"
        return await self._writer.submit(lambda tx: int(tx.execute(sql, (id_,)).fetchone()[0]))

    async def done(
        self,
        id_: int,
        state: MailState,
        *,
        why: str = "",
        thread_id: str = "",
        sender: str = "",
        subject: str = "",
    ) -> None:
        """Say what became of a mail."""
        await self._writer.submit(lambda tx: _do(tx, _DONE, state, why, thread_id, sender, subject, id_))

    async def mark(self, ids: Sequence[int]) -> None:
        """The server knows now that these are finished."""

        def mark(tx: Transaction) -> None:
            for id_ in ids:
                tx.execute("UPDATE mail SET marked = 1 WHERE id = ?", (id_,))

        await self._writer.submit(mark)

    async def retry(self, id_: int) -> bool:
        """Let a quarantined mail be read again; False if there is no such mail."""
        sql = "UPDATE mail SET state = 'stored', why = '', tries = 0 WHERE id = ? AND state = 'quarantined'"
        found = await self._writer.submit(lambda tx: tx.execute(sql, (id_,)).rowcount > 0)
        if found:
            self.wanted.set()
        return found

    async def replace_raw(self, id_: int, raw: bytes, *, digest: str, size: int) -> None:
        """Put the whole mail where only its headers were kept."""

        def replace(tx: Transaction) -> None:
            tx.execute("UPDATE mail SET digest = ?, size = ? WHERE id = ?", (digest, size, id_))
            tx.execute("INSERT OR REPLACE INTO mail_raw (id, bytes) VALUES (?, ?)", (id_, raw))

        await self._writer.submit(replace)

    async def prune_raw(self, now: datetime, *, days: float) -> int:
        """Drop the bytes of finished mails that are older; those in quarantine stay. Returns how many."""
        before, pruned = isoformat(now - timedelta(days=days)), 0
        while some := await self._writer.submit(
            lambda tx: tx.execute(_PRUNE, (before, _PRUNE_AT_ONCE)).rowcount
        ):
            pruned += some
        return pruned

    async def put_tokens(
        self, account: str, *, refresh_token: str, access_token: str, expires_at: datetime
    ) -> None:
        """Keep new tokens in the place of the old ones."""
        values = (account, refresh_token, access_token, isoformat(expires_at))
        await self._writer.submit(lambda tx: _do(tx, _TOKENS, *values))


def _do(tx: Transaction, sql: str, *values: object) -> None:
    tx.execute(sql, values)


def _rows(execute: Execute, where: str, *values: object) -> list[MailRow]:
    return [_row(*row) for row in execute(f"{_ROW} {where}", values).fetchall()]


def _row(*values: Any) -> MailRow:
    fields = dict(zip(_COLUMNS.split(", "), values, strict=True))
    return MailRow(**{**fields, "at": datetime.fromisoformat(fields["at"]), "marked": bool(fields["marked"])})


def _at(execute: Execute, place: tuple[str, str, int, int]) -> MailRow | None:
    found = _rows(execute, "WHERE account = ? AND mailbox = ? AND validity = ? AND uid = ?", *place)
    return found[0] if found else None


def _first(execute: Execute, account: str, digest: str) -> int:
    row = execute("SELECT min(id) FROM mail WHERE account = ? AND digest = ?", (account, digest)).fetchone()
    return int(row[0] or 0)


def _mailbox(execute: Execute, account: str, mailbox: str) -> MailboxRow | None:
    sql = "SELECT validity, baseline, since FROM mailboxes WHERE account = ? AND mailbox = ?"
    row = execute(sql, (account, mailbox)).fetchone()
    return MailboxRow(row[0], row[1], datetime.fromisoformat(row[2])) if row else None


def _last_uid(execute: Execute, account: str, mailbox: str, validity: int) -> int:
    sql = "SELECT max(uid) FROM mail WHERE account = ? AND mailbox = ? AND validity = ?"
    return int(execute(sql, (account, mailbox, validity)).fetchone()[0] or 0)


def _raw(execute: Execute, id_: int) -> bytes | None:
    row = execute("SELECT bytes FROM mail_raw WHERE id = ?", (id_,)).fetchone()
    return bytes(row[0]) if row else None


def _count(execute: Execute, whose: str, value: str, since: datetime) -> int:
    sql = f"SELECT count(*) FROM mail WHERE {whose} AND at >= ? AND thread_id <> '' AND state = 'done'"
    return int(execute(sql, (value, isoformat(since))).fetchone()[0])


def _tokens(execute: Execute, account: str) -> MailTokens | None:
    sql = "SELECT refresh_token, access_token, expires_at FROM mail_tokens WHERE account = ?"
    row = execute(sql, (account,)).fetchone()
    return MailTokens(row[0], row[1], datetime.fromisoformat(row[2])) if row else None
