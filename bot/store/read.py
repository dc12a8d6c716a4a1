"""Reading, off the event loop: for the bot, and for commands that look while it runs."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from pydantic import JsonValue

from bot.errors import StoreClosed
from bot.events import Event
from bot.ports import AskedRow, DueTimer, Letter, Loaded, OutboxRow, RequestRow, TaskRow, ThreadRow
from bot.store import letter_queries, queries, request_queries
from bot.store.apply import Execute
from bot.store.mail import MailReads
from bot.store.opening import open_visitor
from bot.store.places import places

P = ParamSpec("P")
T = TypeVar("T")
Connect = Callable[[], sqlite3.Connection]


class Readers:
    """A few threads, each with a read-only connection of its own."""

    def __init__(self, connect: Connect, count: int) -> None:
        self._connect = connect
        self._mine = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store-reader")
        self._closed = False

    async def run(
        self, query: Callable[Concatenate[Execute, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query in one read transaction: all of it sees the same state of the log."""
        if self._closed:
            raise StoreClosed
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._query(query, *args, **kwargs))

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()

    def _query(self, query: Callable[Concatenate[Execute, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        execute = self._cursor()
        execute("BEGIN")
        try:
            return query(execute, *args, **kwargs)
        finally:
            execute("COMMIT")

    def _cursor(self) -> Execute:
        if not hasattr(self._mine, "execute"):
            connection = self._connect()
            self._connections.append(connection)
            self._mine.execute = connection.cursor().execute
        execute: Execute = self._mine.execute
        return execute


class Reads:
    """The reading half of the store."""

    def __init__(self, readers: Readers, fold_version: str = "") -> None:
        self._readers = readers
        self._fold_version = fold_version

    async def load(self, thread_id: str) -> Loaded:
        return await self._readers.run(queries.load, thread_id, self._fold_version)

    async def events(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> tuple[Event, ...]:
        """The events after this seq, as far as they can be read; `load` says why if they end early."""
        events, _ = await self._readers.run(queries.events_after, thread_id, after, limit)
        return tuple(events)

    async def raw_events(
        self, thread_id: str, *, after: int = 0, limit: int | None = None
    ) -> list[dict[str, JsonValue]]:
        """The rows as they are, for display: `data` with full texts, `broken` says what is wrong with it."""
        return await self._readers.run(queries.raw_events, thread_id, after, limit)

    async def events_at(self, thread_id: str, seqs: Iterable[int]) -> tuple[Event, ...]:
        return await self._readers.run(queries.events_at, thread_id, seqs)

    async def texts(self, hashes: Iterable[str]) -> Mapping[str, str]:
        return await self._readers.run(queries.texts, hashes)

    async def raw(self, hash_: str) -> bytes | None:
        """The bytes a provider sent, by their SHA-256, while they are kept."""
        return await self._readers.run(queries.raw, hash_)

    async def due_timers(self, now: datetime, limit: int = 256) -> list[DueTimer]:
        return await self._readers.run(queries.due_timers, now, limit)

    async def next_timer(self) -> datetime | None:
        return await self._readers.run(queries.next_timer)

    async def outbox_due(
        self, now: datetime, *, limit: int = 256, held: datetime | None = None
    ) -> list[OutboxRow]:
        """The first unfinished message of each destination that may be sent now, oldest first."""
        return await self._readers.run(queries.outbox_due, now, limit, held)

    async def next_outbox(self) -> datetime | None:
        return await self._readers.run(queries.next_outbox)

    async def unfinished_outbox(self, limit: int = 100) -> list[dict[str, JsonValue]]:
        """The messages that wait to be sent and those that were given up, oldest first."""
        return await self._readers.run(queries.unfinished_outbox, limit)

    async def threads(self, *, limit: int = 100, before: str | None = None) -> list[ThreadRow]:
        """Threads, the one opened last first; `before` is the last id of the previous page."""
        return await self._readers.run(queries.threads, limit, before)

    async def thread(self, thread_id: str) -> ThreadRow | None:
        return await self._readers.run(queries.thread, thread_id)

    async def thread_of(self, channel: str, account: str, conversation: str) -> ThreadRow | None:
        """The thread of a conversation, if there is one."""
        return await self._readers.run(queries.thread_of, channel, account, conversation)

    async def tokens_since(self, time: datetime) -> int:
        """All tokens that model calls used since then; slow in a large log."""
        return await self._readers.run(queries.tokens_since, time)

    async def requests(self, *, pending: bool = True, limit: int = 100) -> list[RequestRow]:
        """Requests, the oldest first: the open ones, or the newest of all."""
        return await self._readers.run(request_queries.requests, pending=pending, limit=limit)

    async def request(self, id_: str) -> RequestRow | None:
        """A request by its id."""
        return await self._readers.run(request_queries.request, id_)

    async def requests_of(self, thread_id: str) -> list[RequestRow]:
        """The open requests of one thread."""
        return await self._readers.run(request_queries.requests_of, thread_id)

    async def asked(self, person: str, channel: str, limit: int = 50) -> list[AskedRow]:
        """What a person was asked on a channel: what is open first, then what was decided last."""
        return await self._readers.run(request_queries.asked, person, channel, limit)

    async def wrong_tries(self, id_: str, person: str, channel: str) -> int:
        """How many wrong codes of this person on this channel may have meant this request."""
        return await self._readers.run(request_queries.wrong_tries, id_, person, channel)

    async def task(self, task_id: str) -> TaskRow | None:
        """A task by its id."""
        return await self._readers.run(request_queries.task, task_id)

    async def open_tasks(self) -> list[TaskRow]:
        """What runs outside any turn, the oldest first."""
        return await self._readers.run(request_queries.open_tasks)

    async def call(self, thread_id: str, call_id: str) -> Event | None:
        """The tool.started of a call."""
        return await self._readers.run(request_queries.call, thread_id, call_id)

    async def thread_by_token(self, token: str) -> str | None:
        """The thread of a reply token."""
        return await self._readers.run(letter_queries.thread_by_token, token)

    async def thread_by_letter(self, message_ids: Sequence[str], address: str) -> str | None:
        """The thread that one of these mails of the same sender went into."""
        return await self._readers.run(letter_queries.thread_by_letter, message_ids, address)

    async def corresponds(self, thread_id: str, addresses: Sequence[str]) -> bool:
        """Whether one of these wrote a mail into the thread, or was written one from there."""
        return await self._readers.run(letter_queries.corresponds, thread_id, addresses)

    async def sent_in(self, thread_id: str) -> tuple[tuple[str, str], ...]:
        """The mails that a thread sends: outbox id and address."""
        return await self._readers.run(letter_queries.sent_in, thread_id)

    async def said_to(self, thread_id: str, address: str) -> tuple[str, ...]:
        """What was written to somebody in a thread last, the newest first."""
        return await self._readers.run(letter_queries.said_to, thread_id, address)

    async def letter(self, outbox_id: str, address: str) -> Letter:
        """What a mail that is to be sent answers."""
        return await self._readers.run(letter_queries.letter, outbox_id, address)

    async def unreachable(self) -> Mapping[tuple[str, str], str]:
        """Addresses that take nothing from us, by (channel, address), and why."""
        return await self._readers.run(request_queries.unreachable)

    async def last_heard(self, channel: str) -> datetime | None:
        """When a person was last heard on a channel, else when it was first used; None if it never was."""
        return await self._readers.run(request_queries.last_heard, channel)

    async def is_another_part(self, provider_id: str, outbox_id: str, part: int) -> bool:
        """Whether the provider's id is known to be that of another part than this one; slow in a large log."""
        return await self._readers.run(request_queries.is_another_part, provider_id, outbox_id, part)

    async def places(self, channel: str) -> list[tuple[str, str]]:
        """The conversations of a channel used last: their destination, and the id of the newest message."""
        return await self._readers.run(places, channel)

    async def secret(self) -> bytes:
        """What codes are derived from; made with the database."""
        return await self._readers.run(request_queries.secret)


class ReadOnlyStore(Reads):
    """What commands read from, whether the bot runs or not; writes nothing and makes no files."""

    def __init__(self, path: str | Path, *, fold_version: str = "") -> None:
        place = Path(path)
        super().__init__(Readers(lambda: open_visitor(place), 1), fold_version)
        self.mail = MailReads(self._readers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._readers.close()
