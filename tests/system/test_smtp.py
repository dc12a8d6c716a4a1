"""Mails of ours, taken and refused by a real SMTP server (Exim)."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ChannelRefused, SendFailed
from channels.email import ids
from channels.email.mail import Mailbox
from channels.email.smtp import Smtp
from channels.email.writing import Letter, compose
from tests.channels.smtp_kit import BOT, Authority, make_authority

pytestmark = [pytest.mark.system, pytest.mark.slow]

HERE = Path(__file__).parent
ANN = "ann@example.org"
DEADLINE = 60.0  # seconds
LETTER = Letter(
    sender=Mailbox(BOT, "Saywhen"),
    to=(Mailbox(ANN, "Ann Müller"),),
    subject="Größe 日本 =?utf-8?q?=0D=0ABcc:_eve@evil.test?=",
    text="A line\n.\n..\nFrom me\n" + "long " * 500 + "\n🎉 end  ",
    message_id=ids.message_id(ids.token(bytes(16)), "t1:4:0", "saywhen.test"),
    date=datetime(2026, 11, 28, 14, 30, tzinfo=UTC),
)


@dataclass
class Exim:
    """The server; `mails` waits for as many as are expected."""

    authority: Authority
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def folder(self) -> Path:
        return self.authority.folder

    def start(self) -> None:
        words = [str(HERE / "exim"), str(self.folder), str(self.port), str(self.tls_port)]
        with (self.folder / "words").open("ab") as words_of_its_own:
            self.process = subprocess.Popen(
                words, stdout=words_of_its_own, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._until(lambda: _answers(self.port) and _answers(self.tls_port))

    def stop(self) -> None:
        """End it with all of its children, who would write on into a folder that is gone."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(DEADLINE)
            self.process = None

    def mails(self, count: int) -> list[bytes]:
        new = self.folder / "mail" / "new"
        self._until(lambda: new.is_dir() and len(list(new.iterdir())) >= count)
        return [path.read_bytes() for path in sorted(new.iterdir())]

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not true():
            if time.monotonic() > end or (self.process and self.process.poll() is not None):
                raise AssertionError((self.folder / "words").read_text())
            time.sleep(0.05)

    def smtp(self, security: str = "implicit", **more: Any) -> Smtp:
        login = {"user": "bot", "password": "secret", "ca_file": self.authority.ca_file}
        port = self.tls_port if security == "implicit" else self.port
        return Smtp("127.0.0.1", port, security=security, **{**login, **more})  # type: ignore[arg-type]


@pytest.fixture
def exim(needs: Callable[[str, str], None]) -> Iterator[Exim]:
    needs("exim4", "exim4-daemon-light")
    needs("openssl", "openssl")
    folder = Path(tempfile.mkdtemp(prefix="saywhen-exim-"))
    folder.chmod(0o755)  # exim's own user must get in
    server = Exim(make_authority(folder, here="IP:127.0.0.1"), _free_port(), _free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_a_mail_arrives_as_it_was_written(exim: Exim, security: str):
    message = compose(LETTER)

    answer = await exim.smtp(security).send(message, sender=BOT, recipients=[ANN])

    (mail,) = exim.mails(1)
    assert answer.startswith("OK id=")
    assert b"esmtpsa" in mail  # with TLS, and logged in
    assert mail[mail.index(b"From: Saywhen") :] == message.replace(b"\r\n", b"\n")


async def test_a_refusal_closes_an_address_only_if_it_is_about_it(exim: Exim):
    failures = {}
    for recipient in ("nobody@example.org", "later@example.org", "ann@elsewhere.test"):
        with pytest.raises(SendFailed) as failed:
            await exim.smtp().send(compose(LETTER), sender=BOT, recipients=[recipient])
        failures[recipient] = (failed.value.kind, failed.value.unreachable)

    assert failures == {
        "nobody@example.org": ("final", True),
        "later@example.org": ("retry", False),
        "ann@elsewhere.test": ("final", False),
    }


async def test_a_mail_that_is_too_big_is_not_offered(exim: Exim):
    message = compose(LETTER) + b"x" * 900 + b"\r\n"
    message += (b"y" * 900 + b"\r\n") * 1200

    with pytest.raises(SendFailed, match="too big") as failed:
        await exim.smtp().send(message, sender=BOT, recipients=[ANN])

    assert failed.value.kind == "final"


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_a_server_of_an_unknown_authority_is_refused_in_clear_words(exim: Exim, security: str):
    smtp = exim.smtp(security, ca_file="")

    with pytest.raises(ChannelRefused, match="Nobody we trust"):
        await smtp.check()
    with pytest.raises(SendFailed, match="Nobody we trust") as failed:
        await smtp.send(compose(LETTER), sender=BOT, recipients=[ANN])

    assert failed.value.kind == "retry"
    assert "bot" not in (exim.folder / "log" / "mainlog").read_text()


async def test_a_wrong_password_is_refused_in_clear_words(exim: Exim):
    with pytest.raises(ChannelRefused, match="refuses us"):
        await exim.smtp(password="wrong").check()

    await exim.smtp().check()


async def test_a_server_that_comes_back_gets_the_mail(exim: Exim):
    exim.stop()
    with pytest.raises(SendFailed) as failed:
        await exim.smtp().send(compose(LETTER), sender=BOT, recipients=[ANN])

    exim.start()
    await exim.smtp().send(compose(LETTER), sender=BOT, recipients=[ANN])

    assert failed.value.kind == "retry"
    assert len(exim.mails(1)) == 1


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
