"""Shows that the agent is at work: Discord's typing sign, which goes out by itself after ten seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from channels.discord.destinations import Destination
from channels.discord.failures import CallFailed
from channels.discord.rest import Web

AGAIN_AFTER = 8.0
AT_MOST = 15
"""Signs for one turn: two minutes. Who waits longer than that is not helped by another."""
TIMEOUT = 3.0

log = logging.getLogger(__name__)


class TypingSigns:
    """One for each conversation, until something is sent there."""

    def __init__(
        self,
        web: Web,
        *,
        has_thread: Callable[[str], bool],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._web = web
        self._has_thread = has_thread
        self._sleep = sleep
        self._shown: dict[str, asyncio.Task[None]] = {}
        self.tasks: asyncio.TaskGroup | None = None

    async def show(self, destination: str) -> None:
        to = Destination.parse(destination)
        if to is None or to.person or destination in self._shown:
            return
        # A thread that is still to be opened cannot show it; the channel can.
        channel = to.message if to.message and self._has_thread(to.message) else to.channel
        await self._sign(channel)
        if self.tasks is not None:
            task = self.tasks.create_task(self._go_on(channel))
            self._shown[destination] = task
            task.add_done_callback(lambda done: self._forget(destination, done))

    def hide(self, destination: str) -> None:
        if task := self._shown.pop(destination, None):
            task.cancel()

    def _forget(self, destination: str, task: asyncio.Task[None]) -> None:
        if self._shown.get(destination) is task:
            del self._shown[destination]

    async def _go_on(self, channel: str) -> None:
        for _ in range(AT_MOST - 1):
            await self._sleep(AGAIN_AFTER)
            await self._sign(channel)

    async def _sign(self, channel: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._web.call("POST", "/channels/{channel_id}/typing", channel_id=channel)
        except (CallFailed, TimeoutError) as error:
            log.debug("Discord: no typing sign: %s", error or "no answer in time")
