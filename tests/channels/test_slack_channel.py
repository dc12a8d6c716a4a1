"""The Slack channel through the real SDK, over sockets, against the simulated Slack."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bot.errors import ChannelRefused, StoreFull
from bot.events import Incoming, MessageDeleted, MessageEdited, MessageReceived
from bot.ports import Received
from channels.slack import SlackChannel
from simulators.slack import SlackSimulator

Receive = Callable[[Incoming], Awaitable[Received]]


class Inbox:
    """Keeps what it receives, once `gate` is open; fails first as often as it has `errors`."""

    def __init__(self) -> None:
        self.got: list[Incoming] = []
        self.asked: list[str] = []
        self.waiting = 0
        self.most_waiting = 0
        self.errors: list[Exception] = []
        self.threads: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def receive(self, incoming: Incoming) -> Received:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            await self.gate.wait()
            if self.errors:
                raise self.errors.pop(0)
        finally:
            self.waiting -= 1
        self.got.append(incoming)
        return Received("t1", len(self.got), duplicate=False)

    async def knows(self, account: str, conversation: str) -> bool:
        assert account == "T0DEMO/U0BOT"
        self.asked.append(conversation)
        return conversation in self.threads

    @property
    def texts(self) -> list[str]:
        return [i.data.blocks[0].text for i in self.got if isinstance(i.data, MessageReceived)]

    @property
    def keys(self) -> set[str | None]:
        return {incoming.dedupe for incoming in self.got}


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(time_scale=0.1) as simulator:
        yield simulator


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()


def channel_to(slack: SlackSimulator, inbox: Inbox, *, token: str = "xoxb-demo", app: str = "xapp-demo",
               silence: float = 30.0, at_once: int = 256) -> SlackChannel:  # fmt: skip
    return SlackChannel(
        bot_token=token, app_token=app, knows=inbox.knows, api_url=slack.api_url,
        ping_every=silence / 4, silence=silence, at_once=at_once,
    )  # fmt: skip


@asynccontextmanager
async def running(channel: SlackChannel, inbox: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.run(inbox.receive))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ChannelRefused):
            await task


@asynccontextmanager
async def connected(
    slack: SlackSimulator, inbox: Inbox, *, silence: float = 30.0, at_once: int = 256
) -> AsyncIterator[SlackChannel]:
    channel = channel_to(slack, inbox, silence=silence, at_once=at_once)
    async with running(channel, inbox):
        await slack.until(lambda: channel.health().state == "connected")
        yield channel


# ---------------------------------------------------------------- who we are


async def test_it_says_who_it_is(slack: SlackSimulator, inbox: Inbox, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)

    async with connected(slack, inbox) as channel:
        assert (channel.name, channel.account) == ("slack", "T0DEMO/U0BOT")
        assert channel.health().age is not None

    assert channel.health().state == "off"
    assert "we are saywhen, account T0DEMO/U0BOT" in caplog.text
    assert "xoxb-demo" not in caplog.text


@pytest.mark.parametrize(
    ("tokens", "fault", "words"),
    [
        ({"token": "xoxb-wrong"}, "", "SLACK_BOT_TOKEN (invalid_auth)"),
        ({"app": "xapp-wrong"}, "", "SLACK_APP_TOKEN (invalid_auth)"),
        ({"app": "xoxb-demo"}, "", "SLACK_APP_TOKEN (not_allowed_token_type)"),
        ({}, "auth.test not_ok:account_inactive", "SLACK_BOT_TOKEN (account_inactive)"),
        ({}, "apps.connections.open not_ok:missing_scope", "SLACK_APP_TOKEN (missing_scope)"),
    ],
)
async def test_a_token_that_is_no_good_ends_it_with_a_reason(
    slack: SlackSimulator, inbox: Inbox, tokens: dict[str, str], fault: str, words: str
):
    if fault:
        slack.faults.add(*fault.split())

    with pytest.raises(ChannelRefused) as refused:
        async with asyncio.timeout(5):
            await channel_to(slack, inbox, **tokens).run(inbox.receive)  # type: ignore[arg-type]  # any pair of tokens

    assert words in str(refused.value)


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_a_slack_that_is_down_is_asked_again(slack: SlackSimulator, inbox: Inbox, method: str):
    slack.faults.add(method, "500")
    channel = channel_to(slack, inbox)

    async with running(channel, inbox):
        await slack.until(lambda: channel.health().state == "failing")
        await slack.until(lambda: channel.health().state == "connected")


async def test_a_proxy_is_not_used_for_what_is_local(
    slack: SlackSimulator, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    async with connected(slack, inbox) as channel:
        assert channel.health().state == "connected"


# ---------------------------------------------------------------- stored, then acknowledged


async def test_nothing_is_acknowledged_before_it_is_stored(slack: SlackSimulator, inbox: Inbox):
    slack.deliveries.ack_seconds = 3.0
    async with connected(slack, inbox):
        inbox.gate.clear()
        slack.say("ann", "hello")
        await slack.until(lambda: inbox.waiting)
        await asyncio.sleep(0.2)
        acks_before = slack.stats.acks

        inbox.gate.set()
        await slack.until(lambda: slack.stats.acks)

    assert acks_before == 0
    assert inbox.texts == ["hello"]
    assert slack.stats.redeliveries == 0


@pytest.mark.parametrize("error", [StoreFull(), ZeroDivisionError()], ids=["full", "bug"])
async def test_what_could_not_be_stored_comes_again(slack: SlackSimulator, inbox: Inbox, error: Exception):
    inbox.errors = [error]

    async with connected(slack, inbox):
        slack.say("ann", "hello")
        await slack.until(lambda: slack.stats.acks)

    assert inbox.texts == ["hello"]
    assert slack.stats.deliveries == 2


async def test_a_message_sent_while_nobody_listened_arrives(slack: SlackSimulator, inbox: Inbox):
    slack.say("ann", "hello")
    await asyncio.sleep(0.1)

    async with connected(slack, inbox):
        await slack.until(lambda: inbox.got)

    assert inbox.texts == ["hello"]
    assert slack.stats.redeliveries == 1


async def test_fifty_deliveries_of_one_message_have_one_key(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        said = slack.say("ann", "hello")
        acknowledged = await slack.redeliver(str(said.event_id), times=50)

    assert acknowledged == 50
    assert inbox.keys == {f"slack:T0DEMO:D0ANN:{said.ts}"}


async def test_only_so_many_messages_are_stored_at_once(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox, at_once=2):
        inbox.gate.clear()
        for number in range(10):
            slack.say("ann", str(number))
        await slack.until(lambda: inbox.waiting == 2)
        await asyncio.sleep(0.1)
        inbox.gate.set()
        await slack.until(lambda: len(inbox.keys) == 10)

    assert inbox.most_waiting == 2


async def test_stopping_acknowledges_what_is_being_stored(slack: SlackSimulator, inbox: Inbox):
    slack.deliveries.ack_seconds = 3.0
    channel = channel_to(slack, inbox)
    async with running(channel, inbox) as task:
        await slack.until(lambda: channel.health().state == "connected")
        inbox.gate.clear()
        slack.say("ann", "hello")
        await slack.until(lambda: inbox.waiting)

        task.cancel()
        await asyncio.sleep(0.1)
        inbox.gate.set()
        await slack.until(lambda: slack.stats.acks)

    assert inbox.texts == ["hello"]


async def test_slack_holding_events_back_is_logged(
    slack: SlackSimulator, inbox: Inbox, caplog: pytest.LogCaptureFixture
):
    limited = {"type": "app_rate_limited", "team_id": "T0DEMO", "minute_rate_limited": 1518467820}

    async with connected(slack, inbox):
        outcome = await slack.deliveries.once("events_api", limited)

    assert outcome.failure is None
    assert "app_rate_limited" in caplog.text


# ---------------------------------------------------------------- whose messages


async def test_people_among_themselves_are_not_heard(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        said = slack.say("ann", "lunch?", channel="general")
        slack.say("bob", "yes", channel="general", thread=said.ts)
        await slack.until(lambda: slack.stats.acks == 2)

    assert inbox.got == []
    assert inbox.asked == [f"T0DEMO:C0GENERAL:{said.ts}"]


async def test_a_reply_in_a_thread_that_is_known_is_heard(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        said = slack.say("ann", "lunch?", channel="general")
        inbox.threads.add(f"T0DEMO:C0GENERAL:{said.ts}")
        slack.say("bob", "yes", channel="general", thread=said.ts)
        await slack.until(lambda: slack.stats.acks == 2)

    assert inbox.texts == ["yes"]


async def test_replies_are_heard_while_the_mention_is_still_being_stored(slack: SlackSimulator, inbox: Inbox):
    slack.deliveries.ack_seconds = 3.0
    async with connected(slack, inbox):
        inbox.gate.clear()
        said = slack.say("ann", "@saywhen lunch?", channel="general")
        for number in range(5):
            slack.say("bob", str(number), channel="general", thread=said.ts)
        await slack.until(lambda: inbox.waiting == 7)
        inbox.gate.set()
        await slack.until(lambda: len(inbox.got) == 7)

    assert inbox.asked == []
    assert [text for text in inbox.texts if text != "lunch?"] == ["0", "1", "2", "3", "4"]


async def test_replies_are_heard_after_a_mention_that_could_not_be_stored(
    slack: SlackSimulator, inbox: Inbox
):
    inbox.errors = [StoreFull(), StoreFull()]
    async with connected(slack, inbox):
        said = slack.say("ann", "@saywhen lunch?", channel="general")
        await slack.until(lambda: not inbox.errors)
        slack.say("bob", "soon", channel="general", thread=said.ts)
        await slack.until(lambda: len(inbox.keys) == 2)

    assert set(inbox.texts) == {"lunch?", "soon"}


async def test_edits_and_deletes_follow_their_message(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        said = slack.say("ann", "@saywhen lunch?", channel="general")
        await slack.until(lambda: slack.stats.acks == 2)
        slack.edit("general", said.ts, "@saywhen dinner?")
        await slack.until(lambda: any(isinstance(i.data, MessageEdited) for i in inbox.got))
        slack.delete("general", said.ts)
        await slack.until(lambda: any(isinstance(i.data, MessageDeleted) for i in inbox.got))

    assert {incoming.conversation for incoming in inbox.got} == {f"T0DEMO:C0GENERAL:{said.ts}"}


async def test_a_preview_is_no_edit(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        said = slack.say("ann", "see https://x.example")
        slack.unfurl("ann", said.ts)
        await slack.until(lambda: slack.stats.acks == 2)

    assert len(inbox.got) == 1


# ---------------------------------------------------------------- staying connected


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_next_socket_is_open_before_the_old_one_closes(
    slack: SlackSimulator, inbox: Inbox, reason: str
):
    async with connected(slack, inbox) as channel:
        await slack.sockets.disconnect(reason)
        for number in range(40):
            slack.say("ann", str(number))
            await asyncio.sleep(0.03)
        await slack.until(lambda: len(inbox.keys) == 40)
        await slack.until(lambda: len(slack.sockets.connections) == 1)
        assert channel.health().state == "connected"

    assert slack.stats.connections_most == 2
    assert slack.stats.redeliveries == 0


@pytest.mark.parametrize("end", ["close", "drop"])
async def test_a_socket_that_breaks_is_replaced_and_nothing_is_lost(
    slack: SlackSimulator, inbox: Inbox, end: str
):
    async with connected(slack, inbox):
        for number in range(20):
            slack.say("ann", str(number))
        await getattr(slack.sockets, end)()
        slack.say("ann", "20")
        await slack.until(lambda: len(inbox.keys) == 21)

    assert slack.stats.connections_total == 2


async def test_a_socket_that_stays_silent_is_replaced(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox, silence=0.4):
        slack.sockets.answers_pings = False
        await slack.until(lambda: slack.stats.connections_total == 2, timeout=2)
        slack.sockets.answers_pings = True
        slack.say("ann", "still there?")
        await slack.until(lambda: inbox.got)


async def test_a_socket_that_answers_pings_lives_on_without_messages(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox, silence=0.4) as channel:
        await asyncio.sleep(1.5)
        age = channel.health().age

    assert slack.stats.connections_total == 1
    assert age is not None
    assert age < 0.4


async def test_too_many_sockets_makes_room_first_and_is_logged(
    slack: SlackSimulator, inbox: Inbox, caplog: pytest.LogCaptureFixture
):
    async with connected(slack, inbox):
        await slack.sockets.disconnect("too_many_websockets")
        await slack.until(lambda: slack.stats.connections_total == 2)

    assert slack.stats.connections_most == 1
    assert "too many sockets" in caplog.text


async def test_socket_mode_switched_off_ends_it_with_a_reason(slack: SlackSimulator, inbox: Inbox):
    channel = channel_to(slack, inbox)
    async with running(channel, inbox) as task:
        await slack.until(lambda: channel.health().state == "connected")
        await slack.sockets.disconnect("link_disabled")

        with pytest.raises(ChannelRefused, match="link_disabled"):
            await asyncio.wait_for(task, 5)


async def test_a_second_process_on_the_same_token_is_noticed(
    slack: SlackSimulator, inbox: Inbox, caplog: pytest.LogCaptureFixture
):
    async with connected(slack, inbox), connected(slack, inbox):
        pass

    assert "another process" in caplog.text


async def test_no_socket_is_left_behind(slack: SlackSimulator, inbox: Inbox):
    async with connected(slack, inbox):
        for total in (2, 3):
            await slack.sockets.disconnect("warning")
            await slack.until(lambda total=total: slack.stats.connections_total == total)

    await slack.until(lambda: not slack.sockets.connections)
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "SocketModeClient" in repr(task.get_coro())] == []
