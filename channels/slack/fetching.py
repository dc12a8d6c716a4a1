"""Fetches the files of a message before it is stored, from Slack alone: our token goes nowhere else."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from weakref import WeakValueDictionary

from yarl import URL

from bot.files import LARGEST_READ, Attachment, attachment
from channels.slack.files import MOST_AT_ONCE, TOO_LARGE, TOO_MUCH, SlackFile, file_in
from channels.slack.shapes import mapping
from channels.slack.web import CallFailed, Fetched, TooLarge, Web

WITHIN = 2.0
"""Seconds for all files of a message: Slack waits three for the acknowledgement, and storing needs its part."""
MOST_DOWNLOADS = 8
MOST_REMEMBERED = 16_000_000
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 3

IN_TIME = "it could not be fetched from Slack in time"
NO_SCOPE = "Slack does not let me read files: the app lacks the scope files:read"
NOT_FOUND = "Slack does not have it any more, or does not show it to me"
ELSEWHERE = "it is not kept at Slack itself"

log = logging.getLogger(__name__)


class Unreadable(Exception):
    """Why the content of a file could not be had, in words for the model."""


class Fetching:
    """Remembers what it fetched last: a mention comes as two events, and an edit repeats the files."""

    def __init__(self, web: Web, *, within: float = WITHIN) -> None:
        self._web = web
        self._within = within
        self._slots = asyncio.Semaphore(MOST_DOWNLOADS)
        self._one_by_one: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._remembered: OrderedDict[str, Attachment] = OrderedDict()

    async def fetch(self, files: Sequence[SlackFile]) -> list[Attachment]:
        """The files, with their content as far as it could be had; the others say why not."""
        room, fetched = MOST_AT_ONCE, []
        async with asyncio.TaskGroup() as tasks:
            for file in files:
                fits = file.size <= room
                room -= file.size if fits and file.wanted else 0
                fetched.append(tasks.create_task(self._one(file, TOO_MUCH if not fits else "")))
        return [task.result() for task in fetched]

    async def _one(self, file: SlackFile, why: str) -> Attachment:
        if why or not file.wanted:
            return file.reference(why if file.wanted else "")
        try:
            async with asyncio.timeout(self._within):
                return await self._once(file)
        except TimeoutError:
            why = IN_TIME
        except Unreadable as error:
            why = str(error)
        except CallFailed as error:
            why = NO_SCOPE if error.code == "missing_scope" else IN_TIME if not error.code else NOT_FOUND
        log.warning("Slack: a file is only named to the model: %s", why)
        return file.reference(why)

    async def _once(self, file: SlackFile) -> Attachment:
        key = f"{file.id}:{file.version}:{file.size}"
        lock = self._one_by_one.setdefault(key, asyncio.Lock())
        async with lock:
            if key not in self._remembered:
                self._remember(key, await self._content(file))
            self._remembered.move_to_end(key)
            return self._remembered[key]

    def _remember(self, key: str, found: Attachment) -> None:
        self._remembered[key] = found
        while len(self._remembered) > 1 and sum(map(_weight, self._remembered.values())) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _content(self, file: SlackFile) -> Attachment:
        async with self._slots:
            if file.bare:
                file = await self._asked_for(file)
            if not file.wanted:
                return file.reference()
            answer = await self._download(_address(file.url))
        # A picture may be megabytes, and the loop has other people to listen to.
        return await asyncio.to_thread(
            attachment, answer.body, name=file.name, content_type=file.content_type
        )

    async def _asked_for(self, file: SlackFile) -> SlackFile:
        """What Slack leaves out in messages of shared channels."""
        answer = await self._web.get("files.info", {"file": file.id})
        found = file_in(mapping(answer.data.get("file")))
        if found is None or found.bare:
            raise Unreadable(NOT_FOUND)
        return found

    async def _download(self, url: URL) -> Fetched:
        for _ in range(MOST_REDIRECTS + 1):
            if not self._is_slack(url):
                raise Unreadable(ELSEWHERE)
            try:
                answer = await self._web.fetch(url, most=LARGEST_READ)
            except TooLarge:
                raise Unreadable(TOO_LARGE) from None
            if answer.status not in REDIRECTS:
                return _whole(answer)
            url = url.join(_address(answer.location))
        raise Unreadable(NOT_FOUND)

    def _is_slack(self, url: URL) -> bool:
        """Slack's own hosts, or the place that stands in for all of Slack."""
        api, host = URL(self._web.url), url.host or ""
        if url.scheme not in ("http", "https") or not host or url.user or url.password:
            return False
        if url.origin() == api.origin():
            return True
        is_slack = host == "slack.com" or host.endswith(".slack.com")
        return url.scheme == "https" and url.port == 443 and is_slack


def _address(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise Unreadable(ELSEWHERE) from None


def _whole(answer: Fetched) -> Fetched:
    """Without the scope, Slack answers with a page to log in; nothing that the model reads is HTML."""
    if answer.status in (401, 403) or answer.content_type == "text/html":
        raise Unreadable(NO_SCOPE)
    if answer.status != 200:
        raise Unreadable(NOT_FOUND)
    return answer


def _weight(found: Attachment) -> int:
    return len(found.data) + len(found.text) + 1_000
