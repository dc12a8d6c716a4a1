"""Tokens for a mailbox: fresh when used, stored before that, never lost to a crash; and how a person gives them."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web

from bot.store.sqlite import SqliteStore
from channels.email.imap import ConnectionLost, Imap, Login, MailboxRefused, Server
from channels.email.oauth import App, Refused, Tokens
from channels.email.oauth_login import log_in
from tests.channels import oauth_dying
from tests.channels.imap_fake import FakeImap
from tests.channels.oauth_fake import FakeProvider

US = "bot@example.com"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider().serve() as provider:
        yield provider


@pytest.fixture
def now() -> list[datetime]:
    return [NOW]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "saywhen.db", clock=lambda: NOW)
    yield store
    await store.close()


def tokens_of(store: SqliteStore, app: App, now: list[datetime], **more: Any) -> Tokens:
    return Tokens(US, app, shelf=store.mail, clock=lambda: now[0], **more)


async def give(store: SqliteStore, *, minutes: float = 0) -> None:
    """The first pair, as `bot mail login` leaves it."""
    await store.mail.put_tokens(
        US, refresh_token="refresh-1", access_token="access-1", expires_at=NOW + timedelta(minutes=minutes)
    )


# ------------------------------------------------------------ refreshing


async def test_a_token_that_is_still_good_is_used_again_and_one_about_to_expire_is_refreshed_before(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    await give(store, minutes=30)
    tokens = tokens_of(store, provider.app(), now)

    assert await tokens.access() == "access-1"
    now[0] += timedelta(minutes=26)
    assert await tokens.access() == "access-2"
    assert await tokens.access() == "access-2"

    assert [form["refresh_token"] for form in provider.forms] == ["refresh-1"]


async def test_the_new_pair_is_on_disk_before_anybody_has_it(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    await give(store)

    access = await tokens_of(store, provider.app(), now).access()

    kept = await store.mail.tokens(US)
    assert (kept.access_token, kept.refresh_token) == (access, "refresh-2") == ("access-2", "refresh-2")
    assert kept.expires_at == NOW + timedelta(hours=1)


async def test_a_provider_that_gives_no_new_refresh_token_keeps_the_old_one_good(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    provider.rotates = False
    await give(store)

    await tokens_of(store, provider.app(), now).access()

    assert (await store.mail.tokens(US)).refresh_token == "refresh-1"


async def test_many_who_need_a_token_at_once_use_the_refresh_token_once(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    provider.strict = True
    await give(store)
    tokens = tokens_of(store, provider.app(), now)

    found = await asyncio.gather(*(tokens.access() for _ in range(10)))

    assert set(found) == {"access-2"}
    assert len(provider.forms) == 1


async def test_client_credentials_need_no_person(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    app = provider.app(client_secret="secret", grant="client_credentials")

    assert await tokens_of(store, app, now).access() == "access-2"

    assert provider.forms == [
        {
            "client_id": "client",
            "client_secret": "secret",
            "grant_type": "client_credentials",
            "scope": "mail",
        }
    ]


async def test_without_a_first_login_the_command_for_it_is_named(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    with pytest.raises(MailboxRefused, match="bot mail login"):
        await tokens_of(store, provider.app(), now).access()


async def test_a_withdrawn_refresh_token_is_said_in_words_with_the_command(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    await give(store)
    provider.number = provider.used = 5

    with pytest.raises(MailboxRefused, match=r"invalid_grant.*because invalid_grant.*bot mail login"):
        await tokens_of(store, provider.app(), now).access()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=503, text="busy"),
        lambda: web.Response(status=429, text="{}"),
        lambda: web.Response(text="<html>"),
        lambda: web.Response(text="[]"),
        lambda: web.json_response({}),
        lambda: web.json_response({"access_token": None}),
        lambda: web.json_response({"access_token": "a\r\nb"}),
        lambda: web.json_response({"error": "invalid_grant"}, status=500),
        lambda: web.json_response({"error": "temporarily_unavailable"}, status=400),
    ],
)
async def test_an_answer_that_says_nothing_final_changes_nothing_and_is_asked_for_again(
    provider: FakeProvider, store: SqliteStore, now: list[datetime], answer: Callable[[], web.Response]
) -> None:
    await give(store)
    provider.answers.append(answer())
    tokens = tokens_of(store, provider.app(), now)

    with pytest.raises(ConnectionLost):
        await tokens.access()
    assert (await store.mail.tokens(US)).refresh_token == "refresh-1"

    assert await tokens.access() == "access-2"


@pytest.mark.parametrize("expires_in", [None, "x", -5, "²", 10**9, 1.5])
async def test_a_time_that_makes_no_sense_is_not_believed(
    provider: FakeProvider, store: SqliteStore, now: list[datetime], expires_in: Any
) -> None:
    await give(store)
    provider.answers.append(web.json_response({"access_token": "a", "expires_in": expires_in}))

    await tokens_of(store, provider.app(), now).access()

    until = (await store.mail.tokens(US)).expires_at
    assert NOW < until <= NOW + timedelta(days=1)


async def test_nothing_is_sent_in_the_clear_to_another_machine(
    store: SqliteStore, now: list[datetime]
) -> None:
    await give(store)

    with pytest.raises(MailboxRefused, match="not an https:// address"):
        await tokens_of(store, App.of("other", "client", token_url="http://example.com/token"), now).access()


async def test_an_endpoint_that_does_not_answer_is_left(store: SqliteStore, now: list[datetime]) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    await give(store)
    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"

        with pytest.raises(ConnectionLost, match="gives no tokens"):
            await tokens_of(store, App.of("other", "c", token_url=url), now, timeout=0.1).access()


def test_known_providers_can_be_changed_in_part() -> None:
    own = App.of("microsoft", "c", token_url="https://login.example.com/token")
    service = App.of("microsoft", "c", grant="client_credentials")

    assert own.provider.token_url == "https://login.example.com/token"
    assert "IMAP.AccessAsUser.All" in own.provider.scope
    assert service.provider.scope == "https://outlook.office365.com/.default"
    assert "secret" not in repr(App.of("google", "c", client_secret="secret"))


async def test_the_token_opens_the_mailbox(
    provider: FakeProvider, store: SqliteStore, now: list[datetime]
) -> None:
    await give(store)
    async with FakeImap(token="access-2").serve() as fake:
        token = await tokens_of(store, provider.app(), now).access()
        imap = await Imap.connect(Server("127.0.0.1", fake.port, tls=False), Login("bot", token=token))

        assert (await imap.select("INBOX")).validity == 7
        imap.close()


# ------------------------------------------------------------ K06: dying in between


async def dying(provider: FakeProvider, database: Path, point: str) -> str:
    """Let a process get a token and die at this point; returns the token it used, "" if it came to none."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, oauth_dying.__file__, str(database), f"{provider.url}/token", point,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)

    if point in ("before", "after"):
        setattr(provider, point, kill)
    said, _ = await process.communicate()
    provider.before = provider.after = lambda: None
    assert process.returncode == {"before": -9, "after": -9, "": 0}.get(point, 137)
    return said.decode().strip()


@pytest.mark.parametrize("point", ["before", "after", "commit.before", "commit.after", ""])
async def test_dying_while_tokens_are_renewed_locks_nobody_out(
    provider: FakeProvider, tmp_path: Path, point: str
) -> None:
    database = tmp_path / "saywhen.db"
    store = await SqliteStore.open(database, clock=oauth_dying.now)
    await give(store)
    await store.close()

    if used := await dying(provider, database, point):
        provider.use(used)

    store = await SqliteStore.open(database, clock=oauth_dying.now)
    tokens = Tokens(US, provider.app(), shelf=store.mail, clock=oauth_dying.now)
    provider.use(await tokens.access())
    kept = await store.mail.tokens(US)
    assert provider.is_good(kept.refresh_token)
    await store.close()


# ------------------------------------------------------------ the first login


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


async def test_a_person_enters_a_code_at_the_provider(provider: FakeProvider) -> None:
    said: list[str] = []
    pauses: list[float] = []
    provider.pending = ["authorization_pending", "slow_down", "authorization_pending"]

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    granted = await log_in(
        provider.app(device_url=f"{provider.url}/device"), US, say=said.append, random=os.urandom, sleep=sleep
    )

    assert (granted.access_token, granted.refresh_token) == ("access-2", "refresh-2")
    assert "AB-CD" in said[0]
    assert "https://x.test/device" in said[0]
    assert pauses == [1.0, 1.0, 6.0, 6.0]


@pytest.mark.parametrize("code", ["access_denied", "expired_token"])
async def test_a_person_who_refuses_ends_it(provider: FakeProvider, code: str) -> None:
    provider.pending = ["authorization_pending", code]
    app = provider.app(device_url=f"{provider.url}/device")

    with pytest.raises(Refused, match=code):
        await log_in(app, US, say=lambda _: None, random=os.urandom, sleep=no_sleep)


async def browser(provider: FakeProvider, said: "asyncio.Queue[str]", **answer: str) -> tuple[int, int]:
    """What a person's browser does: the provider's page, which sends it back to us; strangers knock before."""
    query = parse_qs(urlsplit((await said.get()).split(": ", 1)[1]).query)
    provider.challenge = query["code_challenge"][0]
    assert query["code_challenge_method"] == ["S256"]
    back = query["redirect_uri"][0]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", back)
    answer.setdefault("state", query["state"][0])
    async with httpx.AsyncClient(trust_env=False) as http:
        stranger = await http.get(back, params={"code": "evil", "state": "guess"})
        own = await http.get(back, params=answer)
    return stranger.status_code, own.status_code


async def test_a_person_logs_in_with_the_browser_of_this_machine_and_nobody_else_is_heard(
    provider: FakeProvider,
) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()

    granted, answers = await asyncio.gather(
        log_in(provider.app(), US, say=said.put_nowait, random=os.urandom),
        browser(provider, said, code="the-code"),
    )

    assert granted.refresh_token == "refresh-2"
    assert answers == (404, 200)
    assert provider.forms[0]["redirect_uri"].startswith("http://127.0.0.1:")


async def test_a_refusal_in_the_browser_is_said(provider: FakeProvider) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    waiting = asyncio.ensure_future(log_in(provider.app(), US, say=said.put_nowait, random=os.urandom))

    await browser(provider, said, error="access_denied")

    with pytest.raises(MailboxRefused, match="access_denied"):
        await waiting


async def test_nobody_comes(provider: FakeProvider) -> None:
    with pytest.raises(MailboxRefused, match="bot mail login"):
        await log_in(provider.app(), US, say=lambda _: None, random=os.urandom, patience=0.05)
