"""Discord's HTTP API through discord.py's client, made so that each call is one request.

discord.py repeats a request up to five times when Discord is in trouble, and sleeps after one that used up its
limit, with the answer in hand. Which message is sent again, and when, the outbox alone decides; so here a limit is
waited for before a call, and a failed one is over. Where the API is, is each client's own: discord.py has one
address for a whole process.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import discord
from discord.http import HTTPClient, Ratelimit, Route

from channels.discord.failures import CallFailed

TIMEOUT = 15.0
CLOSE_TIMEOUT = 2.0
LONGEST_WAIT = 6.0
"""A channel takes five messages in five seconds; what has to wait longer is better put back in its queue."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(slots=True)
class _Request:
    """What became of one call on its way out."""

    tries: int = 0
    sent: bool = False


class Rest(HTTPClient):
    """discord.py's HTTP client, with one request for each call."""

    def __init__(self, loop: Any, *, api_url: str, timeout: float) -> None:
        super().__init__(loop, http_trace=_watch(self), max_ratelimit_timeout=30.0)
        self._api_url = api_url.rstrip("/") or Route.BASE
        self._timeout = timeout
        self._closed_until = 0.0  # a limit on all calls, in the loop's time
        self._calls = 0
        self._idle = asyncio.Event()

    async def request(self, route: Route, **how: Any) -> Any:
        route.url = self._api_url + route.url.removeprefix(Route.BASE)
        self._check_limit()
        sending = _Request()
        self._calls += 1
        try:
            async with asyncio.timeout(self._timeout):
                answer = await super().request(route, trace_request_ctx=sending, **how)
        except discord.RateLimited as error:
            raise _too_many(error.retry_after, sent=False) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            words = str(error) or f"no answer within {self._timeout:g} s"
            raise CallFailed(f"{route.method} {route.path}: {words}", sent=sending.sent) from error
        finally:
            self._calls -= 1
            self._idle.set()
        if isinstance(answer, str) and answer:  # discord.py gives what is no JSON as it is
            raise CallFailed(f"{route.method} {route.path}: the answer is not Discord's")
        return answer

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """discord.py gives a socket thirty seconds to say goodbye; one that went deaf uses them all."""
        socket = await super().ws_connect(url, compress=compress)
        socket._timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)
        return socket

    def get_ratelimit(self, key: str) -> Ratelimit:
        if key not in self._buckets:
            self._buckets[key] = _Limit(self.max_ratelimit_timeout)
            self._try_clear_expired_ratelimits()
        return super().get_ratelimit(key)

    async def drained(self, *, within: float) -> None:
        """Let the calls that are under way end."""
        try:
            async with asyncio.timeout(within):
                while self._calls:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            pass  # they end as broken calls

    def close_for(self, seconds: float) -> None:
        self._closed_until = asyncio.get_running_loop().time() + seconds

    def _check_limit(self) -> None:
        left = self._closed_until - asyncio.get_running_loop().time()
        if left > 0:
            raise _too_many(left, sent=False)


class _Limit(Ratelimit):
    """A limit that is waited for before a call, never after it; long waits are a failure at once."""

    async def acquire(self) -> None:
        loop = asyncio.get_running_loop()
        self._last_request = loop.time()
        while True:
            if self.is_expired():
                self.reset()  # type: ignore[no-untyped-call]  # discord.py's own
            if self.expires is None or self.remaining > 0:
                break
            wait = self.expires - loop.time()
            if wait > LONGEST_WAIT:
                raise discord.RateLimited(wait)
            await asyncio.sleep(max(0.0, wait) + 0.01)
        self.remaining -= 1
        self.outgoing += 1

    async def __aexit__(self, *_: object) -> None:
        self.outgoing -= 1


def _watch(rest: Rest) -> aiohttp.TraceConfig:
    """Ends a call where discord.py would try again by itself."""

    async def start(_session: Any, context: Any, _params: Any) -> None:
        sending = context.trace_request_ctx
        if not isinstance(sending, _Request):
            return  # the gateway's socket begins as a request too
        if sending.tries:
            raise aiohttp.ClientConnectionError("the connection broke")
        sending.tries += 1

    async def sent(_session: Any, context: Any, _params: Any) -> None:
        if isinstance(context.trace_request_ctx, _Request):
            context.trace_request_ctx.sent = True

    async def end(_session: Any, _context: Any, params: aiohttp.TraceRequestEndParams) -> None:
        response = params.response
        if response.status == 429:
            raise await _limited(rest, response)
        if response.status >= 500:
            response.close()
            raise CallFailed(f"{params.method}: HTTP status {response.status}", status=response.status)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(start)
    trace.on_request_headers_sent.append(sent)
    trace.on_request_end.append(end)
    return trace


async def _limited(rest: Rest, response: aiohttp.ClientResponse) -> CallFailed:
    """429: how long to wait. Without a word of Discord's own in it, it is a ban of our address by its guard."""
    try:
        body = await response.json()
    except (aiohttp.ClientError, ValueError):
        body = {}
    finally:
        response.close()
    asked = body.get("retry_after") if isinstance(body, dict) else None
    seconds = float(asked) if isinstance(asked, int | float) and asked >= 0 else _header(response)
    if isinstance(body, dict) and body.get("global"):
        rest.close_for(seconds or 1.0)
    return _too_many(seconds)


def _header(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _too_many(seconds: float | None, *, sent: bool = True) -> CallFailed:
    return CallFailed("Discord asks us to slow down (429)", status=429, retry_after=seconds, sent=sent)


# ---------------------------------------------------------------- calls


class Web:
    """Calls to Discord for the rest of the channel; without a client they fail and can be made again."""

    def __init__(self) -> None:
        self.http: HTTPClient | None = None

    async def call(
        self,
        method: Method,
        path: str,
        *,
        json: object = None,
        params: dict[str, str] | None = None,
        **ids: str,
    ) -> Any:
        if self.http is None:
            raise CallFailed("Discord is not connected", sent=False)
        how: dict[str, Any] = {"params": params} if params else {}
        if json is not None:
            how["json"] = json
        try:
            return await self.http.request(Route(method, path, **ids), **how)
        except discord.HTTPException as error:
            words = (
                f"{method} {path}: {error.text or 'refused'} (HTTP status {error.status}, code {error.code})"
            )
            raise CallFailed(words, status=error.status, code=error.code) from error
