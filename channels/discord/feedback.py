"""What a person sees at once after a press or a command. Best effort, but for the first word: Discord wants that
within three seconds, and without it shows that the bot has failed."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from channels.discord import writing
from channels.discord.events import Identity
from channels.discord.failures import CallFailed
from channels.discord.forms import Form
from channels.discord.presses import Origin, Press, Submission
from channels.discord.requests import chosen, escaped
from channels.discord.rest import Method, Web
from channels.discord.shapes import id_in, mapping

TIMEOUT = 5.0
FIRST_WORD = 2.5
"""Discord waits three seconds for the first answer to an interaction."""
REPLY_LATER, UPDATE_LATER, MODAL = 5, 6, 9

NOT_STORED = "This could not be stored just now, so nothing was decided. Please press again in a moment."
NOT_OURS = "Nothing was decided: I do not know this request (any more), or it was not put to you."
NO_WORDS = "Please write something. Nothing was decided."
NO_ARGS = "I do not have the arguments just now, and nothing was decided. Please try again later."
NOT_ASKED = "This could not be stored just now. Please ask again in a moment."
NOT_TAKEN = "I may not take questions from you."
NOTHING_TO_STOP = (
    "Nothing is going on here. Use /stop where we talk: in the thread, or in our direct messages."
)
STOPPED = "Stopping."

CHOICES: Mapping[str, str] = {
    "approve": "You chose **Approve**",
    "edit": "You sent changed arguments",
    "reject": "You chose **Reject**",
    "respond": "You answered instead",
    "answer": "You answered",
}

CALLBACK = "/interactions/{interaction_id}/{token}/callback"
ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
FOLLOW_UP = "/webhooks/{webhook_id}/{webhook_token}"

log = logging.getLogger(__name__)


class Feedback:
    def __init__(self, web: Web, *, clock: Callable[[], datetime]) -> None:
        self._web = web
        self._clock = clock

    # ------------------------------------------------------------ the first word

    async def defer(self, origin: Origin, *, kind: int = UPDATE_LATER, ephemeral: bool = False) -> str | None:
        """Tell Discord that we heard; None if it did not take that, and so shows a failure.

        A deferred reply is a message already; what comes back is its id, or "".
        """
        data = {"flags": writing.EPHEMERAL} if ephemeral else {}
        body: dict[str, object] = {"type": kind, "data": data} if data else {"type": kind}
        answer = await self._respond(origin, body)
        if answer is None:
            return None
        message = mapping(mapping(mapping(answer).get("resource")).get("message"))
        callback = mapping(mapping(answer).get("interaction"))
        return id_in(message, "id") or id_in(callback, "response_message_id")

    async def open_form(self, origin: Origin, form: Form) -> bool:
        return await self._respond(origin, {"type": MODAL, "data": form}) is not None

    async def _respond(self, origin: Origin, body: Mapping[str, object]) -> object | None:
        try:
            async with asyncio.timeout(FIRST_WORD):
                answer: object = await self._web.call(
                    "POST",
                    CALLBACK,
                    json=dict(body),
                    params={"with_response": "true"},
                    interaction_id=origin.id,
                    token=origin.token,
                )
        except (CallFailed, TimeoutError) as error:
            log.warning("Discord: an interaction was not acknowledged: %s", error or "no answer in time")
            return None
        return answer if answer is not None else {}

    # ------------------------------------------------------------ afterwards

    async def tell(self, origin: Origin, words: str, *, me: Identity) -> None:
        """Something only they see."""
        body = writing.said(words, ephemeral=True)
        await self._later("POST", FOLLOW_UP, body, origin, me)

    async def show(self, given: Press | Submission, *, me: Identity) -> None:
        """Say in the message what was chosen. The buttons go, but after an edit: the tool may not take that."""
        origin, words = given.origin, _choice(given, self._clock())
        if origin.kind != "dm" or not origin.content:
            # Others read along there, and it may not have been theirs to decide: nothing changes for them.
            await self.tell(origin, words, me=me)
            return
        content = chosen(origin.content, words)
        buttons: dict[str, object] = {} if given.name == "edit" else {"components": []}
        await self._later("PATCH", ORIGINAL, writing.changed(content, more=buttons), origin, me)

    async def repeat(self, origin: Origin, text: str, *, me: Identity) -> None:
        """Show everybody what was asked with a command: Discord shows only that it was used."""
        quoted = "\n".join(f"> {escaped(line)}" for line in text.splitlines())
        content = quoted if len(quoted) <= 1_900 else f"{quoted[:1_900].rstrip(chr(92))} …"
        await self._later("PATCH", ORIGINAL, writing.changed(content), origin, me)

    async def say(self, origin: Origin, words: str, *, me: Identity) -> None:
        """The reply that was promised."""
        await self._later("PATCH", ORIGINAL, writing.changed(words), origin, me)

    async def _later(
        self, method: Method, path: str, body: Mapping[str, object], origin: Origin, me: Identity
    ) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._web.call(
                    method,
                    path,
                    json=dict(body),
                    webhook_id=me.application,
                    webhook_token=origin.token,
                )
        except (CallFailed, TimeoutError) as error:
            log.warning("Discord: could not answer somebody who pressed: %s", error or "no answer in time")


def _choice(given: Press | Submission, now: datetime) -> str:
    """What was chosen and when; Discord shows the time as each reader's clock has it."""
    label = escaped(given.label) if isinstance(given, Press) else ""
    what = CHOICES.get(given.name) or f"You chose “{label}”"
    return f"{what} at <t:{int(now.astimezone(UTC).timestamp())}:t>."
