"""The Slack channel: what arrives by Socket Mode is stored, then acknowledged; replies leave by Web API."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.errors import Overloaded, SaywhenError
from bot.events import Incoming, Outgoing
from bot.ports import Health, Part, Receive, Received
from channels.slack import parts, requests
from channels.slack.connection import Connection
from channels.slack.events import NAME, Arrival, Identity, parse
from channels.slack.failures import refusal
from channels.slack.interactive import Interactive
from channels.slack.log import BOLT_LOG
from channels.slack.posting import Posting
from channels.slack.socket import Socket
from channels.slack.web import TIMEOUT, CallFailed, Web
from channels.slack.zones import Zones

AT_ONCE = 256
ACK_WITHIN = 3.0
REMEMBERED = 10_000

Knows = Callable[[str, str], Awaitable[bool]]
"""Whether a conversation of an account has a thread already."""

log = logging.getLogger(__name__)


class SlackChannel:
    """One Slack app in one workspace. `account` (team/bot user) is empty until Slack has said who we are."""

    name = NAME
    sends_at_once = 5  # to one destination; Slack allows short bursts

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str,
        knows: Knows,
        api_url: str | None = None,
        allow_bots: frozenset[str] = frozenset(),
        timeout: float = TIMEOUT,
        ping_every: float = 10.0,
        silence: float = 30.0,
        at_once: int = AT_ONCE,
        seconds_between_sends: float = 1.0,
        without_zone: Sequence[str] = (),
    ) -> None:
        """`seconds_between_sends` to one destination: what comes faster for long, Slack may drop unseen.

        Slack is asked for the time zones of the people at the addresses in `without_zone`.
        """
        self.timezones = Zones()
        self._without_zone = tuple(without_zone)
        self.seconds_between_sends = seconds_between_sends
        self._knows = knows
        self._allow_bots = allow_bots
        self._web = Web(bot_token, api_url=api_url, timeout=timeout)
        self._posting = Posting(self._web)
        self._interactive = Interactive(self._web)
        self._connection = Connection(self._web, app_token=app_token, ping_every=ping_every, silence=silence)
        self._me: Identity | None = None
        self._slots = asyncio.Semaphore(at_once)
        self._ours: dict[str, None] = {}  # conversations we take part in, the latest last

    @property
    def account(self) -> str:
        return self._me.account if self._me else ""

    def health(self) -> Health:
        return self._connection.health()

    async def log_in(self) -> str:
        """Ask Slack who we are, until it answers; raises ChannelRefused for a token that is no good."""
        failures = 0
        while self._me is None:
            try:
                self._me = _identity((await self._web.post("auth.test", {})).data)
            except CallFailed as error:
                if refused := refusal(error, "SLACK_BOT_TOKEN"):
                    raise refused from error
                failures += 1
                await self._connection.pause(failures, error)
            else:
                log.info("Slack: we are %s, account %s", self._me.name or "a bot", self._me.account)
        return self._me.account

    async def run(self, receive: Receive) -> None:
        self._connection.set_state("connecting")
        self._web.open()
        try:
            await self.log_in()
            for address in self._without_zone:
                await self.timezones.learn(self._web, address)
            raise await self._connection.run(self._handle_with(receive))
        finally:
            self._connection.set_state("off")
            await self._web.close()

    # What arrives

    def _handle_with(self, receive: Receive) -> Callable[[Socket, SocketModeRequest], Awaitable[None]]:
        bolt = AsyncApp(
            name="saywhen",
            logger=BOLT_LOG,
            client=self._web.client,
            # Before bolt's authorization: that answers 200 for a message it could not authorize.
            before_authorize=_Intake(lambda payload: self._take(payload, receive)),
            request_verification_enabled=False,  # the socket was opened with our own token
            ssl_check_enabled=False,
        )

        async def handle(socket: Socket, request: SocketModeRequest) -> None:
            if request.type == "interactive":
                await self._press(socket, request, receive)
                return
            started = time.time()
            response = await run_async_bolt_app(bolt, request)
            await send_async_response(socket, request, response, started)

        return handle

    async def _take(self, payload: Mapping[str, Any], receive: Receive) -> bool:
        """Store what is ours; False if it could not be, so that it is not acknowledged and comes again."""
        try:
            async with self._slot():
                await self._store(payload, receive)
        except SaywhenError as error:
            log.warning("Slack: not stored, so not acknowledged: %s", error)
            return False
        return True

    async def _press(self, socket: Socket, request: SocketModeRequest, receive: Receive) -> None:
        async def ack(payload: Mapping[str, Any]) -> None:
            await socket.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload=dict(payload) or None)
            )

        async def store(incoming: Incoming) -> Received:
            async with self._slot():
                return await receive(incoming)

        assert self._me is not None
        await self._interactive.take(request.payload, me=self._me, receive=store, ack=ack)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Only so many are stored at once; Overloaded for one that would wait too long."""
        try:
            async with asyncio.timeout(ACK_WITHIN):
                await self._slots.acquire()
        except TimeoutError:
            raise Overloaded from None
        try:
            yield
        finally:
            self._slots.release()

    async def _store(self, payload: Mapping[str, Any], receive: Receive) -> None:
        if payload.get("type") == "app_rate_limited":
            log.warning("Slack: more than 30,000 events in an hour; it leaves some out (app_rate_limited)")
        assert self._me is not None
        for arrival in parse(payload, me=self._me, raw=_raw(payload), allow_bots=self._allow_bots):
            if await self._is_ours(arrival):
                await receive(arrival.incoming)

    async def _is_ours(self, arrival: Arrival) -> bool:
        """Decided without waiting where it is clear, so that the messages of a thread keep their order.

        Remembered before it is stored: a reply may arrive while the mention that opens its thread is on the
        way to the disk, or waits for Slack to send it again.
        """
        account, conversation = arrival.incoming.account, arrival.incoming.conversation
        clear = arrival.addressed or conversation in self._ours
        if not clear and not await self._knows(account, conversation):
            return False
        self._ours.pop(conversation, None)
        self._ours[conversation] = None
        if len(self._ours) > REMEMBERED:
            del self._ours[next(iter(self._ours))]
        return True

    # What leaves

    def fits(self, text: str) -> bool:
        """Whether a request with this text can be shown whole, in one message."""
        return requests.fits(text)

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        if outgoing.request is not None:
            return (requests.render_request(outbox_id, outgoing, outgoing.request),)
        return parts.render(outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        return await self._posting.find(part)

    async def show_status(self, destination: str, text: str) -> None:
        await self._posting.show_status(destination, text)


class _Intake(AsyncMiddleware):
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


def _raw(payload: Mapping[str, Any]) -> bytes:
    """The payload as it came, but for Slack's verification token, which is a secret."""
    return json.dumps({key: value for key, value in payload.items() if key != "token"}).encode()
