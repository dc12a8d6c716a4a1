"""How a person lets the bot into a mailbox: a code typed in at the provider's, or a page that comes back to us."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlencode, urlsplit

from channels.email.imap import MailboxRefused
from channels.email.oauth import App, Granted, Refused, ask, post

PATIENCE = 900.0
SLOWER = 5.0
LONGEST_LINE = 16 << 10

Random = Callable[[int], bytes]
Say = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]

_PAGE = "<!doctype html><meta charset=utf-8><title>Saywhen</title><p>{}</p>"


async def log_in(
    app: App,
    account: str,
    *,
    say: Say,
    random: Random,
    sleep: Sleep = asyncio.sleep,
    patience: float = PATIENCE,
) -> Granted:
    """By device code where the provider has that, else in the browser of this machine.

    `say` tells the person what to do. Raises MailboxRefused if they refuse, or do nothing for too long.
    """
    try:
        async with asyncio.timeout(patience):
            if app.provider.device_url:
                return await _by_code(app, say, sleep)
            return await _by_browser(app, account, say, random)
    except TimeoutError as error:
        raise MailboxRefused(
            "Nobody has let the bot in, in all this time. Start again: bot mail login"
        ) from error


async def _by_code(app: App, say: Say, sleep: Sleep) -> Granted:
    """RFC 8628."""
    given = await post(app.provider.device_url, {"client_id": app.client_id, "scope": app.provider.scope})
    place = given.get("verification_uri") or given.get("verification_url") or ""
    say(f"open {place} in any browser and enter the code {given.get('user_code', '')}")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": str(given.get("device_code", "")),
    }
    pause = _pause(given.get("interval"))
    while True:
        await sleep(pause)
        try:
            return await ask(app, form)
        except Refused as error:
            if error.code not in ("authorization_pending", "slow_down"):
                raise
            pause += SLOWER if error.code == "slow_down" else 0.0


def _pause(interval: object) -> float:
    return float(interval) if isinstance(interval, int | float) and 0 < interval <= 60 else 5.0


async def _by_browser(app: App, account: str, say: Say, random: Random) -> Granted:
    """RFC 8252: the provider's page sends the browser to a port of this machine; PKCE binds the code to us."""
    state, verifier = _word(random), _word(random)
    if not app.provider.auth_url:
        raise MailboxRefused("channels.email.oauth.auth_url is not set: where does a person log in?")
    async with _listening(state) as (address, code):
        query = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": address,
            "scope": app.provider.scope,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "access_type": "offline",  # Google's words for: with a refresh token, also the second time
            "prompt": "consent",
            "login_hint": account,
        }
        say(f"open this on this machine: {app.provider.auth_url}?{urlencode(query)}")
        form = {"grant_type": "authorization_code", "code": await code, "redirect_uri": address}
        return await ask(app, {**form, "code_verifier": verifier})


def _word(random: Random) -> str:
    return base64.urlsafe_b64encode(random(32)).decode().rstrip("=")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@asynccontextmanager
async def _listening(state: str) -> AsyncIterator[tuple[str, "asyncio.Future[str]"]]:
    """A port of this machine that waits for the browser; whoever does not know the state is not heard."""
    code: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ValueError, TimeoutError):
            async with asyncio.timeout(10):
                line = (await reader.readline()).decode("ascii", "replace")
                status, words = _take(line, state, code)
                page = _PAGE.format(words)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
                    f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n{page}".encode()
                )
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=LONGEST_LINE)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", code
    finally:
        server.close()


def _take(line: str, state: str, code: "asyncio.Future[str]") -> tuple[str, str]:
    """Read the request line of the browser; returns the answer to it."""
    words = line.split()
    query = parse_qs(urlsplit(words[1]).query) if len(words) == 3 and words[0] == "GET" else {}
    if not hmac.compare_digest(query.get("state", [""])[0].encode(), state.encode()):
        return "404 Not Found", "There is nothing here."
    if not code.done() and query.get("code"):
        code.set_result(query["code"][0])
    elif not code.done():
        said = " ".join(query.get("error", ["no code"])[0].split())[:100]
        code.set_exception(MailboxRefused(f"The provider did not let the bot in: {said}"))
    return "200 OK", "You can close this window: the rest is said where you started `bot mail login`."
