"""A certificate authority of our own, and a server's certificate from it; openssl makes both."""

import shutil
import ssl
import subprocess
from pathlib import Path

AUTHORITY = "ca.pem"
DAYS = "3650"
SECONDS = 30.0
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class TlsError(Exception):
    """openssl could not make the certificates."""


def server_context(folder: Path) -> ssl.SSLContext:
    """What a server needs; `authority(folder)` is the file that its clients have to trust. Blocks for a moment."""
    if not authority(folder).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def authority(folder: Path) -> Path:
    return folder / AUTHORITY


def _make(folder: Path) -> None:
    """The authority's own certificate comes last to its place: without it all is made anew."""
    new_key = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(
        folder, *new_key, "-x509", "-days", DAYS, "-subj", "/CN=Saywhen simulated CA",
        "-keyout", "ca.key", "-out", "new.pem",
    )  # fmt: skip
    _openssl(
        folder, *new_key, "-subj", "/CN=localhost", "-addext", NAMES, "-keyout", "server.key", "-out", "server.csr",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "new.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", DAYS, "-copy_extensions", "copy", "-out", "server.pem",
    )  # fmt: skip
    (folder / "new.pem").rename(authority(folder))


def _openssl(folder: Path, *arguments: str) -> None:
    command = shutil.which("openssl")
    if command is None:
        raise TlsError("mail with TLS needs the command openssl, which is not installed")
    done = subprocess.run(
        [command, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise TlsError(
            f"openssl {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()[-300:]}"
        )
