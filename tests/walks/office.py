"""People who write mails to a real bot, beside a simulated Slack, with the demo brain."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from simulators.mail import MailSimulator
from simulators.messages import MessagesSimulator
from simulators.slack import SlackSimulator
from tests.walks.kit import RealBot, environment

T = TypeVar("T")

PATIENCE = 40  # seconds; nothing is decided by time, and slow machines are slow
SIMULATED = ("--dev", "--simulated", "model,slack,email")
SETTINGS = """
[channels.slack]
pace = "20ms"

[channels.email]
pace = "20ms"
poll = "1s"

[[people]]
name = "carol"
contact_order = ["email"]
"""
_CODE = re.compile(r"\bOK ([A-Z0-9]{6})\b")


@dataclass
class Office:
    slack: SlackSimulator
    mail: MailSimulator
    bot: RealBot

    def inbox(self, person: str) -> list[dict[str, Any]]:
        """What the bot has sent to somebody, by name or address, oldest first."""
        return self.mail.messages(to=person)

    async def mail_to(self, person: str, part: str, *, after: int = 0) -> dict[str, Any]:
        """The first mail to somebody that says this, of those after the first `after`."""
        return await self.until(
            lambda: next((m for m in self.inbox(person)[after:] if part in m["text"]), None),
            lambda: [m["text"] for m in self.inbox(person)],
        )

    async def slack_says(self, part: str, person: str = "ann") -> str:
        said = lambda: [m["text"] for m in self.slack.messages(person)]  # noqa: E731
        return await self.until(lambda: next((text for text in said() if part in text), None), said)

    async def state_of(self, uid: int) -> dict[str, Any]:
        """What became of a mail."""

        def look() -> dict[str, Any] | None:
            import sqlite3

            with sqlite3.connect(f"file:{self.bot.database}?mode=ro", uri=True) as connection:
                row = connection.execute(
                    "SELECT state, why, thread_id FROM mail WHERE uid = ? AND state <> 'stored'", (uid,)
                ).fetchone()
            return dict(zip(("state", "why", "thread_id"), row, strict=True)) if row else None

        return await self.until(look)

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(base_url=self.bot.url, timeout=20, trust_env=False) as http:
            return (await http.get(path)).json()

    async def until(self, look: Callable[[], T | None], seen: Callable[[], object] = lambda: None) -> T:
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := look()) is None:  # noqa: ASYNC110 - anything that may become true
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain; there was {seen()}") from None
        return found


def code(request: dict[str, Any]) -> str:
    """The code in a request."""
    found = _CODE.search(request["text"])
    assert found is not None, request["text"]
    return found[1]


@asynccontextmanager
async def open_office(folder: Path, settings: str = "") -> AsyncIterator[Office]:
    """Everybody is there and the bot runs. `settings` are laid over what is shipped."""
    (folder / "config.local.toml").write_text(f"{SETTINGS}\n{settings}")
    async with SlackSimulator() as slack, MessagesSimulator() as model, MailSimulator() as mail:
        found = mail.addresses()
        environ = environment(slack, model.base_url, folder) | {
            "MAIL_FROM": found["email_address"],
            "IMAP_HOST": found["email_imap_host"],
            "IMAP_PORT": found["email_imap_port"],
            "IMAP_TLS": "false",
            "IMAP_USER": found["email_user"],
            "IMAP_PASSWORD": found["email_password"],
            "SMTP_HOST": found["email_smtp_host"],
            "SMTP_PORT": found["email_smtp_port"],
            "SMTP_TLS": "false",
            "MAIL_AUTHSERV_ID": found["email_authserv_id"],
            "MAIL_PLUS_ADDRESSING": "true",
            "DEPLOY_LOG": str(folder / "deploys"),
        }
        office = Office(slack, mail, RealBot(folder, environ, SIMULATED))
        await office.bot.start()
        try:
            yield office
            assert await office.bot.stop() == 0
            assert "Traceback" not in office.bot.output()
        finally:
            await office.bot.kill()
