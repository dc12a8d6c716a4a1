"""The simulated Slack as a venue: Ann and Bob write to the bot in direct messages, over a socket or by HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.ports import Channel
from bot.store.sqlite import SqliteStore
from channels.slack import SlackChannel
from channels.slack.parts import LIMIT
from simulators.slack import SlackSimulator
from tests.conformance.door import Door, open_door
from tests.conformance.stage import Name, Shown, Stage

SECRET = "demo-signing-secret"
PATIENT = 3.0  # seconds, as the real one: a busy machine is not taken for a bot that does not answer


class SlackVenue:
    limit, whole, copies = LIMIT, True, 1

    def __init__(self, slack: SlackSimulator) -> None:
        self.slack = slack
        self._said: dict[str, tuple[str, str]] = {}  # ts -> channel, event id

    def channel(self, store: SqliteStore) -> Channel:
        return SlackChannel(
            bot_token="xoxb-demo",
            app_token="xapp-demo",
            knows=partial(_knows, store),
            places=partial(store.places, "slack"),
            api_url=self.slack.api_url,
            seconds_between_sends=0.0,
            gap=0.2,
        )

    async def lead(self, stage: Stage) -> None:
        """A socket needs nobody to call."""

    def address(self, name: Name) -> str:
        return f"T0DEMO/U0{name.upper()}"

    def length(self, text: str) -> int:
        """Slack counts characters; in UTF-16 they are never fewer."""
        return len(text.encode("utf-16-le", "surrogatepass")) // 2

    async def say(self, name: Name, text: str, *, reply_to: str = "") -> str:
        said = self.slack.say(name, text)  # in a DM people answer below, not in a thread
        self._said[said.ts] = said.channel, str(said.event_id)
        return said.ts

    def shown(self) -> list[Shown]:
        ours = [each for each in self.slack.messages() if each["from"] == "saywhen" and not each["deleted"]]
        return [Shown(each["ts"], each["text"], _pings(each["text"]), _previews(each)) for each in ours]

    async def edit(self, said: str, text: str) -> None:
        self.slack.edit(self._said[said][0], said, text)

    async def delete(self, said: str) -> None:
        self.slack.delete(self._said[said][0], said)

    async def redeliver(self, said: str, times: int) -> None:
        await self.slack.redeliver(self._said[said][1], times=times)

    def lose_next_answer(self) -> None:
        self.slack.faults.add("chat.postMessage", "reset_after_accept")

    def refuse_next(self) -> None:
        self.slack.faults.add("chat.postMessage", "429", retry_after=0)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """No socket can be opened."""
        self.slack.faults.add("apps.connections.open", "500", times=1_000_000)
        await self.slack.sockets.disconnect("refresh_requested")
        await self.slack.until(lambda: not self.slack.sockets.connections, timeout=40)
        yield
        self.slack.faults.clear()


class SlackByHttp(SlackVenue):
    """The same, with signed events."""

    def __init__(self, slack: SlackSimulator, door: Door) -> None:
        super().__init__(slack)
        self._door = door

    def channel(self, store: SqliteStore) -> Channel:
        channel = SlackChannel(
            bot_token="xoxb-demo",
            signing_secret=SECRET,
            knows=partial(_knows, store),
            api_url=self.slack.api_url,
            seconds_between_sends=0.0,
        )
        self._door.webhooks = dict(channel.webhooks)
        return channel

    async def lead(self, stage: Stage) -> None:
        self._door.receive = stage.receive
        hooks = f"{self._door.url}/webhooks/slack"
        assert await self.slack.use_http(
            f"{hooks}/events", interactive=f"{hooks}/interactive", commands=f"{hooks}/commands"
        )


async def _knows(store: SqliteStore, account: str, conversation: str) -> bool:
    return await store.thread_of("slack", account, conversation) is not None


def _pings(text: str) -> tuple[str, ...]:
    """What Slack would make live: it marks them so, and nothing else is one, since link_names is off."""
    return tuple(mark for mark in ("<!", "<@", "<#") if mark in text)


def _previews(message: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name in ("unfurl_links", "unfurl_media") if message[name] is not False)


@asynccontextmanager
async def by_socket() -> AsyncIterator[SlackVenue]:
    async with SlackSimulator(time_scale=0.02) as slack:
        slack.deliveries.ack_seconds = PATIENT
        yield SlackVenue(slack)


@asynccontextmanager
async def by_http() -> AsyncIterator[SlackVenue]:
    async with SlackSimulator(time_scale=0.02) as slack, open_door() as door:
        slack.deliveries.ack_seconds = PATIENT
        yield SlackByHttp(slack, door)
