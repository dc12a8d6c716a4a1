"""Slack's calls to us: events, what people press, slash commands.

Nothing is believed before the signature fits, and nothing is acknowledged before it is stored. A repeated event is
stored like the first: for what came while nobody listened the repetition is the only delivery.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from bot.errors import SaywhenError
from bot.ports import Receive, Webhook, WebhookAnswer, WebhookRequest
from channels.slack.asking import Asking
from channels.slack.background import Background
from channels.slack.events import Identity
from channels.slack.intake import ACK_WITHIN, Intake
from channels.slack.interactive import Interactive
from channels.slack.shapes import Json, id_in, items, mapping, string
from channels.slack.signature import WINDOW, Signature, Verdict

EVENTS, INTERACTIVE, COMMANDS = "slack/events", "slack/interactive", "slack/commands"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LARGEST = 64 * 1024
MOST_FIELDS = 50
LONGEST_CHALLENGE = 500
DONE = WebhookAnswer(200)

log = logging.getLogger(__name__)


class BadRequest(SaywhenError):
    """This is not a call of Slack's for us."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Webhooks:
    """`heard` is told of each call that is really Slack's, `repeated` how often an event was sent before."""

    def __init__(
        self,
        signing_secret: str,
        *,
        intake: Intake,
        interactive: Interactive,
        asking: Asking,
        background: Background,
        heard: Callable[[], None],
        repeated: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._signature = Signature(signing_secret)
        self._intake = intake
        self._interactive = interactive
        self._asking = asking
        self._background = background
        self._heard = heard
        self._repeated = repeated
        self._clock = clock

    @property
    def handlers(self) -> dict[str, Webhook]:
        return {EVENTS: self.events, INTERACTIVE: self.interactive, COMMANDS: self.commands}

    async def events(self, request: WebhookRequest, receive: Receive) -> WebhookAnswer:
        """Something happened that the app is subscribed to."""
        answer = await self._answer(request, JSON, lambda: self._event(_json(request.body), receive))
        if answer.status in (200, 503):
            self._repeated(request.headers.get("x-slack-retry-num", ""))
        return answer

    async def interactive(self, request: WebhookRequest, receive: Receive) -> WebhookAnswer:
        """Somebody pressed a button, or sent a form in."""

        async def take() -> WebhookAnswer:
            return await self._interaction(_json(_form(request.body).get("payload", "").encode()), receive)

        return await self._answer(request, FORM, take)

    async def commands(self, request: WebhookRequest, receive: Receive) -> WebhookAnswer:
        """Somebody used the slash command."""
        return await self._answer(request, FORM, lambda: self._command(_form(request.body), receive))

    async def _answer(
        self, request: WebhookRequest, kind: str, take: Callable[[], Awaitable[WebhookAnswer]]
    ) -> WebhookAnswer:
        try:
            self._check(request, kind)
            self._heard()
            return await take()
        except BadRequest as error:
            return WebhookAnswer(error.status, str(error))
        except SaywhenError as error:
            log.warning("Slack: not stored, so Slack is asked to send it again: %s", error)
            return WebhookAnswer(503, "not stored; send it again")

    def _check(self, request: WebhookRequest, kind: str) -> None:
        if request.method != "POST":
            raise BadRequest(405, "Slack posts")
        if len(request.body) > LARGEST:
            raise BadRequest(413, "that is too much")
        verdict = self._signature.judge(request.headers, request.body, now=self._clock())
        if not verdict.ok:
            level = logging.WARNING if "x-slack-signature" in request.headers else logging.INFO
            log.log(level, "Slack: refused a call: %s", _words(verdict))
            raise BadRequest(401, "this is not signed by Slack for us, now")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
            raise BadRequest(415, f"this takes {kind}")

    def _us(self) -> Identity:
        if self._intake.me is None:
            raise SaywhenError("Slack has not told us yet who we are")
        return self._intake.me

    # ------------------------------------------------------------ one call of each kind

    async def _event(self, payload: Json, receive: Receive) -> WebhookAnswer:
        if payload.get("type") == "url_verification":
            challenge = string(payload, "challenge")
            if not challenge or len(challenge) > LONGEST_CHALLENGE:
                raise BadRequest(400, "there is no challenge")
            return WebhookAnswer(200, challenge)
        me = self._us()
        if not _is_for(payload, me):
            log.warning("Slack: refused an event for another app or workspace than %s", me.account)
            raise BadRequest(403, "this is another app's or workspace's")
        await self._intake.take(payload, receive)
        return DONE

    async def _interaction(self, payload: Json, receive: Receive) -> WebhookAnswer:
        """Answered when it is stored; what is shown to the person afterwards goes on by itself.

        Who may decide is known by the handle on the button, whatever workspace it was pressed in.
        """
        me = self._us()
        if not _is_app(payload, me):
            raise BadRequest(403, "this is another app's")
        acked: asyncio.Future[Mapping[str, Any] | None] = asyncio.get_running_loop().create_future()

        async def ack(answer: Mapping[str, Any]) -> None:
            if not acked.done():
                acked.set_result(answer)

        async def work() -> None:
            try:
                await self._interactive.take(
                    payload, me=me, receive=lambda incoming: self._intake.store(incoming, receive), ack=ack
                )
            finally:
                if not acked.done():
                    acked.set_result(None)

        if not self._background.start(work()):
            raise SaywhenError("the channel is not running")
        try:
            async with asyncio.timeout(ACK_WITHIN):
                answer = await acked
        except TimeoutError:
            raise SaywhenError("it took too long") from None
        if answer is None:
            raise SaywhenError("it was not acknowledged")
        return _said(answer)

    async def _command(self, form: Json, receive: Receive) -> WebhookAnswer:
        if "ssl_check" in form:
            return DONE
        me = self._us()
        if not _is_app(form, me) or me.team not in (id_in(form, "team_id"), id_in(form, "enterprise_id")):
            raise BadRequest(403, "this is another app's or workspace's")
        return _said(
            await self._asking.take(
                form, me=me, receive=lambda incoming: self._intake.store(incoming, receive)
            )
        )


# ---------------------------------------------------------------- what a call looks like


def _json(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "this is not JSON") from error
    if not isinstance(found, dict):
        raise BadRequest(400, "this is not a JSON object")
    return found


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        )
    except ValueError as error:
        raise BadRequest(400, "this is not a form in UTF-8") from error


def _said(answer: Mapping[str, Any]) -> WebhookAnswer:
    return WebhookAnswer(200, json.dumps(dict(answer)), JSON) if answer else DONE


def _is_app(payload: Json, me: Identity) -> bool:
    """The app of a call, as far as Slack has told us which one we are."""
    return not me.app or id_in(payload, "api_app_id") == me.app


def _is_for(payload: Json, me: Identity) -> bool:
    """In a shared channel the team of the payload can be the other one; ours is among the authorizations."""
    places = (payload, *items(payload, "authorizations"))
    named = {id_in(mapping(each), key) for each in places for key in ("team_id", "enterprise_id")}
    return _is_app(payload, me) and me.team in named


def _words(verdict: Verdict) -> str:
    if abs(verdict.skew) <= WINDOW:
        return f"{verdict.why}. If it is Slack's: SLACK_SIGNING_SECRET must be this app's"
    side = "ahead of" if verdict.skew > 0 else "behind"
    return (
        f"{verdict.why}: it is {abs(verdict.skew):.0f} s {side} the clock of this machine, and {WINDOW:.0f} s are "
        "allowed. Either the call is old and replayed, or the clock is wrong"
    )
