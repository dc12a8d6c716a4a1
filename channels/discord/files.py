"""Fetches the files of a message that the model can look at, before the message is stored.

Their addresses carry a seal of Discord's own, so no token goes along. What cannot be had in time stays a reference
that says why.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp

from bot.events import Block
from bot.files import LARGEST_READ, Attachment, attachment
from bot.files.shown import blocks
from channels.discord.attached import File, may_be_fetched, worth_fetching

WITHIN = 15.0
"""Seconds for all files of a message; the later messages of its channel wait meanwhile."""
MESSAGES_AT_ONCE = 4
PAUSES = (0.5, 1.0)
REMEMBERED, REMEMBERED_BYTES = 100, 12_000_000
"""So many files, and so much base64 and text of them, are kept for edits and for messages that come twice."""
AGAIN = frozenset({429, 500, 502, 503, 504})

log = logging.getLogger(__name__)


class NotFetched(Exception):
    """The file could not be had; the words go into its block."""


class Files:
    def __init__(
        self,
        *,
        api_url: str = "",
        within: float = WITHIN,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api_url = api_url
        self._within = within
        self._sleep = sleep
        self._http: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(MESSAGES_AT_ONCE)
        self._known: dict[str, Attachment] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Nothing but the address goes out: no cookies, no token, and no content that unpacks itself."""
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        ) as self._http:
            try:
                yield
            finally:
                self._http = None

    async def shown(self, files: Sequence[File]) -> Mapping[str, Block]:
        """The block of each file, by its reference."""
        if not files:
            return {}
        wanted = worth_fetching(list(files))
        async with self._slots, asyncio.TaskGroup() as tasks:
            fetching = {file.ref: tasks.create_task(self._looked_at(file)) for file in wanted}
        found = [fetching[file.ref].result() if file.ref in fetching else file.unread() for file in files]
        refs = [file.ref for file in files]
        return dict(zip(refs, blocks(found, refs), strict=True))

    async def _looked_at(self, file: File) -> Attachment:
        if file.ref in self._known:
            return self._known[file.ref]
        try:
            async with asyncio.timeout(self._within):
                content = await self._content(file)
        except NotFetched as error:
            return self._missing(file, str(error))
        except TimeoutError:
            return self._missing(file, f"Discord did not send it within {self._within:g} seconds")
        seen = await asyncio.to_thread(attachment, content, name=file.name, content_type=file.content_type)
        self._remember(file.ref, seen)
        return seen

    def _missing(self, file: File, why: str) -> Attachment:
        log.warning("Discord: a file could not be fetched: %s", why)
        return file.unread(why)

    async def _content(self, file: File) -> bytes:
        if not may_be_fetched(file.url, self._api_url):
            raise NotFetched("its address is not Discord's")
        pauses = list(PAUSES)
        while True:
            try:
                return await self._once(file)
            except aiohttp.ClientError as error:
                if not pauses:
                    raise NotFetched("Discord could not send it") from error
            await self._sleep(pauses.pop(0))

    async def _once(self, file: File) -> bytes:
        if self._http is None:
            raise NotFetched("the bot was stopping")
        async with self._http.get(file.url, allow_redirects=False) as response:
            if response.status in AGAIN:
                response.raise_for_status()
            if response.status != 200:
                raise NotFetched(f"Discord does not give it (HTTP status {response.status})")
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > LARGEST_READ:
                    raise NotFetched("it is larger than Discord said")
            return bytes(content)

    def _remember(self, ref: str, seen: Attachment) -> None:
        self._known[ref] = seen
        while len(self._known) > REMEMBERED or self._size() > REMEMBERED_BYTES:
            del self._known[next(iter(self._known))]

    def _size(self) -> int:
        return sum(len(each.data) + len(each.text) for each in self._known.values())
