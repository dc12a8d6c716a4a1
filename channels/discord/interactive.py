"""Buttons, forms and slash commands: Discord hears first that we have it, then it is stored, then comes the answer.

Discord does not repeat an interaction, and to whoever pressed one that we did not acknowledge in time it says that
it failed; so that one decides nothing. What could not be stored they have to press again, and hear so.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from bot.errors import SaywhenError
from bot.events import Incoming
from bot.ports import Receive, Received
from channels.discord import commands, feedback, forms
from channels.discord.events import Identity
from channels.discord.feedback import REPLY_LATER, Feedback
from channels.discord.forms import Form, Problems
from channels.discord.presses import WITH_FORM, Command, Interaction, Press, Submission, answer
from channels.discord.rest import Web
from channels.discord.shapes import time_of

ONE_CLICK = 3.0
"""The same button again within so many seconds is a double click."""
REMEMBERED = 1_000

Asked = Callable[[str], Awaitable[Mapping[str, JsonValue] | None]]
"""The arguments of the request that a handle belongs to, for the form that changes them."""
Knows = Callable[[str, str], Awaitable[bool]]
"""Whether a conversation of an account has a thread already."""

FORMS: Mapping[str, Callable[[str], Form]] = {
    "reject": forms.reason_form,
    "respond": forms.respond_form,
    "answer": forms.answer_form,
}

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Interactive:
    """Takes presses, submissions and commands; keeps nothing that a restart would miss."""

    def __init__(
        self, web: Web, *, asked: Asked, knows: Knows, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._feedback = Feedback(web, clock=clock)
        self._asked = asked
        self._knows = knows
        self._pressed: dict[tuple[str, ...], datetime] = {}

    async def take(self, given: Interaction, *, me: Identity, receive: Receive) -> None:
        match given:
            case Press(name=name) if name in WITH_FORM:
                await self._open(given, me)
            case Press():
                await self._press(given, me, receive)
            case Submission():
                await self._submit(given, me, receive)
            case Command(name=commands.ASK):
                await self._ask(given, me, receive)
            case Command(name=commands.STOP):
                await self._stop(given, me, receive)
            case Command():
                log.info("Discord: an unknown command was used")

    # ------------------------------------------------------------ a button that decides

    async def _press(self, press: Press, me: Identity, receive: Receive) -> None:
        if await self._feedback.defer(press.origin) is None or self._is_second_click(press):
            return
        if not await self._decide(press, answer(press, me=me), me, receive):
            self._pressed.pop(_button(press), None)

    def _is_second_click(self, press: Press) -> bool:
        at, button = time_of(press.origin.id), _button(press)
        before = self._pressed.get(button)
        if before is not None and abs((at - before).total_seconds()) < ONE_CLICK:
            return True
        self._pressed[button] = at
        if len(self._pressed) > REMEMBERED:
            del self._pressed[next(iter(self._pressed))]
        return False

    async def _decide(
        self, given: Press | Submission, incoming: Incoming, me: Identity, receive: Receive
    ) -> bool:
        received = await self._stored(incoming, receive)
        if received is None:
            await self._feedback.tell(given.origin, feedback.NOT_STORED, me=me)
        elif not received.thread_id:
            await self._feedback.tell(given.origin, feedback.NOT_OURS, me=me)
        else:
            await self._feedback.show(given, me=me)
        return received is not None and bool(received.thread_id)

    async def _stored(self, incoming: Incoming, receive: Receive) -> Received | None:
        try:
            return await receive(incoming)
        except SaywhenError as error:
            log.warning("Discord: an interaction could not be stored: %s", error)
            return None

    # ------------------------------------------------------------ a button that opens a form

    async def _open(self, press: Press, me: Identity) -> None:
        """At once: a form can only be the first answer to a press."""
        if press.name != "edit":
            await self._feedback.open_form(press.origin, FORMS[press.name](press.handle))
            return
        args = await self._asked(press.handle)
        if args is not None and forms.editable(args):
            await self._feedback.open_form(press.origin, forms.edit_form(press.handle, args))
        elif await self._feedback.defer(press.origin) is not None:
            await self._feedback.tell(press.origin, feedback.NO_ARGS, me=me)

    # ------------------------------------------------------------ a form that was sent in

    async def _submit(self, given: Submission, me: Identity, receive: Receive) -> None:
        if await self._feedback.defer(given.origin) is None:
            return
        incoming = _answered(given, me)
        if isinstance(incoming, Problems):
            await self._feedback.tell(given.origin, incoming.words, me=me)
            return
        await self._decide(given, incoming, me, receive)

    # ------------------------------------------------------------ commands

    async def _ask(self, command: Command, me: Identity, receive: Receive) -> None:
        """The reply that Discord wants is a message; in a channel the conversation begins with it."""
        message = await self._feedback.defer(command.origin, kind=REPLY_LATER)
        if message is None:
            return
        place = commands.place_of(command, message)
        if not command.text.strip() or not place.conversation:
            await self._feedback.say(command.origin, commands.NO_TEXT, me=me)
            return
        received = await self._stored(commands.asked(command, place, me=me), receive)
        if received is None:
            await self._feedback.say(command.origin, feedback.NOT_ASKED, me=me)
        elif not received.thread_id:
            await self._feedback.say(command.origin, feedback.NOT_TAKEN, me=me)
        else:
            await self._feedback.repeat(command.origin, command.text, me=me)

    async def _stop(self, command: Command, me: Identity, receive: Receive) -> None:
        place = commands.place_of(command, "")
        if await self._feedback.defer(command.origin, kind=REPLY_LATER, ephemeral=True) is None:
            return
        if command.origin.kind == "channel" or not await self._knows(me.user, place.conversation):
            words = feedback.NOTHING_TO_STOP
        else:
            received = await self._stored(commands.stopped(command, place, me=me), receive)
            words = feedback.STOPPED if received is not None else feedback.NOT_ASKED
        await self._feedback.say(command.origin, words, me=me)


def _button(press: Press) -> tuple[str, ...]:
    return (press.handle, press.origin.message, press.origin.user, press.name, press.option)


def _answered(given: Submission, me: Identity) -> Incoming | Problems:
    """The submission as an input, or what keeps it from being one."""
    if given.name == "edit":
        args = forms.edited(given.fields)
        return args if isinstance(args, Problems) else answer(given, me=me, args=args)
    words = given.fields.get(forms.WORDS, "").strip()
    if not words and given.name != "reject":
        return Problems(feedback.NO_WORDS)
    return answer(given, me=me, text=words)
