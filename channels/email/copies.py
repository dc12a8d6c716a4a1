"""Keeps a copy of what was sent in a mailbox, where people look for it."""

import logging
from collections.abc import Awaitable, Callable

from bot.errors import SaywhenError
from channels.email.imap import Imap

log = logging.getLogger(__name__)


async def keep_copy(connect: Callable[[], Awaitable[Imap]], mailbox: str, message: bytes) -> None:
    """The mail has left already: what goes wrong here is only said."""
    try:
        imap = await connect()
        try:
            await imap.append(mailbox, message, flags="\\Seen")
        finally:
            imap.close()
    except SaywhenError as error:
        log.warning("e-mail: no copy was kept in %s: %s", mailbox, error)
