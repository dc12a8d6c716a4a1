"""What was said while nobody listened comes from Slack's history, once, within what Slack allows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.errors import StoreFull
from bot.events import Incoming, MessageEdited, MessageReceived
from bot.ports import Received
from channels.slack.catch_up import A_DAY, CatchUp, Look, Pace, plan
from channels.slack.events import Identity, parse
from channels.slack.web import Web
from simulators.slack import SlackSimulator
from simulators.slack.config import Channel
from tests.channels.slack_http_kit import Nowhere, SocketBot, http_bot, message, outage, socket_bot

LOOKED = "messages had been missed"


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


async def back(slack: SlackSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """The socket is replaced after a gap, and the bot looks for what it missed."""
    looked = caplog.text.count(LOOKED)
    await slack.sockets.drop()
    await slack.until(lambda: caplog.text.count(LOOKED) > looked, timeout=30)


@asynccontextmanager
async def living(
    folder: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[SocketBot]:
    """A bot that takes each new socket for the end of a gap."""
    caplog.set_level(logging.INFO)
    async with socket_bot(folder, slack, gap=0.0) as bot:
        yield bot


# ---------------------------------------------------------------- with a real store


async def test_after_an_outage_everything_that_is_ours_is_there_once(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    async with living(tmp_path, slack, caplog) as bot:
        dm = slack.say("ann", "dm before")
        thread = slack.say("bob", "@saywhen thread before", channel="general")
        await slack.until(lambda: slack.stats.acks == 3)
        async with outage(slack):
            slack.say("ann", "dm")
            slack.say("ann", "below a dm", thread=dm.ts)
            slack.say("carol", "below a mention", channel="general", thread=thread.ts)
            slack.say("carol", "what people say to each other", channel="general")
            new = slack.say("carol", "@saywhen new mention", channel="general")
            slack.say("bob", "below the new mention", channel="general", thread=new.ts)
            theirs = slack.say("bob", "a thread of theirs", channel="general")
            slack.say("carol", "they talk", channel="general", thread=theirs.ts)
            slack.say("carol", "@saywhen called later", channel="general", thread=theirs.ts)
            slack.say("bob", "and after that", channel="general", thread=theirs.ts)
        await back(slack, caplog)
        texts = await bot.texts()

    assert slack.stats.given_up == 12  # a mention is two events
    assert sorted(texts) == sorted(
        (
            *("dm before", "thread before", "dm", "below a dm", "below a mention"),
            *("new mention", "below the new mention", "called later", "and after that"),
        )
    )
    assert f"7 {LOOKED}" in caplog.text


async def test_a_second_look_and_a_late_repetition_change_nothing(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    async with living(tmp_path, slack, caplog) as bot:
        slack.say("ann", "before")
        await slack.until(lambda: slack.stats.acks == 1)
        async with outage(slack):
            lost = slack.say("ann", "lost")
        await back(slack, caplog)
        answered = await bot.turns()
        await slack.redeliver(str(lost.event_id), times=3)
        await back(slack, caplog)
        texts, turns = await bot.texts(), await bot.turns()

    assert texts == ["before", "lost"]
    assert answered == turns
    assert answered > 0


async def test_what_was_changed_meanwhile_is_changed_once(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    async with living(tmp_path, slack, caplog) as bot:
        known = slack.say("ann", "known")
        await slack.until(lambda: slack.stats.acks == 1)
        async with outage(slack):
            slack.edit("ann", known.ts, "known, but changed")
            missed = slack.say("ann", "missed")
            slack.edit("ann", missed.ts, "missed, and changed")
        await back(slack, caplog)
        turns, events = await bot.turns(), await bot.events()
        await back(slack, caplog)
        turns_after, events_after = await bot.turns(), await bot.events()

    edits = [event.data for event in events if isinstance(event.data, MessageEdited)]
    assert [data.blocks[0].text for data in edits] == ["known, but changed", "missed, and changed"]
    assert (turns, events) == (turns_after, events_after)


async def test_a_place_that_is_gone_does_not_keep_it_from_the_others(
    tmp_path: Path, slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    async with living(tmp_path, slack, caplog) as bot:
        slack.say("bob", "@saywhen in random", channel="random")
        slack.say("bob", "@saywhen in general", channel="general")
        await slack.until(lambda: slack.stats.acks == 4)
        slack.state.put_channel(Channel("C0RANDOM", "random"))  # the bot was put out
        async with outage(slack):
            slack.say("carol", "@saywhen still here", channel="general")
        await back(slack, caplog)
        texts = await bot.texts()

    assert slack.stats.errors.get("not_in_channel") == 2
    assert texts.count("still here") == 1


async def test_what_was_said_between_two_lives_is_heard_in_the_second(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack):
        slack.say("ann", "before")
        await slack.until(lambda: slack.stats.acks == 1)
    async with outage(slack):
        slack.say("ann", "nobody there")

    async with socket_bot(tmp_path, slack) as bot:
        await bot.until_heard("nobody there")


async def test_over_http_too(tmp_path: Path, slack: SlackSimulator):
    async with http_bot(tmp_path, slack) as bot:
        slack.say("ann", "before")
        await bot.until_heard("before")
    async with outage(slack):
        slack.say("ann", "nobody there")

    async with http_bot(tmp_path, slack) as bot:
        await bot.until_heard("nobody there")


async def test_a_late_repetition_tells_that_others_were_lost(tmp_path: Path, slack: SlackSimulator):
    async with socket_bot(tmp_path, slack) as bot:
        slack.say("ann", "before")
        await slack.until(lambda: slack.stats.acks == 1)
        async with outage(slack):
            slack.say("ann", "lost")
            repeated = slack.say("ann", "repeated")
        await slack.redeliver(str(repeated.event_id), times=2)
        await bot.until_heard("lost")

    assert slack.stats.connections_total == 1


async def test_a_late_repetition_by_http_tells_it_too(tmp_path: Path, slack: SlackSimulator):
    async with http_bot(tmp_path, slack) as bot:
        slack.say("ann", "before")
        await bot.until_heard("before")
        async with outage(slack):
            slack.say("ann", "lost")
        await bot.event(message("repeated"), x_slack_retry_num="3")
        await bot.until_heard("lost")


# ---------------------------------------------------------------- within what Slack allows


@dataclass
class Reading:
    """The looking alone: a clock that only sleeping moves, and a list in place of the store."""

    slack: SlackSimulator
    web: Web
    catch_up: CatchUp
    heard: list[Incoming] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    async def hand_over(self, payload: Mapping[str, Any]) -> list[tuple[Incoming, Received]]:
        if self.errors:
            raise self.errors.pop(0)
        found = []
        for arrival in parse(payload, me=Identity("T0DEMO", "U0BOT", bot="B0BOT", name="saywhen")):
            known = arrival.incoming.dedupe in {incoming.dedupe for incoming in self.heard}
            if not known:
                self.heard.append(arrival.incoming)
            found.append((arrival.incoming, Received("t1", len(self.heard), duplicate=known)))
        return found

    @property
    def texts(self) -> list[str]:
        data = [incoming.data for incoming in self.heard]
        return [each.blocks[0].text for each in data if isinstance(each, MessageReceived)]


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def monotonic(self) -> float:
        return self.now


@asynccontextmanager
async def reading(
    slack: SlackSimulator, time: Time, *destinations: str, **more: Any
) -> AsyncIterator[Reading]:
    async def places() -> list[tuple[str, str]]:
        return [(destination, "") for destination in destinations]

    slack.deliveries.carrier = Nowhere()
    web = Web("xoxb-demo", api_url=slack.api_url)
    web.open()
    try:
        catch_up = CatchUp(web, places=places, sleep=time.sleep, monotonic=time.monotonic, **more)
        yield Reading(slack, web, catch_up)
    finally:
        await web.close()


async def test_page_after_page_the_oldest_first(slack: SlackSimulator):
    async with reading(slack, Time(), "T0DEMO/D0ANN") as look:
        for number in range(401):
            slack.say("ann", str(number))
        await look.catch_up.run(look.hand_over)

    assert look.texts == [str(number) for number in range(401)]
    assert look.catch_up.found == 401


async def test_it_waits_as_long_as_slack_asks_for(slack: SlackSimulator):
    time = Time()
    async with reading(slack, time, "T0DEMO/D0ANN") as look:
        slack.say("ann", "hello")
        slack.faults.add("conversations.history", "429", times=2, retry_after=17)
        await look.catch_up.run(look.hand_over)

    assert time.slept == [17.0, 17.0]
    assert look.texts == ["hello"]


@pytest.mark.parametrize("fault", ["500", "not_ok:fatal_error"])
async def test_a_place_that_slack_does_not_show_is_left_for_the_others(slack: SlackSimulator, fault: str):
    time = Time()
    async with reading(slack, time, "T0DEMO/D0BOB", "T0DEMO/D0ANN") as look:
        slack.say("ann", "shown second")
        slack.say("bob", "shown never")
        slack.faults.add("conversations.history", fault, times=5)
        await look.catch_up.run(look.hand_over)

    assert len(time.slept) == 5
    assert look.texts == ["shown second"]


async def test_what_cannot_be_stored_is_held_until_it_can(slack: SlackSimulator):
    time = Time()
    async with reading(slack, time, "T0DEMO/D0ANN") as look:
        look.errors += [StoreFull(), StoreFull(), StoreFull()]
        slack.say("ann", "first")
        slack.say("ann", "second")
        await look.catch_up.run(look.hand_over)

    assert look.texts == ["first", "second"]
    assert time.slept == [0.5, 1.0, 2.0]


async def test_it_stays_within_the_calls_of_a_minute(slack: SlackSimulator):
    time = Time()
    places = [f"T0DEMO/D0X{number}" for number in range(100)]
    async with reading(slack, time, *places) as look:
        await look.catch_up.run(look.hand_over)

    assert slack.stats.errors == {"channel_not_found": 100}
    assert time.slept == [60.0, 60.0]  # 40 calls at once, 40 a minute later, 20 after that


async def test_it_looks_into_so_many_places_and_says_that_there_are_more(
    slack: SlackSimulator, caplog: pytest.LogCaptureFixture
):
    places = [f"T0DEMO/D0X{number}" for number in range(30)]
    async with reading(slack, Time(), *places, most_calls=20) as look:
        await look.catch_up.run(look.hand_over)

    assert slack.stats.errors == {"channel_not_found": 20}
    assert "10 conversations were not looked into" in caplog.text


async def test_two_that_are_asked_for_at_once_are_one_after_the_other(slack: SlackSimulator):
    slack.say("ann", "hello")
    async with reading(slack, Time(), "T0DEMO/D0ANN") as look:
        slack.faults.add("conversations.history", "hang")
        first = asyncio.create_task(look.catch_up.run(look.hand_over))
        await slack.until(lambda: slack.stats.faults == 1)
        await asyncio.gather(*(look.catch_up.run(look.hand_over) for _ in range(5)))
        heard = list(look.texts)
        slack.faults.clear()
        await first

    assert heard == []
    assert look.texts == ["hello"]


@given(st.lists(st.floats(0, 8), min_size=12, max_size=60))
async def test_in_no_minute_are_there_more_calls_than_allowed(pauses: list[float]):
    time, calls = Time(), []
    pace = Pace(10, sleep=time.sleep, monotonic=time.monotonic)

    for pause in pauses:
        time.now += pause
        await pace.turn()
        calls.append(time.now)

    assert all(later - earlier >= 59.999 for earlier, later in zip(calls, calls[10:], strict=False))


# ---------------------------------------------------------------- where it looks


def test_dms_come_first_then_threads_then_the_channels_they_are_in():
    places = [
        ("T0/C1/1700000300.000100", "1700000900.000000"),
        ("T0/D1", "1700000800.000000"),
        ("T0/C2/1700000200.000100", "1700000700.000000"),
        ("T0/C1/1700000100.000100", "1700000600.000000"),
        ("T0/D1/1700000400.000100", "1700000650.000000"),
    ]

    assert plan(places, now=1_700_001_000) == [
        Look("D1", "1700000200.000000"),
        Look("C1", "1700000300.000000", "1700000300.000100"),
        Look("C2", "1700000100.000000", "1700000200.000100"),
        Look("C1", "1700000000.000000", "1700000100.000100"),
        Look("D1", "1700000050.000000", "1700000400.000100"),
        Look("C1", "1700000300.000000"),
        Look("C2", "1700000300.000000"),
    ]


def test_where_no_message_is_known_it_looks_back_a_day():
    assert plan([("T0/D1", "a command")], now=1_700_000_000) == [Look("D1", f"{1_700_000_000 - A_DAY:.6f}")]


def test_a_person_is_no_place():
    assert plan([("T0/U0ANN", "1700000000.000000"), ("", "")], now=1_700_000_000) == []
