"""The app as an assistant (`assistant_view`): a new chat gets suggestions, and a title once something was asked.

Best effort. Slack wants an assistant to be told of both events; where somebody looks changes nothing for us.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.events import Incoming, MessageReceived
from bot.ports import Received
from channels.slack.events import Arrival
from channels.slack.parts import Destination
from channels.slack.shapes import Json, id_in, mapping, ts_in
from channels.slack.web import CallFailed, Web

WITHIN = 10.0
LONGEST_TITLE = 60
FIRST = 2
"""The seq of a thread's first message: before it stands that it was opened."""
EVENTS = ("assistant_thread_started", "assistant_thread_context_changed")
PROMPTS_TITLE = "For a start"
PROMPTS: Mapping[str, str] = {
    "What can you do?": "What can you do for me?",
    "Remind me": "Remind me in 30 minutes to take a break.",
    "What is open?": "What is still open between us?",
}
NOT_FOR_US = frozenset(
    {
        "access_denied",
        "feature_not_enabled",
        "missing_scope",
        "no_permission",
        "not_allowed",
        "unknown_method",
    }
)
"""Said of the app or the workspace, not of one chat: asking again is of no use until the app is installed again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chat:
    channel: str
    ts: str


def opened(payload: Json) -> Chat | None:
    """The chat that somebody has opened; None for everything else, also for a look at another channel."""
    event = mapping(payload.get("event"))
    thread = mapping(event.get("assistant_thread"))
    channel, ts = id_in(thread, "channel_id"), ts_in(thread, "thread_ts")
    return Chat(channel, ts) if event.get("type") == EVENTS[0] and channel and ts else None


def title_of(incoming: Incoming) -> str:
    """The beginning of what was asked first."""
    data = incoming.data
    assert isinstance(data, MessageReceived)
    texts = (block.name if block.source == "attachment" else block.text for block in data.blocks)
    words = " ".join(next(filter(None, texts), "").split())
    return words if len(words) <= LONGEST_TITLE else f"{words[: LONGEST_TITLE - 1].rstrip()}…"


class Assistant:
    """A workspace without the feature refuses these calls; the first refusal is the last call of its kind."""

    def __init__(self, web: Web, *, start: Callable[[Coroutine[Any, Any, None]], bool]) -> None:
        self._web = web
        self._start = start
        self._refused: set[str] = set()

    def heard(self, payload: Json) -> None:
        """Suggest something to whoever has opened a chat."""
        if (chat := opened(payload)) is None:
            return
        prompts = [{"title": title, "message": message} for title, message in PROMPTS.items()]
        self._soon("assistant.threads.setSuggestedPrompts", chat, prompts=prompts, title=PROMPTS_TITLE)

    def stored(self, arrival: Arrival, received: Received) -> None:
        """Name a chat after its first question."""
        incoming = arrival.incoming
        first = received.thread_id and received.seq == FIRST and not received.duplicate
        if not (arrival.in_assistant and first and isinstance(incoming.data, MessageReceived)):
            return
        to = Destination.parse(incoming.destination)
        if title := title_of(incoming):
            self._soon("assistant.threads.setTitle", Chat(to.channel, to.thread), title=title)

    def _soon(self, method: str, chat: Chat, **arguments: object) -> None:
        if method not in self._refused:
            self._start(self._call(method, chat, arguments))

    async def _call(self, method: str, chat: Chat, arguments: Mapping[str, object]) -> None:
        where = {"channel_id": chat.channel, "thread_ts": chat.ts}
        try:
            async with asyncio.timeout(WITHIN):
                await self._web.post(method, {**where, **arguments})
        except (CallFailed, TimeoutError) as error:
            log.info("Slack: a chat goes without %s: %s", method, error or "no answer in time")
            if isinstance(error, CallFailed) and error.code in NOT_FOR_US:
                self._refused.add(method)
