"""One line in a conversation that says what is under way: posted, edited in place, and taken away again.

A thread shows it as the app's status; the top level of a direct message has none, so there it is a message, known by
its metadata. Nothing depends on it, and it goes past the outbox: losing it is fine, leaving it standing is not.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from bot.errors import SendFailed
from channels.slack.failures import TRY_AGAIN
from channels.slack.mrkdwn import escape
from channels.slack.parts import Destination
from channels.slack.posting import Posting
from channels.slack.shapes import Json, id_in, mapping, ts_in
from channels.slack.web import CallFailed, Web

EVENT_TYPE = "saywhen_progress"
CALLS_A_MINUTE = 20
"""For lines as messages; Slack allows a message a second and 50 changes a minute, and answers come first."""
WITHIN = 5.0
EARLY = 600.0
"""For so many seconds after the start an answer has what an earlier process left above it taken away."""
TRIES = 3
TRY_AGAIN_AFTER = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in a conversation: a message, or the app's status. `ts` is "" where nobody knows if it was posted."""

    text: str
    channel: str
    ts: str = ""
    is_status: bool = False


class Lines:
    def __init__(
        self,
        web: Web,
        posting: Posting,
        *,
        start: Callable[[Coroutine[Any, Any, None]], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._web = web
        self._posting = posting
        self._monotonic = monotonic
        self._standing: dict[str, Line] = {}
        self._one_by_one: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._calls: list[float] = []
        self._has_status = True
        self._began = monotonic()
        self._clean: set[str] = set()  # nothing that an earlier process left stands there

    async def show(self, destination: str, text: str) -> None:
        """Say what is under way; "" takes away what stands there, also what an earlier process left."""
        to = Destination.parse(destination)
        if not to.channel:
            return
        async with self._turn(destination):
            try:
                if not text:
                    await self._take_away(destination, to)
                elif not (to.thread and await self._status(destination, to, text)):
                    await self._say(destination, to, text)
            except (CallFailed, SendFailed) as error:
                log.info("Slack: what is under way is not shown: %s", error)

    async def answered(self, destination: str) -> None:
        """A message was posted there: what was under way is out of date. Soon after the start also what was left."""
        if destination in self._standing:
            await self._out_of_date(destination)
        elif self._may_be_left(destination) and self._may_call():
            self._clean.add(destination)
            self._start(self._left(destination))

    async def _left(self, destination: str) -> None:
        """Take away what an earlier process left."""
        try:
            async with self._turn(destination):
                await self._sweep(destination)
        except (CallFailed, SendFailed) as error:
            log.info("Slack: what an earlier process left stays in view: %s", error)

    async def _out_of_date(self, destination: str) -> None:
        try:
            async with asyncio.timeout(WITHIN), self._turn(destination):
                line = self._standing.get(destination)
                if line is not None and line.is_status:
                    del self._standing[destination]  # Slack has taken it away for the message
                elif line is not None:
                    await self._take_away(destination, Destination.parse(destination))
        except (CallFailed, SendFailed, TimeoutError) as error:
            log.info("Slack: what was under way stays in view: %s", error or "no answer in time")

    def _may_be_left(self, destination: str) -> bool:
        early = self._monotonic() - self._began < EARLY
        return early and destination not in self._clean and not Destination.parse(destination).thread

    def _turn(self, destination: str) -> asyncio.Lock:
        return self._one_by_one.setdefault(destination, asyncio.Lock())

    # ------------------------------------------------------------ a status

    async def _status(self, destination: str, to: Destination, text: str) -> bool:
        """Whether the thread shows it; an app or a workspace that has no status is asked once."""
        if not self._has_status:
            return False
        try:
            await self._set_status(to, text)
        except CallFailed as error:
            if error.code and error.code not in TRY_AGAIN:
                self._has_status = False
            log.info("Slack: no status: %s", error)
            return not (error.code and error.code not in TRY_AGAIN)
        self._standing[destination] = Line(text, to.channel, is_status=True)
        return True

    async def _set_status(self, to: Destination, text: str) -> None:
        arguments = {"channel_id": to.channel, "thread_ts": to.thread, "status": text}
        await self._web.post("assistant.threads.setStatus", arguments)

    # ------------------------------------------------------------ a message

    async def _say(self, destination: str, to: Destination, text: str) -> None:
        line = self._standing.get(destination)
        is_said = line is not None and (line.text == text or not line.ts)
        if is_said or not self._may_call():
            return
        if line is not None:
            await self._change(destination, line, to, text)
            return
        channel = await self._posting.dm_with(to.channel) if to.is_person else to.channel
        self._standing[destination] = Line(text, channel)  # from here on it may stand there
        answer = await self._web.post("chat.postMessage", {**_body(to, text), "channel": channel})
        self._standing[destination] = Line(text, channel, ts_in(answer.data, "ts"))

    async def _change(self, destination: str, line: Line, to: Destination, text: str) -> None:
        try:
            await self._web.post("chat.update", {**_body(to, text), "channel": line.channel, "ts": line.ts})
        except CallFailed as error:
            if error.code and error.code not in TRY_AGAIN:
                del self._standing[destination]  # somebody has deleted it
            raise
        self._standing[destination] = Line(text, line.channel, line.ts)

    def _may_call(self) -> bool:
        now = self._monotonic()
        self._calls = [at for at in self._calls if now - at < 60.0]
        if len(self._calls) >= CALLS_A_MINUTE:
            return False
        self._calls.append(now)
        return True

    async def _take_away(self, destination: str, to: Destination) -> None:
        line = self._standing.get(destination)
        if line is not None and line.is_status:
            await self._set_status(to, "")
        elif line is not None and line.ts:
            await self._delete(line.channel, line.ts)
        elif line is not None or (destination not in self._clean and self._may_call()):
            await self._sweep(destination)
        else:
            return
        self._standing.pop(destination, None)
        self._clean.add(destination)

    async def _sweep(self, destination: str) -> None:
        """Take away every line that stands there but ours; of a status Slack takes care within two minutes."""
        to, line = Destination.parse(destination), self._standing.get(destination)
        channel = await self._posting.dm_with(to.channel) if to.is_person else to.channel
        async for message in self._posting.recent(channel, to.thread):
            ts = ts_in(message, "ts")
            if is_line(message) and not (line is not None and line.ts == ts):
                await self._delete(channel, ts)

    async def _delete(self, channel: str, ts: str) -> None:
        for tried in range(1, TRIES + 1):
            try:
                await self._web.post("chat.delete", {"channel": channel, "ts": ts})
            except CallFailed as error:
                if error.code and error.code not in TRY_AGAIN:
                    return  # it is gone, or we may not
                if tried == TRIES or (error.retry_after or 0.0) > WITHIN:
                    raise
                await asyncio.sleep(error.retry_after or TRY_AGAIN_AFTER)
            else:
                return


def is_line(message: Json) -> bool:
    """Whether it is ours to take away: the metadata is what an app itself gives to its messages."""
    ours = bool(id_in(message, "bot_id") or id_in(message, "app_id"))
    return ours and mapping(message.get("metadata")).get("event_type") == EVENT_TYPE


def _body(to: Destination, text: str) -> dict[str, object]:
    body: dict[str, object] = {
        "text": f"_{escape(text)}_",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {}},
    }
    return {**body, "thread_ts": to.thread} if to.thread else body
