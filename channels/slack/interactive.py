"""Buttons and forms: an answer is stored, then acknowledged, and the message shows what was chosen.

Slack does not repeat an interaction. What could not be stored the person has to press again, and hears so.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.errors import SaywhenError
from bot.events import Incoming
from bot.ports import Receive
from channels.slack import feedback, forms
from channels.slack.events import Identity
from channels.slack.feedback import Feedback
from channels.slack.forms import Form, Origin, Problems
from channels.slack.presses import Press, Submission, answer, parse
from channels.slack.shapes import items, string
from channels.slack.web import CallFailed, Web

ONE_CLICK = 3.0
"""The same button again within so many seconds is a double click."""
REMEMBERED = 1_000
OPEN_TIMEOUT = 5.0

Ack = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Acknowledges one interaction; what it is given tells Slack what becomes of a form."""

FORMS: Mapping[str, Callable[[Origin], Form]] = {
    "reject": forms.reason_form,
    "respond": forms.respond_form,
    "answer": forms.answer_form,
}

log = logging.getLogger(__name__)


class Interactive:
    """Takes presses and submissions; keeps nothing that a restart would miss."""

    def __init__(self, web: Web, *, clock: Callable[[], float] = time.time) -> None:
        self._web = web
        self._feedback = Feedback(web, clock=clock)
        self._pressed: dict[tuple[str, ...], float] = {}

    async def take(self, payload: object, *, me: Identity, receive: Receive, ack: Ack) -> None:
        match parse(payload, me=me):
            case Press(name="edit" | "reject" | "respond" | "answer") as press:
                await ack({})
                await self._open(press)
            case Press() as press if self._is_second_click(press):
                await ack({})
            case Press() as press:
                await self._decide(press, me, receive, ack)
            case Submission() as submission:
                await self._submit(submission, me, receive, ack)
            case None:
                await ack({})

    # ------------------------------------------------------------ a button that decides

    async def _decide(self, press: Press, me: Identity, receive: Receive, ack: Ack) -> None:
        kept = False
        try:
            received = await receive(answer(press, me=me))
            kept = bool(received.thread_id)
        except SaywhenError as error:
            log.warning("Slack: an answer could not be stored: %s", error)
            await self._feedback.tell(press.origin, press.by, feedback.NOT_STORED)
            return  # not acknowledged: Slack marks the button as failed
        finally:
            if not kept:
                self._pressed.pop(_button(press), None)
        await ack({})
        if kept:
            await self._feedback.show(press)
        else:
            await self._feedback.tell(press.origin, press.by, feedback.NOT_OURS)

    def _is_second_click(self, press: Press) -> bool:
        if not press.at:
            return False
        at, button = float(press.at), _button(press)
        before = self._pressed.get(button)
        if before is not None and abs(at - before) < ONE_CLICK:
            return True
        self._pressed[button] = at
        if len(self._pressed) > REMEMBERED:
            del self._pressed[next(iter(self._pressed))]
        return False

    # ------------------------------------------------------------ a button that opens a form

    async def _open(self, press: Press) -> None:
        """At once: what Slack gave us to open it with expires after three seconds.

        The arguments are in the payload's message; Slack does not promise that, so else a form that asks for
        patience holds the place until they are fetched.
        """
        if press.name != "edit":
            await self._open_form(press, FORMS[press.name](press.origin))
        elif args := forms.uncarried(press.args):
            await self._open_form(press, forms.edit_form(press.origin, args))
        elif opened := await self._open_form(press, _notice(press.origin, feedback.LOADING)):
            carried = await self._feedback.carried(press.origin)
            args = forms.uncarried(carried)
            form = forms.edit_form(press.origin, args) if args else _notice(press.origin, feedback.NO_ARGS)
            await self._call("views.update", {"view_id": opened, "view": form})

    async def _open_form(self, press: Press, form: Form) -> str:
        """The id of the open form; "" if it could not be opened."""
        data = await self._call("views.open", {"trigger_id": press.trigger, "view": form})
        if data is None:
            await self._feedback.tell(press.origin, press.by, feedback.NOT_OPENED)
            return ""
        view = data.get("view")
        return str(view.get("id") or "") if isinstance(view, Mapping) else ""

    async def _call(self, method: str, arguments: Mapping[str, object]) -> Mapping[str, Any] | None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                return (await self._web.post(method, arguments)).data
        except (CallFailed, TimeoutError) as error:
            log.warning("Slack: no form was shown: %s", error or "no answer in time")
            return None

    # ------------------------------------------------------------ a form that was sent in

    async def _submit(self, given: Submission, me: Identity, receive: Receive, ack: Ack) -> None:
        incoming = _answered(given, me)
        if isinstance(incoming, Problems):
            await ack(_errors(incoming.by_block))
            return
        try:
            received = await receive(incoming)
        except SaywhenError as error:
            log.warning("Slack: an answer could not be stored: %s", error)
            await ack(_errors({_first_field(given): feedback.NOT_STORED}))
            return
        if not received.thread_id:
            await ack(_errors({_first_field(given): feedback.NOT_OURS}))
            return
        await ack({"response_action": "clear"})
        await self._feedback.show(given)


def _button(press: Press) -> tuple[str, ...]:
    return (press.origin.handle, press.origin.channel, press.origin.ts, press.by.address, press.name)


def _answered(given: Submission, me: Identity) -> Incoming | Problems:
    """The submission as an input, or what keeps it from being one."""
    if given.name == "edit":
        args = forms.edited(given.view)
        return args if isinstance(args, Problems) else answer(given, me=me, args=args)
    words = forms.said(given.view).strip()
    if not words and given.name != "reject":
        return Problems({forms.WORDS: feedback.NO_WORDS})
    return answer(given, me=me, text=words)


def _first_field(given: Submission) -> str:
    return next((string(block, "block_id") for block in items(given.view, "blocks")), forms.WORDS)


def _errors(by_block: Mapping[str, str]) -> dict[str, object]:
    return {"response_action": "errors", "errors": dict(by_block)}


def _notice(origin: Origin, words: str) -> Form:
    return forms.notice_form(origin, "Change and approve", words)
