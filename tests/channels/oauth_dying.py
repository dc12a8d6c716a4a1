"""A process that gets an access token, says it, and dies where it is told: oauth_dying.py DATABASE TOKEN_URL POINT."""

import asyncio
import os
import sys
from datetime import UTC, datetime

from bot.store.sqlite import SqliteStore
from channels.email.oauth import App, Provider, Tokens


def now() -> datetime:
    return datetime.now(UTC)


async def main(path: str, url: str, point: str) -> None:
    opened = False

    def crashpoint(name: str) -> None:
        if opened and name == point:
            os._exit(137)

    store = await SqliteStore.open(path, clock=now, crashpoint=crashpoint)
    opened = True
    tokens = Tokens("bot@example.com", App(Provider(url), "client"), shelf=store.mail, clock=now)
    print(await tokens.access(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
