"""The Events API over HTTP: signed requests to the app's address, an answer within 3 seconds or a retry."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from simulators.slack.config import Json, SlackConfig
from simulators.slack.deliveries import Outcome
from simulators.slack.state import Delivery


@dataclass(frozen=True)
class RequestUrls:
    """Where the app listens; buttons and commands may have addresses of their own."""

    events: str
    interactive: str = ""
    commands: str = ""

    def of(self, kind: str) -> str:
        return {"interactive": self.interactive, "slash_commands": self.commands}.get(kind, "") or self.events


class EventsHttp:
    def __init__(self, config: SlackConfig, urls: RequestUrls, *, timestamp: Callable[[], float]) -> None:
        self._config = config
        self._urls = urls
        self._timestamp = timestamp
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        await self._session.close()

    async def ready(self) -> None:
        """HTTP can always be tried."""

    async def verify(self, *, timeout: float) -> bool:
        """The challenge that Slack sends when somebody enters the address."""
        challenge = secrets.token_urlsafe(32)
        body = {"token": self._config.verification_token, "challenge": challenge, "type": "url_verification"}
        status, text, _ = await self._post("events_api", body, {}, timeout)
        return status == 200 and challenge in text

    async def carry(self, kind: str, delivery: Delivery, *, timeout: float) -> Outcome:
        headers: dict[str, str] = {}
        if delivery.attempt:
            headers = {"x-slack-retry-num": str(delivery.attempt), "x-slack-retry-reason": delivery.reason}
        try:
            status, text, no_retry = await self._post(kind, delivery.payload, headers, timeout)
        except TimeoutError:
            return Outcome("http_timeout")
        except aiohttp.TooManyRedirects:
            return Outcome("too_many_redirects")
        except aiohttp.ClientSSLError:
            return Outcome("ssl_error")
        except aiohttp.ClientConnectionError:
            return Outcome("connection_failed")
        except aiohttp.ClientError:
            return Outcome("unknown_error")
        if not 200 <= status < 300:
            return Outcome("http_error", retry=not no_retry)
        return Outcome(response=_response(text))

    async def _post(
        self, kind: str, payload: Json, headers: dict[str, str], timeout: float
    ) -> tuple[int, str, bool]:
        content_type, body = _encode(kind, payload)
        headers = {**headers, **self.sign(body), "Content-Type": content_type, "User-Agent": "Slackbot 1.0"}
        async with (
            asyncio.timeout(timeout),
            self._session.post(self._urls.of(kind), data=body, headers=headers) as response,
        ):
            no_retry = response.headers.get("X-Slack-No-Retry") == "1"
            return response.status, await response.text(), no_retry

    def sign(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._timestamp()))
        signed = f"v0:{timestamp}:".encode() + body
        digest = hmac.new(self._config.signing_secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def _encode(kind: str, payload: Json) -> tuple[str, bytes]:
    match kind:
        case "interactive":
            return "application/x-www-form-urlencoded", urlencode({"payload": json.dumps(payload)}).encode()
        case "slash_commands":
            return "application/x-www-form-urlencoded", urlencode(payload).encode()
        case _:
            return "application/json", json.dumps(payload).encode()


def _response(text: str) -> Json | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
