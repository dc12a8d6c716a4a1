"""The gateway at its worst: connections that break, fall silent or are refused, and sessions that are gone.

Time at the simulated gateway runs five hundred times as fast; what is said to be lost has to be fetched.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest
from discord.gateway import KeepAliveHandler

from bot.errors import ChannelRefused
from channels.discord import Rhythm
from channels.discord.rest import CLOSE_TIMEOUT
from channels.discord.session import FREE, LONGEST, MOST, SLOW, pause_before
from simulators.discord import DiscordSimulator
from simulators.discord.config import MEMBERS, DiscordConfig, Limit, Limits
from simulators.discord.faults import Fault
from tests.channels.discord_desk import SCALE, Desk, Inbox, channel_for, simulated, sitting


async def until_heard(desk: Desk, texts: Sequence[str]) -> None:
    await desk.discord.until(lambda: sorted(desk.inbox.said) == sorted(texts))


async def refused(discord: DiscordSimulator, after: Callable[[], object] = lambda: None) -> str:
    inbox = Inbox()
    channel = channel_for(discord, inbox)
    running = asyncio.ensure_future(channel.run(inbox.receive))
    if after.__name__ != "<lambda>":
        await discord.until(lambda: channel.health().state == "connected")
        done = after()
        if asyncio.iscoroutine(done):
            await done
    with pytest.raises(ChannelRefused) as error:
        await asyncio.wait_for(running, 20)
    return str(error.value)


# ---------------------------------------------------------------- a session that goes on


@pytest.mark.parametrize("how", ["drop", "reconnect", "invalidate"])
async def test_after_a_break_the_session_is_resumed_and_nothing_is_missing(how: str):
    async with simulated(session_seconds=1e6) as discord, sitting(discord) as desk:
        discord.say("ann", "before")
        match how:
            case "drop":
                await discord.gateway.drop()
            case "reconnect":
                await discord.gateway.reconnect()
            case "invalidate":
                await discord.gateway.invalidate(resumable=True)
        discord.say("ann", "meanwhile")
        await discord.until(lambda: discord.gateway.resumes_total and desk.connected())
        discord.say("ann", "after")

        await until_heard(desk, ["before", "meanwhile", "after"])
        assert desk.inbox.said == ["before", "meanwhile", "after"]
        assert discord.numbers()["identifies"] == 1


@pytest.mark.parametrize("code", [1000, 1001, 4000, 4009])
async def test_a_gateway_that_hangs_up_loses_nothing(code: int):
    async with simulated() as discord, sitting(discord) as desk:
        discord.say("ann", "before")
        await desk.heard(1)
        await discord.gateway.close(code)
        discord.say("ann", "meanwhile")

        await until_heard(desk, ["before", "meanwhile"])


async def test_a_half_open_socket_is_noticed_and_left():
    """At a scale of 1:100, ours as well: a heartbeat each 0.41 s."""
    async with (
        simulated(scale=0.01, session_seconds=1e6) as discord,
        sitting(discord, rhythm=Rhythm(silence=0.5, spare=0.09)) as desk,
    ):
        began = asyncio.get_running_loop().time()
        await discord.gateway.deaf()
        discord.say("ann", "can you hear me?")
        await desk.heard(1)

        took = (asyncio.get_running_loop().time() - began) / 0.01
        print(f"left after {took:.0f} s of Discord's time, {took / 60:.0%} of a minute")
        assert discord.gateway.resumes_total >= 1


def test_with_discord_s_heartbeat_silence_is_noticed_and_left_within_a_minute():
    assert Rhythm().patience(41.25) + CLOSE_TIMEOUT < 60
    assert Rhythm().patience(41.25) > 41.25 + 5


async def test_the_age_of_the_last_heartbeat_grows_while_nothing_comes():
    async with simulated(scale=0.01) as discord, sitting(discord, rhythm=Rhythm(silence=0.5)) as desk:
        await discord.gateway.deaf()
        await discord.until(lambda: (desk.channel.health().age or 0) > 0.3)


# ---------------------------------------------------------------- a session that is gone


async def test_a_session_that_is_gone_begins_anew_and_what_was_said_is_fetched():
    async with simulated() as discord, sitting(discord) as desk:
        discord.say("ann", "before")
        thread = discord.say("bob", "begin", "general")
        await desk.heard(2)
        discord.gateway.fail_resumes = 1
        await discord.gateway.outage(60.0)
        discord.say("ann", "meanwhile")
        discord.say("carol", "where we never were", "support")
        discord.gateway.end_outage()
        await discord.until(lambda: discord.numbers()["identifies"] >= 2)
        discord.say("ann", "after")

        await until_heard(desk, ["before", "begin", "meanwhile", "where we never were", "after"])
        assert thread.id
        in_dm = [each for each in desk.inbox.said if each in ("before", "meanwhile", "after")]
        assert in_dm == ["before", "meanwhile", "after"]


async def test_what_was_said_while_the_bot_was_off_is_fetched_at_the_start():
    async with simulated() as discord:
        inbox = Inbox()
        async with sitting(discord, inbox=inbox) as desk:
            discord.say("ann", "before")
            await desk.heard(1)
        discord.say("ann", "meanwhile")
        discord.say("bob", "called", "general")
        async with sitting(discord, inbox=inbox) as desk:
            await until_heard(desk, ["before", "meanwhile", "called"])


async def test_at_the_very_first_start_nothing_old_is_answered():
    async with simulated() as discord:
        discord.say("bob", "said to somebody else", "general")
        async with sitting(discord) as desk:
            discord.say("ann", "hello")
            await desk.heard(1)

            assert desk.inbox.said == ["hello"]


async def test_a_history_that_fails_is_asked_again():
    async with simulated() as discord:
        inbox = Inbox()
        async with sitting(discord, inbox=inbox) as desk:
            discord.say("ann", "before")
            await desk.heard(1)
        discord.say("ann", "meanwhile")
        discord.faults.add(Fault("429", on="history", retry_after=0.01, times=2))
        async with sitting(discord, inbox=inbox) as desk:
            await until_heard(desk, ["before", "meanwhile"])


async def test_what_comes_twice_is_one_message():
    async with simulated() as discord, sitting(discord) as desk:
        discord.say("ann", "hello")
        await desk.heard(1)
        await discord.gateway.invalidate(resumable=False)
        await discord.until(lambda: discord.numbers()["identifies"] == 2 and desk.connected())
        discord.say("ann", "again")
        await desk.heard(2)

        assert desk.inbox.said == ["hello", "again"]


# ---------------------------------------------------------------- refused for good


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4004, "Reset Token"),
        (4010, "shard"),
        (4011, "servers"),
        (4013, "intents"),
        (4014, "Message Content Intent"),
    ],
)
async def test_a_close_code_for_good_ends_the_channel_with_what_to_do(code: int, words: str):
    async with simulated() as discord:

        def close() -> object:
            return discord.gateway.close(code)

        text = await refused(discord, close)

        assert str(code) in text
        assert words in text


async def test_an_intent_that_was_not_granted_is_said():
    async with simulated(granted_intents=frozenset({MEMBERS})) as discord:
        assert "Privileged Gateway Intents" in await refused(discord)
        assert discord.numbers()["identifies"] == 1


# ---------------------------------------------------------------- how often


async def test_each_new_session_is_counted_and_too_many_are_waited_for():
    counted: list[int] = []

    async def identified() -> int:
        counted.append(MOST + 5)
        return counted[-1]

    async with simulated() as discord:
        inbox = Inbox()
        channel = channel_for(discord, inbox, identified=identified)
        running = asyncio.ensure_future(channel.run(inbox.receive))
        await discord.until(lambda: "Discord allows 1,000" in channel.health().detail)

        assert channel.health().state == "failing"
        assert discord.numbers()["identifies"] == 0
        assert counted == [MOST + 5]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    ("count", "pause"), [(0, 0.0), (1, 0.0), (FREE, 0.0), (FREE + 1, SLOW), (MOST, SLOW), (MOST + 1, LONGEST)]
)
def test_pauses_before_a_new_session(count: int, pause: float):
    assert pause_before(count) == pause


def test_a_bot_that_crashes_at_each_start_stays_within_a_day_s_budget():
    now, starts = 0.0, 0
    while now < 86_400:
        starts += 1
        now += 1.0 + pause_before(starts)

    assert starts < 1_000


async def test_a_gateway_that_hangs_up_at_once_is_not_stormed():
    limits = Limits(identify=Limit(5, 86_400.0))
    config = DiscordConfig(limits=limits)
    async with DiscordSimulator(config=config, time_scale=SCALE) as discord, sitting(discord) as desk:
        for _ in range(3):
            await discord.gateway.invalidate(resumable=False)
            await discord.until(desk.connected)

        assert discord.numbers()["connections_total"] <= 5


async def test_when_it_has_ended_no_thread_keeps_time_for_it():
    async with sitting() as desk:
        await desk.discord.until(lambda: desk.discord.gateway.ready)

    assert not [thread for thread in threading.enumerate() if isinstance(thread, KeepAliveHandler)]
