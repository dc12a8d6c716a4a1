"""A socket that has gone deaf is noticed and replaced; so is another process on the same token."""

import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.errors import ChannelRefused
from channels.slack import SlackChannel
from channels.slack.socket import HELLO_TIMEOUT
from channels.slack.web import TIMEOUT
from simulators.slack import SlackSimulator
from tests.channels.slack_http_kit import SocketBot, socket_bot

SILENCE = 1.5
"""Twenty times less than in earnest."""
PINGS_A_MINUTE = 6
"""One every ten seconds in earnest. Counting them is a clock that a busy machine slows down with everything else."""


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(time_scale=0.05) as simulator:
        simulator.deliveries.ack_seconds = 1.0
        yield simulator


@asynccontextmanager
async def deaf_after(folder: Path, slack: SlackSimulator, **more: object) -> AsyncIterator[SocketBot]:
    async with socket_bot(
        folder, slack, silence=SILENCE, ping_every=SILENCE / 3, gap=SILENCE / 2, **more
    ) as bot:
        yield bot


# ---------------------------------------------------------------- deaf sockets (W12)


async def test_a_socket_whose_pings_stay_unanswered_is_replaced_within_a_minute(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    async with deaf_after(tmp_path, slack) as bot:
        slack.sockets.answers_pings = False
        pings = slack.stats.pings
        await slack.until(lambda: slack.stats.connections_total == 2, timeout=20)
        unanswered = slack.stats.pings - pings
        slack.sockets.answers_pings = True
        await slack.until(lambda: bot.channel.health().state == "connected")

    assert unanswered < PINGS_A_MINUTE
    assert "replacing the socket (silent)" in caplog.text


def test_in_earnest_it_takes_less_than_a_minute():
    given = inspect.signature(SlackChannel).parameters
    silence, ping_every = given["silence"].default, given["ping_every"].default

    assert ping_every * PINGS_A_MINUTE == 60
    # The silence, the look at it each second, a call of the Web API over a line that is as dead, and one more.
    assert silence + 1 + TIMEOUT + 1 + HELLO_TIMEOUT < 60


async def test_a_network_that_swallows_everything_is_noticed_and_nothing_is_lost(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    async with (
        frozen_proxy(slack) as proxy,
        deaf_after(tmp_path, slack, api_url=proxy.api_url, timeout=2.0) as bot,
    ):
        slack.say("ann", "before")
        await slack.until(lambda: slack.stats.acks == 1)
        proxy.freeze()
        for number in range(5):
            slack.say("ann", f"into the void {number}")
        await slack.until(lambda: slack.stats.connections_total == 2, timeout=20)
        await bot.until_heard(*(f"into the void {number}" for number in range(5)))
        texts = await bot.texts()

    assert "replacing the socket (silent)" in caplog.text
    assert sorted(texts) == ["before", *(f"into the void {number}" for number in range(5))]


async def test_the_age_of_a_deaf_socket_grows_in_its_health(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack, silence=60.0, ping_every=0.1) as bot:
        slack.sockets.answers_pings = False
        await slack.until(lambda: (bot.channel.health().age or 0) > 0.5, timeout=20)


async def test_a_quiet_workspace_is_no_deaf_socket(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack, silence=3.0, ping_every=0.4):
        pings = slack.stats.pings
        await slack.until(lambda: slack.stats.pings >= pings + 10, timeout=20)

    assert slack.stats.connections_total == 1


async def test_the_health_says_when_slack_last_told_something(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack) as bot:
        before = bot.channel.health()
        slack.say("ann", "hello")
        await slack.until(lambda: slack.stats.acks)
        after = bot.channel.health()

    assert (before.state, before.quiet) == ("connected", None)
    assert after.quiet is not None
    assert after.age is not None
    assert re.search(r"^last sign of life \d+ s ago; last event \d+ s ago$", str(after))


# ---------------------------------------------------------------- what Slack announces (W11)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
async def test_no_event_is_lost_in_a_change_of_sockets(tmp_path: Path, slack: SlackSimulator, reason: str):
    async with socket_bot(tmp_path, slack) as bot:
        for number in range(60):
            if number == 20:
                await slack.sockets.disconnect(reason)
            slack.say("ann", str(number))
            await asyncio.sleep(0.01)
        await slack.until(lambda: slack.stats.acks >= 60, timeout=20)
        texts = await bot.texts()

    assert sorted(texts, key=int) == [str(number) for number in range(60)]


async def test_socket_mode_that_is_off_from_the_start_ends_it_with_a_reason(slack: SlackSimulator):
    slack.sockets.refuse_with = "link_disabled"
    channel = SlackChannel(bot_token="xoxb-demo", app_token="xapp-demo", knows=None, api_url=slack.api_url)  # type: ignore[arg-type]  # nothing arrives

    with pytest.raises(ChannelRefused, match="link_disabled"):
        await asyncio.wait_for(channel.run(None), 10)  # type: ignore[arg-type]  # nothing arrives


async def test_too_many_sockets_are_waited_for_and_named(slack: SlackSimulator):
    slack.sockets.refuse_with = "too_many_websockets"
    channel = SlackChannel(bot_token="xoxb-demo", app_token="xapp-demo", knows=None, api_url=slack.api_url)  # type: ignore[arg-type]  # nothing arrives
    running = asyncio.create_task(channel.run(None))  # type: ignore[arg-type]  # nothing arrives

    await slack.until(lambda: channel.health().state == "failing")
    said = channel.health().detail
    slack.sockets.refuse_with = ""
    await slack.until(lambda: channel.health().state == "connected", timeout=20)

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert "too_many_websockets" in said


# ---------------------------------------------------------------- two processes on one token


async def test_a_second_process_is_named_in_health_and_log(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    async with socket_bot(tmp_path / "a", slack), socket_bot(tmp_path / "b", slack) as second:
        health = second.channel.health()

    assert health.state == "connected"
    assert "another process is using this app token: Slack counts 2 sockets, of which 1 can" in health.detail
    assert "another process" in caplog.text


async def test_while_there_is_a_second_process_slack_is_asked_again(tmp_path: Path, slack: SlackSimulator):
    async with (
        socket_bot(tmp_path / "a", slack),
        socket_bot(tmp_path / "b", slack, recount=0.2) as second,
    ):
        await slack.until(lambda: slack.stats.connections_total >= 4, timeout=20)
        assert "another process" in second.channel.health().detail


async def test_the_warning_goes_with_the_other_process(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path / "a", slack) as first:
        async with socket_bot(tmp_path / "b", slack):
            await slack.sockets.disconnect("refresh_requested")
            await slack.until(lambda: "another process" in first.channel.health().detail, timeout=20)
        await slack.sockets.disconnect("refresh_requested")
        await slack.until(lambda: "another process" not in first.channel.health().detail, timeout=20)


async def test_a_socket_of_our_own_that_broke_is_no_other_process(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack) as bot:
        ghosts = list(slack.sockets.connections)
        await slack.sockets.drop()
        slack.sockets.connections.extend(ghosts)  # Slack has not noticed yet
        await slack.until(lambda: slack.stats.connections_total == 2, timeout=20)
        await slack.until(lambda: bot.channel.health().state == "connected")
        detail = bot.channel.health().detail

    assert "another process" not in detail


# ---------------------------------------------------------------- a network that swallows


class Proxy:
    """Passes everything on, until it is frozen: then what is open stays open, and nothing gets through."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows: list[asyncio.Event] = []
        self.api_url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        for flow in self._flows:
            flow.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        flowing = asyncio.Event()
        flowing.set()
        self._flows.append(flowing)
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(_pump(source, sink, flowing))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            await flowing.wait()
            sink.write(data)
            await sink.drain()
        sink.close()


@asynccontextmanager
async def frozen_proxy(slack: SlackSimulator) -> AsyncIterator[Proxy]:
    proxy = Proxy(urlsplit(slack.base_url).port or 0)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.api_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/slack/api/"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(proxy.tasks):
            task.cancel()
