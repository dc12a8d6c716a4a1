"""What the mailbox needs to remember, as the store offers it, and what is said of a mail that was handed on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

State = Literal["stored", "done", "ignored", "capped", "quarantined"]


class Row(Protocol):
    """A mail that is kept. `tries` counts the starts of the bot that found it unread and took it up."""

    @property
    def id(self) -> int: ...
    @property
    def validity(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def state(self) -> State: ...


class Known(Protocol):
    """Since when a mailbox is read."""

    @property
    def validity(self) -> int: ...
    @property
    def baseline(self) -> int: ...
    @property
    def since(self) -> datetime: ...


class Shelf(Protocol):
    """`bot.store.mail.MailShelf`; whatever returns is on disk."""

    @property
    def wanted(self) -> asyncio.Event:
        """Set when a mail in quarantine is to be read again."""
        ...

    async def mailbox(self, account: str, mailbox: str) -> Known | None: ...

    async def keep_mailbox(
        self, account: str, mailbox: str, *, validity: int, baseline: int, since: datetime
    ) -> None: ...

    async def last_uid(self, account: str, mailbox: str, validity: int) -> int: ...

    async def waiting(self, account: str, mailbox: str, *, limit: int = 64) -> Sequence[Row]: ...

    async def unmarked(
        self, account: str, mailbox: str, validity: int, *, limit: int = 200
    ) -> Sequence[Row]: ...

    async def raw(self, id_: int) -> bytes | None: ...

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
        state: State = "stored",
        why: str = "",
        sender: str = "",
        subject: str = "",
    ) -> Row: ...

    async def begin(self, id_: int) -> int: ...

    async def done(
        self,
        id_: int,
        state: State,
        *,
        why: str = "",
        thread_id: str = "",
        sender: str = "",
        subject: str = "",
    ) -> None: ...

    async def mark(self, ids: Sequence[int]) -> None: ...

    async def replace_raw(self, id_: int, raw: bytes, *, digest: str, size: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail: it is in a thread (`done`), or `why` says why not."""

    state: Literal["done", "ignored", "capped", "quarantined"]
    why: str = ""
    thread_id: str = ""
    sender: str = ""
    subject: str = ""


Take = Callable[[bytes, Row], Awaitable[Taken]]
"""Reads a mail and hands it on; may be called twice for the same mail, after a crash.

Raises Unreadable for a mail that cannot be read; Overloaded or StoreError if it is to be tried again.
"""
