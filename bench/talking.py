"""How a helper process is told what to do: a line of JSON in, a line of JSON out."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Order = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def obey(order: Order) -> None:
    """Do what standard input says, line by line, until it ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        say(await order(json.loads(line)))
