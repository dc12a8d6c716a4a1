"""Calls of Twilio's REST API through its SDK: one attempt each, over one session, within one deadline."""

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from bot.calling import in_words, is_direct, retry_after
from bot.errors import SaywhenError
from channels.sms.events import Media
from channels.sms.log import SDK_LOG

TIMEOUT = 10.0
CONNECT_TIMEOUT = 5.0
CLOSE_TIMEOUT = 5.0
PAGE = 100
LONGEST_MESSAGE = 160
TELEPHONE = re.compile(r"\+?[0-9]{6,}")

NOT_SENT = (
    aiohttp.ClientConnectorError,  # refused, no such host, bad certificate
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
# What the SDK stumbles over in an answer that is not Twilio's.
NOT_TWILIO = (ValueError, TypeError, AttributeError, KeyError, TwilioException)

T = TypeVar("T")


class CallFailed(SaywhenError):
    """A call of Twilio's API failed.

    `code` is Twilio's number for it and `status` that of HTTP, 0 if there was none; `sent` is False only if the
    request surely never left.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: int = 0,
        sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.sent = sent
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Record:
    """One message as Twilio has it, ours or somebody's."""

    sid: str
    sender: str
    recipient: str
    body: str
    direction: str
    status: str
    at: datetime
    error_code: int = 0
    num_media: int = 0


class Http(AsyncTwilioHttpClient):  # type: ignore[misc]  # twilio is published without types
    """The SDK's own client keeps no deadline, opens a session too early, and loses Retry-After on the way."""

    def __init__(self, api_url: str | None, timeout: float) -> None:
        super().__init__(pool_connections=False, timeout=timeout, logger=SDK_LOG)
        self.session: aiohttp.ClientSession | None = None
        self._api_url = api_url.rstrip("/") if api_url else ""
        self._limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_TIMEOUT))

    def open(self) -> None:
        self.session = self._new_session()

    def _new_session(self) -> aiohttp.ClientSession:
        direct = bool(self._api_url) and is_direct(self._api_url)
        return aiohttp.ClientSession(timeout=self._limits, trust_env=not direct)

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        login = {"Authorization": aiohttp.encode_basic_auth(*auth)} if auth else {}
        session = self.session or self._new_session()
        try:
            async with session.request(
                method,
                self._address(url),
                params=params,
                data=data,
                headers={**(headers or {}), **login},
                allow_redirects=allow_redirects,
            ) as answer:
                text = await answer.text()
                found = Response(answer.status, text, answer.headers)
        finally:
            if session is not self.session:
                await session.close()
        if not 200 <= found.status_code < 300:
            raise _refused(found)
        return found

    def _address(self, url: str) -> str:
        if not self._api_url:
            return url
        parts = urlsplit(url)
        return self._api_url + parts.path + (f"?{parts.query}" if parts.query else "")


class Twilio:
    """One account. Works before `open` and after `close` too, with a session per call."""

    def __init__(
        self, account_sid: str, auth_token: str, *, api_url: str | None, timeout: float = TIMEOUT
    ) -> None:
        self._http = Http(api_url, timeout)
        self._messages = Client(account_sid, auth_token, http_client=self._http).messages
        self._timeout = timeout
        self._calls = 0
        self._idle = asyncio.Event()

    def open(self) -> None:
        self._http.open()

    async def close(self) -> None:
        """Let the calls that are under way end, then close the session."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._calls:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            pass  # they end as broken calls
        session, self._http.session = self._http.session, None
        if session is not None:
            await session.close()

    async def create(self, *, to: str, from_: str, body: str, callback: str = "") -> str:
        """Hand one message over and return its sid."""
        more = {"status_callback": callback} if callback else {}
        made = await self._call(self._messages.create_async(to=to, from_=from_, body=body, **more))
        if not isinstance(made.sid, str):
            raise CallFailed("the answer names no message")
        return made.sid

    async def messages(
        self, *, to: str = "", from_: str = "", after: datetime | None = None, limit: int
    ) -> list[Record]:
        """The newest messages first, at most `limit`."""
        wanted: dict[str, object] = {"to": to, "from_": from_, "date_sent_after": after}
        given = {name: value for name, value in wanted.items() if value}
        found = await self._call(
            self._messages.list_async(limit=limit, page_size=min(limit, PAGE), **given),
            pages=math.ceil(limit / PAGE),
        )
        return [record for each in found if (record := _record(each))]

    async def message(self, sid: str) -> Record | None:
        return _record(await self._call(self._messages(sid).fetch_async()))

    async def media(self, sid: str) -> tuple[Media, ...]:
        found = await self._call(self._messages(sid).media.list_async(limit=10))
        return tuple(Media(str(each.uri).removesuffix(".json"), str(each.content_type)) for each in found)

    async def _call(self, call: Awaitable[T], *, pages: int = 1) -> T:
        self._calls += 1
        try:
            async with asyncio.timeout(self._timeout * pages):
                return await call
        except NOT_SENT as error:
            raise CallFailed(f"no connection to Twilio: {in_words(error)}", sent=False) from error
        except BROKEN as error:
            raise CallFailed(f"the connection to Twilio broke: {in_words(error)}") from error
        except NOT_TWILIO as error:
            raise CallFailed("the answer is not Twilio's") from error
        finally:
            self._calls -= 1
            self._idle.set()


def _refused(answer: Response) -> CallFailed:
    try:
        body = json.loads(answer.text)
    except ValueError:
        body = None
    found = body if isinstance(body, Mapping) else {}
    code = found.get("code")
    # Twilio's sentence may name somebody's number, and what becomes of a message is written in the log.
    message = TELEPHONE.sub("(number)", str(found.get("message") or ""))[:LONGEST_MESSAGE]
    return CallFailed(
        message or f"HTTP status {answer.status_code}",
        status=answer.status_code,
        code=code if isinstance(code, int) else 0,
        retry_after=retry_after((answer.headers or {}).get("Retry-After")),
    )


def _record(found: Any) -> Record | None:
    at = found.date_sent or found.date_created
    if not isinstance(found.sid, str) or not isinstance(at, datetime):
        return None
    return Record(
        sid=found.sid,
        sender=str(found.from_ or ""),
        recipient=str(found.to or ""),
        body=str(found.body or ""),
        direction=str(found.direction or ""),
        status=str(found.status or ""),
        at=at.astimezone(UTC),
        error_code=_number(found.error_code),
        num_media=_number(found.num_media),
    )


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
