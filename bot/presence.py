"""Shows in the channel that the agent is at work, in turns that are not over at once."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

import structlog

from bot.events import Event, TurnEnded, TurnStarted
from bot.ports import Channel
from bot.sender import Account
from bot.supervise import in_words
from bot.thread import Thread
from bot.words import THINKING

STATUS_AFTER = (
    0.5  # seconds; a faster reply needs no word that it is coming, and each is a call to the provider
)

log = structlog.get_logger("presence")


class Presence:
    """Best effort: a status that cannot be shown changes nothing."""

    def __init__(self, channels: Mapping[Account, Channel]) -> None:
        self._channels = channels
        self._soon: dict[str, asyncio.TimerHandle] = {}
        self._showing: set[asyncio.Task[None]] = set()

    def watch(self, thread: Thread, events: Sequence[Event]) -> None:
        for event in events:
            match event.data:
                case TurnStarted():
                    self._show_soon(thread)
                case TurnEnded(reply=reply):
                    soon = self._soon.pop(thread.id, None)
                    if soon is not None:
                        soon.cancel()
                    elif not reply:
                        self._show(thread, "")
                case _:
                    pass

    def _show_soon(self, thread: Thread) -> None:
        def show() -> None:
            self._soon.pop(thread.id, None)
            self._show(thread, THINKING)

        if thread.id not in self._soon and (thread.channel, thread.account) in self._channels:
            self._soon[thread.id] = asyncio.get_running_loop().call_later(STATUS_AFTER, show)

    def _show(self, thread: Thread, text: str) -> None:
        channel = self._channels.get((thread.channel, thread.account))
        if channel is None or not thread.destination:
            return
        task = asyncio.ensure_future(quietly(channel.show_status(thread.destination, text)))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)


async def quietly(showing: Awaitable[None]) -> None:
    """Wait for it, but not for long, and never fail."""
    try:
        await asyncio.wait_for(showing, 5)
    except Exception as error:  # noqa: BLE001 - a status that cannot be shown changes nothing
        log.debug("could not show a status", error=in_words(error))
