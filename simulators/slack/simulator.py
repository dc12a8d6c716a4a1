"""The simulated Slack as one thing: routes for a server, and the calls of tests and of the control API."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from simulators.guard import guard
from simulators.people import Person
from simulators.slack.assistant import Assistant
from simulators.slack.config import Channel, Json, SlackConfig
from simulators.slack.deliveries import Deliveries, Stats
from simulators.slack.events_http import EventsHttp, RequestUrls
from simulators.slack.faults import Faults
from simulators.slack.files import Files, Upload
from simulators.slack.interactions import Interactions
from simulators.slack.reading import Reading
from simulators.slack.socket_mode import SocketMode
from simulators.slack.state import Message, SlackState
from simulators.slack.web_api import WebApi
from simulators.slack.workspace import Happened, Refused, Workspace
from simulators.slack.writing import Writing


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Said:
    """What a person's message became. `event_id` is None where the app is not told."""

    channel: str
    ts: str
    event_id: str | None
    event_ids: tuple[str, ...]


class SlackSimulator:
    """Slack for one app. `async with SlackSimulator() as slack:` runs it on a free port of its own."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        config: SlackConfig | None = None,
        now: Callable[[], datetime] = utc_now,
        time_scale: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.config = config or SlackConfig()
        self.stats = Stats()
        self.state = SlackState(state)
        self.faults = Faults()
        self.sockets = SocketMode(self.config, self.stats, time_scale=time_scale)
        self.deliveries = Deliveries(
            self.config,
            self.state,
            self.stats,
            timestamp=lambda: now().timestamp(),
            time_scale=time_scale,
        )
        self.deliveries.carrier = self.sockets
        self.workspace = Workspace(self.config, self.state, now=now, emit=self.deliveries.emit)
        self.interactions = Interactions(self.workspace, self.deliveries, time_scale=time_scale)
        self.files = Files(self.config, self.state, self.faults, timestamp=self.workspace.timestamp)
        self.assistant = Assistant(self.workspace)
        self._web_api = WebApi(
            self.config,
            self.stats,
            methods={
                **Reading(self.workspace, now=now, sockets=self.sockets).methods(),
                **Writing(self.workspace).methods(),
                **self.files.methods(),
                **self.assistant.methods(),
                **self.interactions.methods(),
            },
            faults=self.faults,
        )
        self._http: EventsHttp | None = None
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    @property
    def api_url(self) -> str:
        """For `AsyncWebClient(base_url=...)` and SLACK_API_URL."""
        return f"{self.base_url}/slack/api/"

    # Running

    def add_routes(self, app: web.Application) -> None:
        from simulators.slack import control, pane

        app.router.add_route("*", "/slack/api/{method}", self._web_api.handle)
        app.router.add_get("/slack/link/", self.sockets.accept)
        app.router.add_post("/slack/{kind:actions|commands}/{team}/{secret}", self.interactions.respond)
        self.files.add_routes(app)
        control.add_routes(app, self)
        pane.add_routes(app, self)

    def start(self, base_url: str) -> None:
        """Begin to deliver; the server that has our routes must be listening at this address."""
        self.base_url = self.interactions.base_url = self.files.base_url = base_url
        self.deliveries.start()

    async def stop(self) -> None:
        # Deliveries first: a socket that closes because we stop is no failed attempt.
        await self.deliveries.stop()
        self.faults.clear()
        await self.sockets.stop()
        if self._http is not None:
            await self._http.stop()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[guard()], client_max_size=64 << 20)
        self.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
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

    async def use_http(self, events: str, *, interactive: str = "", commands: str = "") -> bool:
        """Deliver by signed HTTP requests instead of sockets, if the address answers Slack's challenge."""
        http = EventsHttp(
            self.config, RequestUrls(events, interactive, commands), timestamp=self.workspace.timestamp
        )
        verified = False
        with suppress(TimeoutError, OSError):
            verified = await http.verify(timeout=self.deliveries.ack_seconds)
        if not verified:
            await http.stop()
            return False
        if self._http is not None:
            await self._http.stop()
        self._http = self.deliveries.carrier = http
        return True

    def use_sockets(self) -> None:
        self.deliveries.carrier = self.sockets

    # What people do

    def person(self, ref: str) -> Person:
        """A demo person by name, or anybody by user id; an unknown id becomes a new user."""
        if person := self.workspace.person(ref):
            return person
        if ref[:1] not in ("U", "W") or not ref.isalnum() or ref != ref.upper() or len(ref) < 3:
            raise Refused(f"nobody is called {ref!r}")
        if ref == self.config.bot_user_id:
            raise Refused(f"{ref} is the bot itself")
        stranger = Person(ref.lower(), ref)
        self.state.add_user(stranger)
        return stranger

    def channel(self, ref: str) -> Channel:
        """A channel by id or name, or a person's name or id for the DM with the bot."""
        if channel := self.workspace.channel(ref):
            return channel
        person = self.workspace.person(ref.removeprefix("@"))
        if person is None:
            raise Refused(f"no channel {ref!r}")
        return self.workspace.dm_with(person.slack_user_id)

    def say(
        self,
        from_: str,
        text: str,
        channel: str | None = None,
        thread: str | None = None,
        *,
        files: Sequence[Upload] = (),
    ) -> Said:
        """A person writes, or shares files; without a channel it is a direct message to the bot."""
        person = self.person(from_)
        where = self.channel(channel) if channel else self.workspace.dm_with(person.slack_user_id)
        if where.kind != "channel" and person.slack_user_id not in where.members:
            raise Refused(f"{person.name} is not in {self.place_of(where)}")
        if thread is not None and self.state.message(where.id, thread) is None:
            raise Refused(self._no_such_thread(where, thread))
        shared = [self.files.share(upload, person) for upload in files]
        return _said(self.workspace.say(person, text, where, thread=thread, files=shared))

    def _no_such_thread(self, where: Channel, thread: str) -> str:
        error = f"no message {thread!r} in {self.place_of(where)} to reply to"
        others = filter(None, map(self.state.channel, self.state.channels_with_message(thread)))
        places = ", ".join(self.place_of(channel) for channel in others)
        return f"{error}; it is in {places}: pass that as channel" if places else error

    def edit(self, channel: str, ts: str, text: str) -> Said:
        message = self.message(channel, ts)
        if message.sender == self.config.bot_user_id:
            raise Refused("people cannot edit the bot's messages")
        return _said(self.workspace.edit(message, text))

    def delete(self, channel: str, ts: str) -> Said:
        return _said(self.workspace.delete(self.message(channel, ts)))

    def unfurl(self, channel: str, ts: str) -> Said:
        return _said(self.workspace.unfurl(self.message(channel, ts)))

    def react(self, from_: str, channel: str, ts: str, name: str, *, add: bool = True) -> Said:
        user = self.person(from_).slack_user_id
        return _said(self.workspace.react(self.message(channel, ts), name.strip(":"), user, add=add))

    def open_assistant(self, from_: str, context: str | None = None) -> Said:
        """A person opens a new chat with the app, while looking at the channel `context`."""
        where = self.channel(context) if context else None
        return _said(self.assistant.open(self.person(from_), where))

    def look_at(self, from_: str, channel: str, thread: str, context: str) -> Said:
        """With a chat open, a person goes to another channel."""
        root = self.message(channel, thread)
        return _said(self.assistant.look_at(root, self.person(from_), self.channel(context)))

    async def redeliver(self, event_id: str, times: int = 1) -> int:
        """Send an event again; returns how many of the copies were acknowledged."""
        delivery = self.state.delivery(event_id)
        if delivery is None:
            raise Refused(f"no event {event_id!r}")
        return await self.deliveries.redeliver(delivery, times=times)

    # What can be seen

    def message(self, channel: str, ts: str) -> Message:
        where = self.channel(channel)
        message = self.state.message(where.id, ts)
        if message is None or message.deleted:
            raise Refused(f"no message {ts!r} in {where.name or where.id}")
        return message

    def messages(self, channel: str | None = None, thread: str | None = None) -> list[Json]:
        """What the bot sent, oldest first."""
        where = self.channel(channel).id if channel else None
        return [
            self.shown(message)
            for message in self.state.messages_of(self.config.bot_user_id)
            if where in (None, message.channel) and thread in (None, message.thread_ts)
        ]

    def conversation(self, channel: str) -> list[Json]:
        """Everything that anybody wrote in a channel, oldest first."""
        return [self.shown(message) for message in self.state.messages_in(self.channel(channel).id)]

    def shown(self, message: Message) -> Json:
        channel = self.state.channel(message.channel)
        body = message.message
        return {
            "from": self.name_of(message.sender),
            "to": self.place_of(channel) if channel else message.channel,
            "text": body.get("text", ""),
            "channel": message.channel,
            "channel_kind": channel.kind if channel else None,
            "ts": message.ts,
            "thread_ts": message.thread_ts,
            "metadata": body.get("metadata"),
            "blocks": body.get("blocks"),
            "edited": body.get("edited"),
            "reactions": body.get("reactions", []),
            "files": body.get("files", []),
            "assistant": message.extra.get("assistant"),
            "deleted": message.deleted,
            "unfurl_links": message.extra.get("unfurl_links"),
            "unfurl_media": message.extra.get("unfurl_media"),
            "mrkdwn": message.extra.get("mrkdwn"),
            "ephemeral_to": message.extra.get("ephemeral_to"),
        }

    def name_of(self, user_id: str) -> str:
        if user_id == self.config.bot_user_id:
            return self.config.bot_name
        person = self.workspace.person(user_id)
        return person.name if person else user_id

    def place_of(self, channel: Channel) -> str:
        """A name that `say` and `messages` take as a channel: the person of a DM, or the channel's name."""
        return self.name_of(self.workspace.user_of_dm(channel)) if channel.kind == "im" else channel.name

    @property
    def events(self) -> list[Json]:
        """Every event the app was or will be told about, oldest first."""
        return [delivery.payload for delivery in self.state.all_deliveries()]

    def numbers(self) -> Mapping[str, object]:
        numbers = {key: value for key, value in asdict(self.stats).items() if key != "ack_latencies_ms"}
        pending = len(self.state.pending_deliveries())
        return {**numbers, "connections": len(self.sockets.connections), "pending": pending}

    async def until(self, true: Callable[[], object], timeout: float = 5.0) -> None:
        """Wait until something is so; a test's way to wait for the app."""
        async with asyncio.timeout(timeout):
            while not true():  # noqa: ASYNC110 - any condition of the caller, so there is no event
                await asyncio.sleep(0.005)


def _said(happened: Happened) -> Said:
    message, ids = happened.message, happened.event_ids
    return Said(message.channel, message.ts, ids[0] if ids else None, ids)
