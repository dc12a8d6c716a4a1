"""`bot mail`: what came of the mails is seen, a bad one is read again, tokens are got, and a proof is proposed."""

import asyncio
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

import bot
from bot.store.lock import Lock
from bot.store.sqlite import SqliteStore
from simulators.mail import ADDRESS, PASSWORD, MailSimulator
from tests.channels.oauth_fake import FakeProvider

T = TypeVar("T")

CHECKOUT = Path(bot.__file__).resolve().parent.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
US = "bot@example.com"
RAW = b"From: dora@x.example\r\nSubject: Hi \x1b[2J\r\n\r\nhello\r\n"


async def fill(path: Path) -> None:
    store = await SqliteStore.open(path, clock=lambda: NOW)
    for uid, raw in enumerate((RAW, b"From: eve@x.example\r\nSubject: bad\r\n\r\nx"), 1):
        digest = hashlib.sha256(raw).hexdigest()
        await store.mail.keep(
            US, "INBOX", validity=7, uid=uid, digest=digest, size=len(raw), raw=raw,
            sender="eve@x.example", subject="bad",
        )  # fmt: skip
    await store.mail.done(1, "done", thread_id="t-1", sender="dora@x.example", subject="Hi \x1b[2J")
    await store.mail.done(2, "quarantined", why="a header of 3 MB")
    await store.close()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    path = tmp_path / "test.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def filled(database: Path) -> Path:
    asyncio.run(fill(database))
    return database


async def read(path: Path, what: Callable[[SqliteStore], Any]) -> Any:
    store = await SqliteStore.open(path, clock=lambda: NOW)
    try:
        return await what(store)
    finally:
        await store.close()


@contextmanager
def running(server: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """A server in a thread of its own, beside the command."""
    up, over = threading.Event(), threading.Event()
    found: list[T] = []

    async def serve() -> None:
        async with server() as made:
            found.append(made)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(20)
        yield found[0]
    finally:
        over.set()
        thread.join()


# ------------------------------------------------------------ looking


def test_mails_are_listed_with_what_came_of_them_the_newest_first_and_steer_no_terminal(run, filled):
    ran = run("mail", "list")

    lines = ran.out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "quarantined"], ["1", "done"]]
    assert "a header of 3 MB" in lines[1]
    assert "t-1" in lines[2]
    assert "\x1b" not in ran.out


def test_only_those_in_quarantine_are_listed_on_request(run, filled):
    ran = run("mail", "list", "--state", "quarantined", "--json")

    assert [(mail["id"], mail["state"], mail["why"]) for mail in ran.json["mails"]] == [
        (2, "quarantined", "a header of 3 MB")
    ]
    assert run("mail", "list", "--state", "capped").err == "no mail is capped\n"


def test_a_state_that_is_none_is_refused_with_those_there_are(run, filled):
    ran = run("mail", "list", "--state", "lost")

    assert ran.status == 2
    assert "quarantined" in ran.err


def test_a_mail_is_shown_with_its_headers(run, filled):
    ran = run("mail", "show", "1")

    assert "dora@x.example" in ran.out
    assert "hello" not in ran.out
    assert "\x1b" not in ran.out
    assert run("mail", "show", "1", "--json").json["headers"].startswith("From: dora@x.example")


def test_a_mail_is_given_out_byte_for_byte(root, filled):
    command = [sys.executable, "-m", "bot.cli", "--root", str(root), "mail", "show", "1", "--raw"]

    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True, timeout=60)

    assert ran.stdout == RAW


def test_there_is_no_such_mail(run, filled):
    for command in ("show", "retry"):
        ran = run("mail", command, "99")

        assert (ran.status, ran.err) == (1, "error: there is no mail 99; `bot mail list` lists them\n")


# ------------------------------------------------------------ reading again


def test_a_mail_in_quarantine_is_read_again_when_a_bot_runs(run, filled):
    ran = run("mail", "retry", "2", "--json")

    assert ran.json == {"id": 2, "running": False}
    (waiting,) = asyncio.run(read(filled, lambda store: store.mail.waiting(US, "INBOX")))
    assert (waiting.id, waiting.state) == (2, "stored")


def test_a_mail_that_is_not_in_quarantine_is_left_as_it_is(run, filled):
    ran = run("mail", "retry", "1")

    assert (ran.status, ran.err) == (1, "error: mail 1 is not in quarantine\n")
    row = asyncio.run(read(filled, lambda store: store.mail.row(1)))
    assert row.state == "done"


# ------------------------------------------------------------ logging in


@pytest.fixture
def oauth(monkeypatch: pytest.MonkeyPatch, root: Path, database: Path) -> Callable[[str], None]:
    """Settings for a mailbox without passwords, at this provider."""

    def set_up(url: str) -> None:
        monkeypatch.setenv("MAIL_FROM", US)
        monkeypatch.setenv("IMAP_HOST", "imap.example.com")
        monkeypatch.setenv("SMTP_HOST", "smtp.example.com")
        (root / "config.local.toml").write_text(
            f'[channels.email]\nauth = "oauth"\n[channels.email.oauth]\nclient_id = "client"\n'
            f'token_url = "{url}/token"\ndevice_url = "{url}/device"\nscope = "mail"\n'
        )

    return set_up


def test_a_person_logs_the_bot_in_and_the_tokens_are_kept_and_not_shown(run, oauth, database):
    with running(lambda: FakeProvider().serve()) as provider:
        oauth(provider.url)

        ran = run("mail", "login")

    assert ran.status == 0, ran.err
    assert "AB-CD" in ran.err
    assert "refresh-2" not in ran.out + ran.err
    kept = asyncio.run(read(database, lambda store: store.mail.tokens(US)))
    assert (kept.refresh_token, kept.access_token) == ("refresh-2", "access-2")


def test_while_a_bot_runs_nobody_logs_in(run, oauth, filled):
    oauth("http://127.0.0.1:1")
    lock = Lock.acquire(filled)
    try:
        ran = run("mail", "login")
    finally:
        lock.release()

    assert ran.status == 73
    assert "stop it first" in ran.err


def test_with_a_password_there_is_nothing_to_log_in_to(run, root, monkeypatch):
    for name, value in {
        "MAIL_FROM": US,
        "IMAP_HOST": "imap.example.com",
        "SMTP_HOST": "smtp.example.com",
    }.items():
        monkeypatch.setenv(name, value)

    ran = run("mail", "login")

    assert (ran.status, ran.err) == (
        78, 'error: channels.email.auth is "password"; there is nothing to log in to\n',
    )  # fmt: skip


def test_without_a_mailbox_the_settings_are_named(run, root):
    for command in ("login", "learn"):
        ran = run("mail", command)

        assert ran.status == 78
        assert "set MAIL_FROM, IMAP_HOST and SMTP_HOST" in ran.err


# ------------------------------------------------------------ learning


def set_up(monkeypatch: pytest.MonkeyPatch, reading: MailSimulator, sending: MailSimulator) -> None:
    read_at, sent_by = reading.addresses(), sending.addresses()
    settings = {
        "MAIL_FROM": ADDRESS, "IMAP_HOST": read_at["email_imap_host"], "IMAP_PORT": read_at["email_imap_port"],
        "IMAP_TLS": "false", "IMAP_USER": ADDRESS, "IMAP_PASSWORD": PASSWORD,
        "SMTP_HOST": sent_by["email_smtp_host"], "SMTP_PORT": sent_by["email_smtp_port"], "SMTP_TLS": "none",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_a_proof_is_proposed_from_a_mail_to_ourselves_and_one_that_tries_to_pass_for_it(
    run, root, monkeypatch
):
    with running(MailSimulator) as provider:
        set_up(monkeypatch, provider, provider)

        ran = run("mail", "learn")
        as_json = run("mail", "learn", "--json")

    assert (ran.status, as_json.status) == (0, 0), ran.err
    assert "a second one says of itself that mx.saywhen.test vouches for it" in ran.err
    assert '[channels.email]\nauthserv_id = "mx.saywhen.test"\n' in ran.out
    assert (as_json.json["safe"], as_json.json["authserv_id"]) == (True, "mx.saywhen.test")


def test_a_mail_that_does_not_come_back_is_said(run, root, monkeypatch):
    with running(MailSimulator) as reading, running(MailSimulator) as sending:
        set_up(monkeypatch, reading, sending)

        ran = run("mail", "learn", "--wait", "1")

    assert ran.status == 1
    assert "was not in the mailbox after 1 s" in ran.err
    assert "spam" in ran.err
