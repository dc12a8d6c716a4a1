"""The only place that knows the Messages API's SDK: sends one request, and answers with a step or a failure.

The SDK carries (keys, connections, proxies). It neither retries nor judges: the bytes go to bot/answer.py.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from bot.answer import HttpAnswer, Reader
from bot.events import Failure, ModelAnswered, Step
from bot.one_line import one_line
from bot.ports import Clock
from bot.secrets import Redactor, Secret

if TYPE_CHECKING:
    import anthropic
    import httpx2

API: Final = "https://api.anthropic.com"
MAX_BODY = 8 * 1024 * 1024
CONNECT_TIMEOUT = 5.0
BUSY = (429, 503, 529)
AS_SET: Final["anthropic._types.RequestOptions"] = {"headers": {}, "params": {}, "max_retries": 0}
"""Nothing besides what the client was made with; said, because the SDK copies its defaults for each call."""
_WIRE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class AnswerTooLarge(Exception):
    """An answer that would fill the memory."""


@dataclass(frozen=True, slots=True)
class _Closed:
    """Until when the endpoint asked us to stay away, and what it said."""

    until: float
    failure: Failure


class AnthropicModel:
    """One model at one endpoint. `ask` raises nothing for anything the endpoint does."""

    def __init__(
        self,
        name: str,
        *,
        api_key: Secret,
        base_url: str = API,
        timeout: timedelta = timedelta(minutes=1),
        clean: Callable[[str], str] | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout` is for a whole call; `clean` takes secrets out of what people read."""
        self.name = name
        self._key = api_key
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout.total_seconds()
        self._clean = clean or Redactor([api_key])
        self._clock = clock
        self._monotonic = monotonic
        self._client: anthropic.AsyncAnthropic | None = None
        self._warming = asyncio.Lock()
        self._closed: _Closed | None = None

    async def warm(self) -> None:
        """Import the SDK in a thread, early: it takes a second or two."""
        async with self._warming:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        """Send the request once; `check` turns the answer's text into a step or raises InvalidStep."""
        started = self._monotonic()
        if failure := self._not_yet(started):
            return ModelAnswered(model=self.name, failure=failure)
        await self.warm()
        http = await self._send(body)
        if isinstance(http, HttpAnswer):
            answered = self._reader(body, check).read(http)
            self._close_gate(http, answered)
        else:
            failure = Failure(kind="unavailable", message=one_line(http, most=200, clean=self._clean))
            answered = ModelAnswered(model=self.name, failure=failure)
        took = max(0, round((self._monotonic() - started) * 1000))
        return answered.model_copy(update={"duration_ms": took})

    def _reader(self, body: Mapping[str, object], check: Callable[[str], Step]) -> Reader:
        limit = body.get("max_tokens")
        return Reader(
            model=self.name,
            max_tokens=limit if isinstance(limit, int) else 0,
            check=check,
            clean=self._clean,
            now=self._clock(),
        )

    # ------------------------------------------------------------ the gate

    def _not_yet(self, now: float) -> Failure | None:
        """The last refusal again, as long as the endpoint asked to be left alone."""
        if self._closed is None or now >= self._closed.until:
            return None
        return self._closed.failure.model_copy(update={"retry_after": self._closed.until - now})

    def _close_gate(self, http: HttpAnswer, answered: ModelAnswered) -> None:
        failure = answered.failure
        if http.status in BUSY and failure is not None and failure.retry_after:
            self._closed = _Closed(self._monotonic() + failure.retry_after, failure)

    # ------------------------------------------------------------ the wire

    async def _send(self, body: Mapping[str, object]) -> HttpAnswer | str:
        """The answer, whatever its status, or one line saying why there is none."""
        import anthropic
        import httpx2

        assert self._client is not None
        # Our own bytes, in the body's own order: a model fills a schema's fields in the order it reads them.
        content = _WIRE.encode(body).encode()
        try:
            async with asyncio.timeout(self._timeout):
                # The whole address, which the SDK then need not put together for each call.
                response = await self._client.post(
                    f"{self._base_url}/v1/messages", content=content, cast_to=httpx2.Response, options=AS_SET
                )
        except anthropic.APIStatusError as error:
            response = error.response
        except (TimeoutError, anthropic.APITimeoutError):
            return f"the endpoint did not answer within {self._timeout:g} s"
        except anthropic.AnthropicError as error:
            return _unreachable(error)
        return HttpAnswer(response.status_code, response.content, dict(response.headers))

    def _connect(self) -> "anthropic.AsyncAnthropic":
        import anthropic

        http = anthropic.DefaultAioHttpClient(
            timeout=anthropic.Timeout(self._timeout, connect=min(CONNECT_TIMEOUT, self._timeout)),
            follow_redirects=False,  # a key is not carried to wherever an answer points
            headers={"accept-encoding": "identity"},  # small answers; nothing can swell while unpacking
            event_hooks={"response": [_limit_body]},
        )
        return anthropic.AsyncAnthropic(
            api_key=self._key.reveal(), base_url=self._base_url, max_retries=0, http_client=http
        )


def _unreachable(error: Exception) -> str:
    """The SDK wraps what happened; the cause says more."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return f"the endpoint could not be reached, or the connection broke: {str(cause) or type(cause).__name__}"


async def _limit_body(response: "httpx2.Response") -> None:
    """Stop reading an answer that never ends. One that says how long it is, and keeps to it, does end."""
    said = response.headers.get("content-length", "")
    if not (said.isdecimal() and int(said) <= MAX_BODY):
        response.stream = _limited()(response.stream)


@cache
def _limited() -> "Callable[[httpx2.AsyncByteStream | httpx2.SyncByteStream], httpx2.AsyncByteStream]":
    """The class of a stream with an end; made once, when the SDK's own classes are there."""
    import httpx2

    class Limited(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream | httpx2.SyncByteStream) -> None:
            assert isinstance(stream, httpx2.AsyncByteStream)
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                size += len(chunk)
                if size > MAX_BODY:
                    raise AnswerTooLarge("the answer is larger than 8 MB")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Limited
