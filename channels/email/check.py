"""What `bot doctor` tries: whether the mailbox opens, whether the SMTP server lets us in, whether a plus reaches us."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.errors import SaywhenError
from channels.email.imap import Imap
from channels.email.smtp import Smtp

Connect = Callable[[], Awaitable[Imap]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` says what to do if it is not ok."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


async def check(connect: Connect, mailbox: str, smtp: Smtp) -> list[Finding]:
    """Log in on both sides, and read nothing."""
    reading, sending = await asyncio.gather(_mailbox(connect, mailbox), _smtp(smtp))
    return [reading, sending]


async def _mailbox(connect: Connect, mailbox: str) -> Finding:
    what = "e-mail in"
    try:
        imap = await connect()
        try:
            await imap.select(mailbox)
            idles = "the server tells us of new mail" if imap.can("IDLE") else "we ask for new mail"
        finally:
            imap.close()
    except SaywhenError as error:
        return Finding(what, False, str(error), "look at IMAP_HOST, IMAP_PORT, IMAP_USER and IMAP_PASSWORD")
    return Finding(what, True, f"{mailbox} is open; {idles}")


async def _smtp(smtp: Smtp) -> Finding:
    what = "e-mail out"
    try:
        await smtp.check()
    except SaywhenError as error:
        return Finding(what, False, str(error), "look at SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD")
    return Finding(what, True, "the server lets us in")
