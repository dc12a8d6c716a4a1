"""Signed requests to the app: one form, tried again under the rules in the address, written down."""

import asyncio
from dataclasses import dataclass, replace
from urllib.parse import urldefrag

import aiohttp
from yarl import URL

from simulators.twilio.overrides import Overrides, overrides
from simulators.twilio.signature import sign
from simulators.twilio.state import Post, TwilioState

USER_AGENT = "TwilioProxy/1.1"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True)
class Answer:
    """What the app said with a 2xx."""

    content_type: str
    text: str


@dataclass(frozen=True)
class Failure:
    """`kind` is the name that the retry policy `rp` knows it by."""

    kind: str
    problem: str


class Posts:
    def __init__(self, state: TwilioState, *, auth_token: str, time_scale: float) -> None:
        self._state = state
        self._auth_token = auth_token
        self._time_scale = time_scale
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        # Each attempt on a connection of its own: one that was kept open would fail in ways of its own.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, post: Post) -> Answer | None:
        """Post until the app answers or Twilio gives up; the total time counts for all attempts."""
        rules = overrides(post.url)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds(rules.tt)
        while True:
            result = await self._try(post, rules, deadline - loop.time())
            post = replace(post, attempts=post.attempts + 1)
            if isinstance(result, Answer):
                self._state.put_post(replace(post, state="done", problem=""))
                return result
            post = replace(post, problem=result.problem)
            if post.attempts > rules.rc or not rules.retries(result.kind) or loop.time() >= deadline:
                self._state.put_post(replace(post, state="failed"))
                return None
            self._state.put_post(post)

    async def once(self, post: Post) -> bool:
        """Post a copy, whatever became of the original; True if the app took it."""
        rules = overrides(post.url)
        return isinstance(await self._try(post, rules, self._seconds(rules.tt)), Answer)

    async def _try(self, post: Post, rules: Overrides, left: float) -> Answer | Failure:
        if self._session is None:
            raise RuntimeError("start() comes first")
        timeout = aiohttp.ClientTimeout(
            # aiohttp takes 0 for "no limit".
            total=max(left, 0.001),
            sock_connect=self._seconds(rules.ct),
            sock_read=self._seconds(rules.rt),
        )
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "X-Twilio-Signature": sign(post.url, post.form, self._auth_token),
            "I-Twilio-Idempotency-Token": post.token,
        }
        url = URL(urldefrag(post.url).url, encoded=True)
        body = aiohttp.FormData(post.form)
        try:
            async with self._session.post(url, data=body, headers=headers, timeout=timeout) as response:
                text = await response.text(errors="replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failure("ct", f"11205: no connection: {error}")
        except (aiohttp.ClientError, TimeoutError) as error:
            return Failure("rt", f"11200: no answer: {error or type(error).__name__}")
        if not 200 <= response.status < 300:
            return Failure(f"{response.status // 100}xx", f"11200: answered {response.status}")
        return Answer(response.content_type if "Content-Type" in response.headers else "", text)

    def _seconds(self, milliseconds: int) -> float:
        return milliseconds / 1000 * self._time_scale
