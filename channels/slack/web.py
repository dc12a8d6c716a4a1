"""Calls of Slack's Web API: one attempt each, over one session, within one deadline."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.calling import in_words, is_direct, retry_after
from bot.errors import SaywhenError
from channels.slack.log import SDK_LOG

DEFAULT_URL = "https://slack.com/api/"
TIMEOUT = 15.0
CONNECT_TIMEOUT = 5.0
CLOSE_TIMEOUT = 5.0
CHUNK = 65_536

NOT_SENT = (
    aiohttp.ClientConnectorError,  # refused, no such host, bad certificate
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
# What the SDK stumbles over in an answer that is not Slack's: text, a list, bytes in another encoding.
NOT_SLACK = (ValueError, TypeError, AttributeError)


class CallFailed(SaywhenError):
    """A call of Slack's Web API failed.

    `code` is Slack's word for it, if there was one; `sent` is False only if the request surely never left.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        sent: bool = True,
        retry_after: float | None = None,
        needed: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent
        self.retry_after = retry_after
        self.needed = needed


class TooLarge(CallFailed):
    """What was to be fetched has more bytes than allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    data: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, or where else it is."""

    status: int
    content_type: str
    location: str
    body: bytes


class Web:
    """The Web API with one bot token. Works before `open` and after `close` too, with a session per call."""

    def __init__(self, token: str, *, api_url: str | None = None, timeout: float = TIMEOUT) -> None:
        self.url = url = api_url or DEFAULT_URL
        # No retries behind our back: the SDK would repeat a chat.postMessage whose answer was lost.
        self.client = AsyncWebClient(
            token=token, base_url=url, timeout=math.ceil(timeout), retry_handlers=[], logger=SDK_LOG
        )
        if is_direct(url):
            self.client.proxy = None
        self._timeout = timeout
        self._calls = 0
        self._idle = asyncio.Event()

    def open(self) -> None:
        limits = aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_TIMEOUT)
        self.client.session = aiohttp.ClientSession(timeout=limits)

    async def close(self) -> None:
        """Let the calls that are under way end, then close the session."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._calls:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            pass  # they end as broken calls
        if self.client.session is not None:
            await self.client.session.close()

    async def post(self, method: str, arguments: Mapping[str, object]) -> Answer:
        return await self._call(method, json=dict(arguments))

    async def get(self, method: str, arguments: Mapping[str, object]) -> Answer:
        return await self._call(method, http_verb="GET", params=dict(arguments))

    async def fetch(self, url: URL, *, most: int) -> Fetched:
        """One answer with at most so many bytes, redirects not followed: our token goes to this address only."""
        assert self.client.session is not None
        headers = {"Authorization": f"Bearer {self.client.token}", "Accept-Encoding": "identity"}
        try:
            async with self.client.session.get(
                url, headers=headers, allow_redirects=False, proxy=self.client.proxy
            ) as answer:
                body = bytearray()
                async for some in answer.content.iter_chunked(CHUNK):
                    body += some
                    if len(body) > most:
                        raise TooLarge(f"{url.host}: more than {most:,} bytes")
                location = answer.headers.get("Location", "")
                return Fetched(answer.status, answer.content_type, location, bytes(body))
        except BROKEN as error:
            raise CallFailed(f"{url.host}: {in_words(error)}") from error

    async def open_connection(self, app_token: str) -> str:
        """The address of a new socket; it works once."""
        answer = await self._call("apps.connections.open", params={"token": app_token})
        url = answer.data.get("url")
        if not isinstance(url, str) or not url:
            raise CallFailed("apps.connections.open gave no address")
        return url

    async def _call(self, method: str, **how: Any) -> Answer:
        self._calls += 1
        try:
            async with asyncio.timeout(self._timeout):
                response = await self.client.api_call(method, **how)
            if not isinstance(response.data, Mapping):
                raise CallFailed(f"{method}: the answer is not Slack's")
            return Answer(response.data, response.headers)
        except SlackApiError as error:
            raise _refused(method, error) from error
        except NOT_SENT as error:
            raise CallFailed(f"{method}: {in_words(error)}", sent=False) from error
        except BROKEN as error:
            raise CallFailed(f"{method}: {in_words(error)}") from error
        except NOT_SLACK as error:
            raise CallFailed(f"{method}: the answer is not Slack's") from error
        finally:
            self._calls -= 1
            self._idle.set()


def _refused(method: str, error: SlackApiError) -> CallFailed:
    # An answer that is not JSON comes as aiohttp's response instead of the SDK's.
    response: Any = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    found = getattr(response, "data", None)
    data = found if isinstance(found, Mapping) else {}
    code = data.get("error")
    code = code if isinstance(code, str) and status < 500 else ""
    if status == 429:
        code = "ratelimited"
    return CallFailed(
        f"{method}: {code or f'HTTP status {status}'}",
        code=code,
        retry_after=retry_after(getattr(response, "headers", {}).get("Retry-After")),
        needed=str(data.get("needed") or ""),
    )
