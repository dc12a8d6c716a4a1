"""Whom we trust with the password: each refusal says what was found and which setting helps."""

import subprocess
from pathlib import Path

import pytest

from channels.email.imap import ConnectionLost, Imap, Login, MailboxRefused, Server
from tests.channels.imap_fake import FakeImap
from tests.channels.smtp_kit import Authority, make_authority

LOGIN = Login("bot", "secret")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    made = make_authority(folder, here="IP:127.0.0.1", elsewhere="DNS:mail.example.com", old="IP:127.0.0.1")
    subprocess.run(
        ["openssl", "x509", "-req", "-days", "-1", "-in", "old.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-extfile", "old.ext", "-out", "old.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return made


async def refusal(authority: Authority, name: str, *, ca_file: str | None = None) -> str:
    fake = FakeImap()
    async with fake.serve(authority.server(name)):
        server = Server("127.0.0.1", fake.port, ca_file=authority.ca_file if ca_file is None else ca_file)
        with pytest.raises(MailboxRefused) as refused:
            await Imap.connect(server, LOGIN)
    assert fake.commands == [], "nothing was said to a server that is not trusted"
    return str(refused.value)


async def test_a_server_whose_authority_is_trusted_gets_the_password(authority: Authority) -> None:
    async with FakeImap().serve(authority.server("here")) as fake:
        imap = await Imap.connect(Server("127.0.0.1", fake.port, ca_file=authority.ca_file), LOGIN)

        assert (await imap.select("INBOX")).validity == 7
        imap.close()


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    words = await refusal(authority, "here", ca_file="")

    assert words.startswith("Nobody we trust has signed the certificate of 127.0.0.1:")
    assert "unable to get local issuer certificate" in words
    assert "channels.email.ca_file" in words


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    words = await refusal(authority, "elsewhere")

    assert "is for another name (IP address mismatch" in words
    assert "channels.email.imap_host" in words


async def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    assert "has expired" in await refusal(authority, "old")


async def test_a_file_of_authorities_that_is_none_is_named(authority: Authority, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")

    for ca_file in (str(tmp_path / "missing.pem"), str(empty)):
        with pytest.raises(MailboxRefused, match=r"channels\.email\.ca_file: .*cannot be used"):
            await Imap.connect(Server("127.0.0.1", 1, ca_file=ca_file), LOGIN)


async def test_a_server_that_speaks_in_the_clear_where_tls_is_expected_is_refused_with_the_usual_port() -> (
    None
):
    async with FakeImap().serve() as fake:
        with pytest.raises((MailboxRefused, ConnectionLost), match="993"):
            await Imap.connect(Server("127.0.0.1", fake.port), LOGIN, timeout=5.0)

    assert fake.count("LOGIN") == 0
