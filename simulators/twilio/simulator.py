"""The simulated Twilio as one thing: routes for a server, and the calls of tests and of the control API."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from simulators.guard import guard
from simulators.twilio.config import Json, TwilioConfig
from simulators.twilio.faults import Faults
from simulators.twilio.network import Network, Picture
from simulators.twilio.numbers import is_number
from simulators.twilio.posts import Posts
from simulators.twilio.rest import PREFIX, Rest
from simulators.twilio.segments import LONGEST_BODY
from simulators.twilio.state import Message, Post, TwilioState


class Refused(Exception):
    """Something that cannot be done with the phones there are; the text says what was found."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_hex() -> str:
    """The 32 characters that make a SID unique, also among those of an earlier state file."""
    return secrets.token_hex(16)


class TwilioSimulator:
    """Twilio for one app. `async with TwilioSimulator() as twilio:` runs it on a free port of its own."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        config: TwilioConfig | None = None,
        now: Callable[[], datetime] = utc_now,
        new_hex: Callable[[], str] = new_hex,
        time_scale: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.config = config or TwilioConfig()
        self.state = TwilioState(state)
        self.faults = Faults()
        self._posts = Posts(self.state, auth_token=self.config.auth_token, time_scale=time_scale)
        self.network = Network(self.config, self.state, self._posts, now=now, new_hex=new_hex)
        self._rest = Rest(self.config, self.state, self.network, self.faults)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    @property
    def api_url(self) -> str:
        """What takes the place of https://api.twilio.com."""
        return f"{self.base_url}{PREFIX}"

    # Running

    def add_routes(self, app: web.Application) -> None:
        from simulators.twilio import control, pane

        self._rest.add_routes(app)
        control.add_routes(app, self)
        pane.add_routes(app, self)

    def start(self, base_url: str) -> None:
        """Begin to deliver; the server that has our routes must be listening at this address."""
        self.base_url = base_url
        self._posts.start()
        self.network.start(self.api_url)

    async def stop(self) -> None:
        await self.network.stop()
        self.faults.clear()
        await self._posts.stop()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[guard()])
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.start(f"http://{self._host}:{self._port}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.state.close()

    def use_webhook(self, url: str, *, status_url: str | None = None) -> None:
        """Post what people text to this address; '' only keeps it for the list of messages."""
        self.state.set("webhook", url)
        if status_url is not None:
            self.state.set("status_webhook", status_url)

    # What people do

    def number_of(self, ref: str) -> str:
        """A demo person by name, or any number in E.164."""
        for person in self.config.people:
            if person.name == ref:
                return person.sms
        if not is_number(ref):
            raise Refused(
                f"nobody with a phone is called {ref!r}, and it is not a number such as +15550100001"
            )
        return ref

    def name_of(self, number: str) -> str:
        return next((person.name for person in self.config.people if person.sms == number), number)

    def say(
        self, from_: str, text: str, *, to: str | None = None, pictures: Sequence[Picture] = ()
    ) -> Message:
        """A person texts the app's number."""
        sender = self.number_of(from_)
        if sender == self.config.number:
            raise Refused(f"{sender} is the app's own number: nobody texts from it here")
        if to is not None and to != self.config.number:
            raise Refused(f"only {self.config.number} can be texted, not {to!r}")
        if not text and not pictures:
            raise Refused("a message has a text or media")
        if len(text) > LONGEST_BODY:
            raise Refused(f"a text has at most {LONGEST_BODY} characters, not {len(text)}")
        return self.network.text(sender, text, pictures=pictures)

    async def redeliver(self, sid: str, *, times: int = 1) -> int:
        """Post a message to the app again, with the same token; returns how many copies it took."""
        for post in self.state.posts_of(sid):
            if post.kind == "message":
                return await self.network.redeliver(post, times=times)
        raise Refused(f"no message {sid!r} was posted to a webhook")

    # What can be seen

    def messages(self, *, to: str | None = None, from_: str | None = None) -> list[Json]:
        """Everything sent and received, oldest first."""
        recipient = self.number_of(to) if to else None
        sender = self.number_of(from_) if from_ else None
        return [
            self.shown(message)
            for message in self.state.messages()
            if recipient in (None, message.recipient) and sender in (None, message.sender)
        ]

    def shown(self, message: Message) -> Json:
        media = [media.content_type for media in self.state.media_of(message.sid)]
        return {
            "sid": message.sid,
            "from": message.sender,
            "to": message.recipient,
            "text": message.body,
            "direction": message.direction,
            "status": message.status,
            "time": datetime.fromtimestamp(message.created_at, UTC).isoformat(),
            "segments": message.segments,
            "error_code": message.error_code,
            "media": [*media, *message.media_urls],
        }

    def posts(self) -> tuple[Post, ...]:
        """Every request that the app was sent, oldest first."""
        return self.state.posts()

    async def until(self, true: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait until something is so; a test's way to wait for the app."""
        async with asyncio.timeout(timeout):
            while not true():  # noqa: ASYNC110 - any condition of the caller, so there is no event
                await asyncio.sleep(0.005)
