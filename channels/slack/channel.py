"""The Slack channel: what arrives by socket or by HTTP is stored, then acknowledged; replies leave by Web API."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.errors import ChannelRefused, SaywhenError
from bot.events import Incoming, Outgoing
from bot.ports import Health, Part, Receive, Received, Webhook
from channels.slack import parts, requests
from channels.slack.asking import Asking
from channels.slack.assistant import Assistant
from channels.slack.background import Background
from channels.slack.by_http import ByHttp
from channels.slack.catch_up import CatchUp, Places, no_places
from channels.slack.connection import RECOUNT, Connection
from channels.slack.events import NAME, Identity
from channels.slack.failures import refusal
from channels.slack.fetching import WITHIN, Fetching
from channels.slack.intake import Intake, Knows
from channels.slack.interactive import Interactive
from channels.slack.log import BOLT_LOG
from channels.slack.posting import Posting
from channels.slack.progress import Lines
from channels.slack.reactions import Reactions
from channels.slack.shapes import id_in, mapping
from channels.slack.socket import Socket
from channels.slack.standing import Standing
from channels.slack.web import TIMEOUT, CallFailed, Web
from channels.slack.webhooks import Webhooks
from channels.slack.zones import Zones

AT_ONCE = 256

log = logging.getLogger(__name__)


class SlackChannel:
    """One Slack app in one workspace. `account` (team/bot user) is empty until Slack has said who we are."""

    name = NAME
    sends_at_once = 5  # to one destination; Slack allows short bursts

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        knows: Knows,
        places: Places = no_places,
        api_url: str | None = None,
        allow_bots: frozenset[str] = frozenset(),
        timeout: float = TIMEOUT,
        ping_every: float = 10.0,
        silence: float = 30.0,
        gap: float = 20.0,
        recount: float = RECOUNT,
        at_once: int = AT_ONCE,
        files_within: float = WITHIN,
        seconds_between_sends: float = 1.0,
        without_zone: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """With an `app_token` Slack is heard over a socket, with a `signing_secret` by HTTP; one of them it takes.

        `knows`: whether a conversation has a thread. `places`: the conversations we know and the last message of
        each, for what was missed; it is looked for at the start and when Slack gave no sign of life for `gap` seconds.
        `seconds_between_sends` to one destination: what comes faster for long, Slack may drop unseen. Slack is
        asked for the time zones of the people at the addresses in `without_zone`. A file that Slack does not give
        us within so many seconds (`files_within`) is only named to the model.
        """
        if not (app_token or signing_secret):
            raise ValueError("without app_token and signing_secret nothing could arrive")
        self.timezones = Zones()
        self._without_zone = tuple(without_zone)
        self.seconds_between_sends = seconds_between_sends
        self._web = Web(bot_token, api_url=api_url, timeout=timeout)
        self._posting = Posting(self._web)
        self._interactive = Interactive(self._web)
        self._asking = Asking(self._web, self._posting)
        self._standing = Standing()
        self._background = Background()
        self._lines = Lines(self._web, self._posting, start=self._background.start)
        self._intake = Intake(
            Fetching(self._web, within=files_within),
            Reactions(self._web, allow_bots=allow_bots),
            Assistant(self._web, start=self._background.start),
            knows=knows,
            allow_bots=allow_bots,
            at_once=at_once,
            missed=self._missed,
        )
        self._catch_up = CatchUp(self._web, places=places)
        self._gap = gap
        self._receive: Receive | None = None
        self._by_http = ByHttp(self._web, self._standing, missed=self._missed)
        self._connection = (
            Connection(
                self._web,
                self._standing,
                app_token=app_token,
                ping_every=ping_every,
                silence=silence,
                connected=self._connected,
                recount=recount,
            )
            if app_token
            else None
        )
        self.webhooks: Mapping[str, Webhook] = {}
        if signing_secret:
            self.webhooks = Webhooks(
                signing_secret,
                intake=self._intake,
                interactive=self._interactive,
                asking=self._asking,
                background=self._background,
                heard=self._standing.heard,
                repeated=self._repeated,
                clock=clock,
            ).handlers

    @property
    def account(self) -> str:
        return self._intake.me.account if self._intake.me else ""

    def health(self) -> Health:
        return (self._connection or self._by_http).health()

    async def log_in(self) -> str:
        """Ask Slack who we are, until it answers; raises ChannelRefused for a token that is no good."""
        failures = 0
        while self._intake.me is None:
            try:
                me = _identity((await self._web.post("auth.test", {})).data)
                me = await self._with_app(me) if self.webhooks else me
            except CallFailed as error:
                if refused := refusal(error, "SLACK_BOT_TOKEN"):
                    raise refused from error
                failures += 1
                await self._standing.pause(failures, error)
            else:
                self._intake.me = me
                log.info("Slack: we are %s, account %s", me.name or "a bot", me.account)
        return self._intake.me.account

    async def _with_app(self, me: Identity) -> Identity:
        """With the id of our app, so that calls for another one are refused; not all tokens may ask."""
        try:
            bot = mapping((await self._web.get("bots.info", {"bot": me.bot})).data.get("bot"))
        except CallFailed as error:
            log.info("Slack does not say which app we are: %s", error)
            return me
        return replace(me, app=id_in(bot, "app_id"))

    async def run(self, receive: Receive) -> None:
        self._standing.set("connecting")
        self._web.open()
        try:
            await self.log_in()
            refused = await self._listen(receive)
        finally:
            self._standing.set("off")
            await self._web.close()
        raise refused

    async def _listen(self, receive: Receive) -> ChannelRefused:
        self._receive = receive
        async with self._background.open():
            for address in self._without_zone:
                await self.timezones.learn(self._web, address)
            if self._connection is None:
                return await self._by_http.run()
            return await self._connection.run(self._handle_with(receive))

    # What arrives by socket

    def _handle_with(self, receive: Receive) -> Callable[[Socket, SocketModeRequest], Awaitable[None]]:
        bolt = AsyncApp(
            name="saywhen",
            logger=BOLT_LOG,
            client=self._web.client,
            # Before bolt's authorization: that answers 200 for a message it could not authorize.
            before_authorize=_Stored(lambda payload: self._take(payload, receive)),
            request_verification_enabled=False,  # the socket was opened with our own token
            ssl_check_enabled=False,
        )

        async def handle(socket: Socket, request: SocketModeRequest) -> None:
            self._standing.heard()
            match request.type:
                case "interactive":
                    await self._press(socket, request, receive)
                case "slash_commands":
                    await self._command(socket, request, receive)
                case _:
                    started = time.time()
                    response = await run_async_bolt_app(bolt, request)
                    await send_async_response(socket, request, response, started)
                    self._repeated(str(request.retry_attempt))

        return handle

    async def _take(self, payload: Mapping[str, Any], receive: Receive) -> bool:
        """Store what is ours; False if it could not be, so that it is not acknowledged and comes again."""
        try:
            await self._intake.take(payload, receive)
        except SaywhenError as error:
            log.warning("Slack: not stored, so not acknowledged: %s", error)
            return False
        return True

    async def _press(self, socket: Socket, request: SocketModeRequest, receive: Receive) -> None:
        await self._interactive.take(
            request.payload,
            me=self._me,
            receive=lambda incoming: self._intake.store(incoming, receive),
            ack=lambda payload: _acknowledge(socket, request, payload),
        )

    async def _command(self, socket: Socket, request: SocketModeRequest, receive: Receive) -> None:
        answer = await self._asking.take(
            request.payload, me=self._me, receive=lambda incoming: self._intake.store(incoming, receive)
        )
        await _acknowledge(socket, request, answer)

    @property
    def _me(self) -> Identity:
        assert self._intake.me is not None
        return self._intake.me

    # What was missed

    def _connected(self, silent_for: float) -> None:
        if silent_for > self._gap:
            self._missed()

    def _repeated(self, attempt: str) -> None:
        """What comes for the third or fourth time tells that for a minute nothing arrived, or was stored."""
        if attempt in ("2", "3"):
            self._missed()

    def _missed(self) -> None:
        """Look into the history for what did not reach us."""
        self._background.start(self._catch_up.run(self._hand_over))

    async def _hand_over(self, payload: Mapping[str, Any]) -> list[tuple[Incoming, Received]]:
        assert self._receive is not None
        return await self._intake.take(payload, self._receive)

    # What leaves

    def fits(self, text: str) -> bool:
        """Whether a request with this text can be shown whole, in one message."""
        return requests.fits(text)

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        if outgoing.request is not None:
            return (requests.render_request(outbox_id, outgoing, outgoing.request),)
        return parts.render(outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        sent = await self._posting.send(part)
        await self._lines.answered(part.destination)
        return sent

    async def find(self, part: Part) -> str | None:
        found = await self._posting.find(part)
        if found is not None:
            await self._lines.answered(part.destination)
        return found

    async def show_status(self, destination: str, text: str) -> None:
        await self._posting.show_status(destination, text)

    async def show_progress(self, destination: str, text: str) -> None:
        await self._lines.show(destination, text)


class _Stored(AsyncMiddleware):
    """Answers every request itself: 200 once it is stored, else 503, which the SDK leaves unacknowledged."""

    def __init__(self, take: Callable[[Mapping[str, Any]], Awaitable[bool]]) -> None:
        self._take = take

    async def async_process(
        self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        return BoltResponse(status=200 if await self._take(req.body) else 503, body="")


def _identity(data: Mapping[str, Any]) -> Identity:
    team = data.get("team_id") or data.get("enterprise_id")
    user = data.get("user_id")
    if not (isinstance(team, str) and isinstance(user, str)):
        raise CallFailed("auth.test does not say who we are")
    return Identity(team, user, bot=str(data.get("bot_id") or ""), name=str(data.get("user") or ""))


async def _acknowledge(socket: Socket, request: SocketModeRequest, payload: Mapping[str, Any]) -> None:
    await socket.send_socket_mode_response(
        SocketModeResponse(envelope_id=request.envelope_id, payload=dict(payload) or None)
    )
