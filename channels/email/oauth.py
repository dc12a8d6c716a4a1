"""Access tokens for a mailbox whose provider takes no passwords: fresh when they are used, stored before that."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import httpx

from channels.email import tls
from channels.email.imap import ConnectionLost, MailboxRefused

TIMEOUT = 20.0
EARLY = timedelta(minutes=5)
UNSAID = 300  # seconds that a token is good for, if the provider does not say
LONGEST = 86_400

Grant = Literal["refresh_token", "client_credentials"]

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_FINAL = frozenset(
    ("invalid_grant", "invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type")
) | {"invalid_scope", "access_denied", "expired_token"}


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider gives tokens out, and for what; "" where it has no such place."""

    token_url: str = ""
    auth_url: str = ""
    device_url: str = ""
    scope: str = ""


GOOGLE = Provider(
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    auth_url="https://accounts.google.com/o/oauth2/v2/auth",
    scope="https://mail.google.com/",
)
"""Without a place for device codes: Google does not give this scope to devices."""

_MICROSOFT = "https://login.microsoftonline.com/organizations/oauth2/v2.0"
_OUTLOOK = "https://outlook.office.com"
MICROSOFT = Provider(
    token_url=f"{_MICROSOFT}/token",
    auth_url=f"{_MICROSOFT}/authorize",
    device_url=f"{_MICROSOFT}/devicecode",
    scope=f"{_OUTLOOK}/IMAP.AccessAsUser.All {_OUTLOOK}/SMTP.Send offline_access",
)
PROVIDERS: Mapping[str, Provider] = {"google": GOOGLE, "microsoft": MICROSOFT, "other": Provider()}


@dataclass(frozen=True, slots=True)
class App:
    """The program as the provider knows it, and how it gets tokens."""

    provider: Provider
    client_id: str
    client_secret: str = field(default="", repr=False)
    grant: Grant = "refresh_token"

    @classmethod
    def of(
        cls,
        name: str,
        client_id: str,
        *,
        client_secret: str = "",
        grant: Grant = "refresh_token",
        **given: str,
    ) -> "App":
        """A known provider, with what is `given` (token_url, scope ...) in the place of its own."""
        known = PROVIDERS[name]
        if name == "microsoft" and grant == "client_credentials":
            known = replace(known, scope="https://outlook.office365.com/.default")
        provider = replace(known, **{key: value for key, value in given.items() if value})
        return cls(provider, client_id, client_secret, grant)

    def identity(self) -> dict[str, str]:
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}


@dataclass(frozen=True, slots=True)
class Granted:
    """What a provider gave."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(default="", repr=False)


class Refused(MailboxRefused):
    """The provider gives no token; `code` is its own word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class KeptTokens(Protocol):
    @property
    def refresh_token(self) -> str: ...
    @property
    def access_token(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...


class TokenShelf(Protocol):
    """`bot.store.mail.MailShelf`; what `put_tokens` returns from is on disk."""

    async def tokens(self, account: str) -> KeptTokens | None: ...

    async def put_tokens(
        self, account: str, *, refresh_token: str, access_token: str, expires_at: datetime
    ) -> None: ...


class Tokens:
    """The access tokens of one account; IMAP and SMTP share them."""

    def __init__(
        self,
        account: str,
        app: App,
        *,
        shelf: TokenShelf,
        clock: Callable[[], datetime],
        timeout: float = TIMEOUT,
    ) -> None:
        self._account = account
        self._app = app
        self._shelf = shelf
        self._clock = clock
        self._timeout = timeout
        self._turn = asyncio.Lock()

    async def access(self) -> str:
        """A token that is good for some minutes. Raises ConnectionLost, or MailboxRefused if a person must act.

        A refresh token may be good for one use: what came for it is on disk before anybody sees the new pair.
        """
        async with self._turn:
            kept = await self._shelf.tokens(self._account)
            if kept is not None and kept.access_token and kept.expires_at - EARLY > self._clock():
                return kept.access_token
            refresh_token = kept.refresh_token if kept else ""
            granted = await self._ask(refresh_token)
            await keep(self._shelf, self._account, granted, self._clock(), before=refresh_token)
            return granted.access_token

    async def _ask(self, refresh_token: str) -> Granted:
        form: dict[str, str] = {"grant_type": self._app.grant}
        if self._app.grant == "client_credentials":
            form["scope"] = self._app.provider.scope
        elif refresh_token:
            form["refresh_token"] = refresh_token
        else:
            raise MailboxRefused(f"There are no tokens for {self._account} yet. Get them: bot mail login")
        try:
            return await ask(self._app, form, timeout=self._timeout)
        except Refused as error:
            if error.code == "invalid_grant":
                raise Refused(f"{error} Log in again: bot mail login", error.code) from error
            raise


async def keep(shelf: TokenShelf, account: str, granted: Granted, now: datetime, *, before: str = "") -> None:
    """Store what was granted; a provider that gives no new refresh token lets us go on with the one before."""
    await shelf.put_tokens(
        account,
        refresh_token=granted.refresh_token or before,
        access_token=granted.access_token,
        expires_at=now + timedelta(seconds=granted.expires_in),
    )


async def ask(app: App, form: Mapping[str, str], *, timeout: float = TIMEOUT) -> Granted:
    """Ask the token endpoint. Raises Refused, or ConnectionLost if it may answer another time."""
    return _granted(await post(app.provider.token_url, {**app.identity(), **form}, timeout=timeout))


async def post(url: str, form: Mapping[str, str], *, timeout: float = TIMEOUT) -> dict[str, Any]:
    """The provider's answer as JSON; nothing is sent in the clear to another machine."""
    host = urlsplit(url).hostname or ""
    here = tls.is_here(host)
    if not (url.startswith("https://") or here):
        raise MailboxRefused(
            f"channels.email.oauth: {url or 'the address for tokens'} is not an https:// address."
        )
    try:
        async with asyncio.timeout(timeout), httpx.AsyncClient(timeout=timeout, trust_env=not here) as http:
            answer = await http.post(url, data=dict(form), headers={"accept": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise ConnectionLost(f"{host} gives no tokens: {type(error).__name__}") from error
    return _read(host, answer)


def _read(host: str, answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConnectionLost(f"{host} answers {answer.status_code} and no JSON when asked for a token.")
    if answer.is_success and "error" not in found:
        return found
    code = str(found.get("error", ""))[:100]
    words = (
        f"{host} gives no token ({code or answer.status_code}): {_line(found.get('error_description', ''))}"
    )
    if answer.status_code < 500 and (code in _FINAL or code in ("authorization_pending", "slow_down")):
        raise Refused(words, code)
    raise ConnectionLost(words)


def _granted(found: Mapping[str, Any]) -> Granted:
    access, refresh = (str(found.get(name) or "") for name in ("access_token", "refresh_token"))
    if not _TOKEN.fullmatch(access) or (refresh and not _TOKEN.fullmatch(refresh)):
        raise ConnectionLost("The provider's answer holds no token that could be used.")
    return Granted(access, _seconds(found.get("expires_in")), refresh)


def _seconds(value: object) -> int:
    text = str(value)
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() else UNSAID


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300]
