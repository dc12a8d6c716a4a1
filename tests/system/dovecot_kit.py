"""A real Dovecot on loopback: started, killed and started again by a test; mails can be put into its maildir."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from channels.email.imap import ConnectionLost, Imap, Login, Server
from tests.channels.smtp_kit import make_authority

START = Path(__file__).with_name("dovecot")
LOGIN = Login("bot", "secret")


def need(program: str, package: str) -> None:
    """Skip where a program is not installed, but never in CI."""
    if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        words = f"{program} is not installed (apt-get install {package})"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Dovecot:
    folder: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def server(self) -> Server:
        return Server("localhost", self.port, ca_file=str(self.folder / "ca.pem"))

    async def connect(self) -> Imap:
        return await Imap.connect(self.server, LOGIN)

    async def start(self) -> None:
        environ = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
        self.process = await asyncio.create_subprocess_exec(
            START, str(self.folder), str(self.port), start_new_session=True, env=environ
        )
        async with asyncio.timeout(30):
            while not await self._answers():
                assert self.process.returncode is None, (self.folder / "dovecot.log").read_text()
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            (await self.connect()).close()
        except ConnectionLost:
            return False
        return True

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it with all of its children; they say BYE to everybody first if `how` is SIGTERM."""
        if self.process is None:
            return
        if how == signal.SIGTERM:
            await self._say_bye()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        self.process = None

    async def _say_bye(self) -> None:
        """End those who serve a mailbox, as a server that stops does after ten seconds."""
        async with asyncio.timeout(30):
            while serving := self._serving():
                for pid in serving:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                await asyncio.sleep(0.02)

    def _serving(self) -> list[int]:
        """The processes named "imap" in the process group of this server."""
        assert self.process is not None
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                pid, _, rest = stat.read_text().partition(" ")
                name, _, fields = rest.rpartition(")")
                if name == "(imap" and int(fields.split()[2]) == self.process.pid:
                    found.append(int(pid))
        return found

    def deliver(self, mails: Iterable[bytes]) -> None:
        """As a mail transfer agent does it: into `new`, under a name of its own."""
        for number, raw in enumerate(mails):
            place = self.folder / "mail" / "new" / f"{1_900_000_000 + number}.M{number}P{os.getpid()}.test"
            place.write_bytes(raw)
            place.chmod(0o644)


def _open_folder() -> Path:
    """One that Dovecot's own user may enter; pytest's are closed."""
    folder = Path(tempfile.mkdtemp(prefix="saywhen-dovecot-"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def dovecot() -> AsyncIterator[Dovecot]:
    need("dovecot", "dovecot-imapd")
    folder = _open_folder()
    make_authority(folder, here="DNS:localhost")
    server = Dovecot(folder)
    try:
        await server.start()
        yield server
    finally:
        await server.stop(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
