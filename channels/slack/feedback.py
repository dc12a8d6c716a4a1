"""What a person sees at once after a press. Best effort: the answer itself is stored by then, or was not taken."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from channels.slack.forms import Origin
from channels.slack.mrkdwn import escape
from channels.slack.presses import Press, Presser, Submission, carried_by
from channels.slack.requests import chosen, text_of
from channels.slack.shapes import Json, items
from channels.slack.text import unescape
from channels.slack.web import CallFailed, Web

TIMEOUT = 5.0
UPDATE_BYTES = 4_000
"""Slack refuses a chat.update with more text (blocks aside), where it would cut a new message."""

NOT_STORED = "This could not be stored just now, so nothing was decided. Please press again in a moment."
NOT_OURS = "Nothing was decided: I do not know this request (any more), or it was not put to you."
NOT_OPENED = "Slack was too slow to open the window, and nothing was decided. Please press again."
NO_WORDS = "Please write something."
LOADING = "One moment ..."
NO_ARGS = "Slack does not give me the arguments just now, and nothing was decided. Please try again later."

CHOICES: Mapping[str, str] = {
    "approve": "You chose *Approve*",
    "edit": "You sent changed arguments",
    "reject": "You chose *Reject*",
    "respond": "You answered instead",
    "answer": "You answered",
}

log = logging.getLogger(__name__)


class Feedback:
    def __init__(self, web: Web, *, clock: Callable[[], float]) -> None:
        self._web = web
        self._clock = clock

    async def tell(self, origin: Origin, to: Presser, words: str) -> None:
        """Something only they see, beside the message that they pressed a button of."""
        arguments: dict[str, object] = {"channel": origin.channel, "user": to.user, "text": words}
        if origin.thread:
            arguments["thread_ts"] = origin.thread
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._web.post("chat.postEphemeral", arguments)
        except (CallFailed, TimeoutError) as error:
            log.warning("Slack: could not tell somebody who pressed: %s", error or "no answer in time")

    async def show(self, given: Press | Submission) -> None:
        """Say in the message what was chosen. The buttons go, but after an edit: the tool may not take that."""
        origin, now = given.origin, self._clock()
        if not origin.channel.startswith("D"):
            # Others read along there, and it may not have been theirs to decide: nothing changes for them.
            await self.tell(origin, given.by, _choice(given, now))
            return
        try:
            async with asyncio.timeout(TIMEOUT):
                blocks = given.blocks if isinstance(given, Press) else []
                blocks = blocks if text_of(blocks) else items(await self._message(origin), "blocks")
                if text_of(blocks):
                    await self._web.post("chat.update", _update(given, blocks, now))
        except (CallFailed, TimeoutError) as error:
            log.debug("Slack: the buttons stay: %s", error)

    async def carried(self, origin: Origin) -> str:
        """The arguments that the message carries; "" if they cannot be had."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return carried_by(await self._message(origin))
        except (CallFailed, TimeoutError) as error:
            log.warning("Slack: a request could not be read: %s", error or "no answer in time")
            return ""

    async def _message(self, origin: Origin) -> Json:
        arguments: dict[str, object] = {
            "channel": origin.channel,
            "latest": origin.ts,
            "inclusive": True,
            "include_all_metadata": True,
        }
        if origin.thread:
            arguments |= {"ts": origin.thread, "oldest": origin.ts}
            answer = await self._web.get("conversations.replies", arguments)
        else:
            answer = await self._web.get("conversations.history", {**arguments, "limit": 1})
        found = (each for each in items(answer.data, "messages") if each.get("ts") == origin.ts)
        return next(found, {})


def _update(given: Press | Submission, blocks: list[Json], now: float) -> dict[str, object]:
    words = _choice(given, now)
    text = f"{words}\n\n{escape(text_of(blocks))}"
    return {
        "channel": given.origin.channel,
        "ts": given.origin.ts,
        "text": text if len(text.encode()) <= UPDATE_BYTES else words,
        "blocks": chosen(blocks, _choice(given, now, own_time=True), keep_buttons=given.name == "edit"),
        "link_names": False,
    }


def _choice(given: Press | Submission, now: float, *, own_time: bool = False) -> str:
    """What was chosen and when, in Slack's markup; `own_time` shows the time as each reader's clock has it."""
    what = CHOICES.get(given.name) or f"You chose “{escape(unescape(_label(given)))}”"
    when = f"{datetime.fromtimestamp(now, UTC):%H:%M} UTC"
    if own_time:
        when = f"<!date^{int(now)}^{{time}}|{when}>"
    return f"{what}, {when}; I will tell you what comes of it."


def _label(given: Press | Submission) -> str:
    return given.label if isinstance(given, Press) else given.name
