"""One conversation with the running bot: messages go in by POST, what it says comes back on the live stream.

A message carries an id of ours, so that it can be sent again after the bot was away and is still taken once.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bot.cli.client import BUSY, Client, NoBot, Refused, address, connect
from bot.secrets import Secret

T = TypeVar("T")

WAIT = 30  # seconds that one request waits for an answer
AWAY_PAUSE = 0.5
AWAY_MOST = 60.0
SHOWN_WITHIN = 10.0
QUIET = httpx.Timeout(60.0, connect=5.0)  # the stream gives a sign of life every 15 seconds
STUCK = {
    "parked": "it is parked; `bot thread resume {id}` lets it go on",
    "paused": "it is paused; `bot thread resume {id}` lets it go on",
    "with_person": "a person has taken over; `bot thread resume {id}` hands it back",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the bot said in the conversation."""

    thread_id: str
    seq: int
    text: str
    outcome: str


class Conversation:
    """Sends what a person says and shows what the bot says, each thing once and in the order of the log."""

    def __init__(
        self,
        database: Path,
        token: Secret | None,
        name: str,
        *,
        show: Callable[[Said], None],
        note: Callable[[str], None],
        pause: float = AWAY_PAUSE,
        patience: float = AWAY_MOST,
    ) -> None:
        self._database = database
        self._token = token
        self._name = name
        self._show = show
        self._note = note
        self._pause = pause
        self._patience = patience
        self._thread = ""
        self._seen = 0
        self._moved = asyncio.Condition()

    async def begin(self) -> None:
        """Go on with a conversation of this name, from now on; raises NoBot."""
        found = await self._call(lambda api: api.get("/api/threads", limit=500))
        same = [
            thread
            for thread in found["threads"]
            if thread["channel"] == "api" and thread["conversation"] == self._name
        ]
        if len(same) == 1:
            await self._move(same[0]["thread_id"], same[0]["last_seq"])

    async def say(self, text: str, *, wait: bool) -> bool:
        """Send a message; with `wait` until it is answered and all is shown. False if it got no answer."""
        body = {"conversation": self._name, "text": text, "id": secrets.token_hex(8)}
        answer = await self._post(body, 0)
        await self._move(answer["thread_id"], answer["seq"])
        while wait and not _is_done(answer) and answer["status"] not in STUCK:
            answer = await self._post(body, WAIT)
        if wait:
            await self._until_shown()
        if not answer["reply"] and answer["status"] in STUCK:
            self._note(f"no answer: {STUCK[answer['status']].format(id=answer['thread_id'])}")
        elif not answer["reply"] and _is_done(answer):
            self._note(f"no answer: {answer['next_action']}")
        return bool(answer["reply"]) or not wait

    async def listen(self) -> None:
        """Show what the bot says, until cancelled; a stream that breaks is taken up where it broke."""
        while True:
            async with self._moved:
                await self._moved.wait_for(lambda: bool(self._thread))
            try:
                async with connect(address(self._database), self._token) as http:
                    await self._follow(http)
            except (httpx.TransportError, NoBot):
                pass
            except Refused as refused:
                if refused.status != BUSY:
                    raise
            await asyncio.sleep(self._pause)

    # ------------------------------------------------------------ the stream

    async def _follow(self, http: httpx.AsyncClient) -> None:
        thread = self._thread
        params: dict[str, str | int] = {"stream": "true", "after": self._seen}
        path = f"/api/threads/{thread}/events"
        async with http.stream("GET", path, params=params, timeout=QUIET) as response:
            if not response.is_success:
                raise Refused(response.status_code, f"the stream was refused ({response.status_code})")
            async for event in events_of(response.aiter_lines()):
                if thread != self._thread:
                    return
                await self._hear(event)

    async def _hear(self, event: Mapping[str, Any]) -> None:
        data = event["data"] if event["type"] == "turn.ended" else {}
        if data.get("reply"):
            self._show(Said(event["thread_id"], event["seq"], data["reply"], data["outcome"]))
        async with self._moved:
            self._seen = event["seq"]
            self._moved.notify_all()

    async def _move(self, thread: str, seq: int) -> None:
        """The conversation's thread is known now: listen to it from this seq on."""
        if thread != self._thread:
            async with self._moved:
                self._thread, self._seen = thread, seq
                self._moved.notify_all()

    async def _until_shown(self) -> None:
        last = (await self._call(lambda api: api.get(f"/api/threads/{self._thread}")))["last_seq"]
        try:
            async with asyncio.timeout(SHOWN_WITHIN), self._moved:
                await self._moved.wait_for(lambda: self._seen >= last)
        except TimeoutError:
            self._note(f"the bot stopped telling what happens; look: bot thread show {self._thread}")

    # ------------------------------------------------------------ calls

    async def _post(self, body: Mapping[str, Any], wait: int) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await self._call(lambda api: api.post("/api/messages", body, wait=wait))
        return answer

    async def _call(self, call: Callable[[Client], Awaitable[T]]) -> T:
        """Make a call; again if the bot is away for a moment, which `bot dev` soon mends."""
        loop = asyncio.get_running_loop()
        end, known = loop.time() + self._patience, bool(self._thread)
        while True:
            try:
                async with connect(address(self._database), self._token) as http:
                    http.timeout = httpx.Timeout(WAIT + 15.0, connect=5.0)
                    return await call(Client(http, running=True))
            except NoBot:
                if not known or loop.time() >= end:
                    raise
            except (httpx.TransportError, Refused) as error:
                if not _is_away(error):
                    raise
                if loop.time() >= end:
                    raise NoBot(f"the bot does not answer: {error or type(error).__name__}") from error
            await asyncio.sleep(self._pause)


def _is_done(answer: Mapping[str, Any]) -> bool:
    return answer["next_action"] is not None


def _is_away(error: Exception) -> bool:
    return not isinstance(error, Refused) or error.status == BUSY


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[Mapping[str, Any]]:
    """The events of a stream of server-sent events; each has one line of data."""
    async for line in lines:
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))
