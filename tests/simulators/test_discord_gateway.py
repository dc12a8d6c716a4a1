"""The gateway by hand: what it says first, what it takes, how it ends, and which sessions survive what."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.discord import BOT_TOKEN, DiscordConfig, DiscordSimulator, Limit, Limits
from simulators.discord.sessions import Session
from tests.simulators.discord_kit import PLAIN, WITH_CONTENT, Clock, Line, line


async def test_hello_heartbeats_ready_and_the_server_come_in_order():
    async with DiscordSimulator(time_scale=0.1) as simulator, line(simulator) as gateway:
        await gateway.send(1, None)
        acknowledged = await gateway.until(op=11)
        ready = await gateway.identify()

    hello, _, first, second = gateway.frames
    assert hello == {"t": None, "s": None, "op": 10, "d": {"heartbeat_interval": 4125}}
    assert acknowledged["d"] is None
    assert [first["t"], first["s"], second["t"], second["s"]] == ["READY", 1, "GUILD_CREATE", 2]
    assert ready["guilds"] == [{"id": str(simulator.config.guild_id), "unavailable": True}]
    assert ready["resume_gateway_url"].startswith(simulator.gateway_url)
    assert [channel["name"] for channel in second["d"]["channels"]] == ["general", "support"]


async def test_a_compressed_stream_says_the_same():
    async with DiscordSimulator() as simulator, line(simulator, compress=True) as gateway:
        await gateway.identify()
        simulator.say("ann", "schön")
        event = await gateway.until(event="MESSAGE_CREATE")

    assert event["d"]["content"] == "schön"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"op": 99}', 4001),
        ("no json", 4002),
        ("[]", 4002),
        ('{"op": 1, "d": "' + "x" * 4_096 + '"}', 4002),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 2, "d": {"token": "wrong", "intents": 1}}', 4004),
        ('{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}', 4004),
        (json.dumps({"op": 2, "d": {"token": BOT_TOKEN}}), 4013),
        (json.dumps({"op": 2, "d": {"token": BOT_TOKEN, "intents": 1 << 40}}), 4013),
        (json.dumps({"op": 2, "d": {"token": BOT_TOKEN, "intents": 1 << 8}}), 4014),
    ],
)
async def test_what_it_does_not_take_ends_the_connection_with_the_code(frame: str, code: int):
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        await gateway.ws.send_str(frame)

        assert await gateway.closed() == code


async def test_a_second_identify_and_too_many_frames_end_the_connection():
    async with DiscordSimulator() as simulator:
        async with line(simulator) as gateway:
            await gateway.identify()
            await gateway.send(2, {"token": BOT_TOKEN, "intents": 1})
            again = await gateway.closed()
        async with line(simulator) as gateway:
            for _ in range(121):
                await gateway.send(1)
            flood = await gateway.closed()

    assert (again, flood) == (4005, 4008)


async def test_members_are_told_on_request():
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        await gateway.identify()
        await gateway.send(
            8, {"guild_id": str(simulator.config.guild_id), "query": "", "limit": 0, "nonce": "n"}
        )
        chunk = (await gateway.until(event="GUILD_MEMBERS_CHUNK"))["d"]

    assert [member["user"]["username"] for member in chunk["members"]] == ["saywhen", "ann", "bob", "carol"]
    assert (chunk["nonce"], chunk["chunk_index"], chunk["chunk_count"]) == ("n", 0, 1)


# What a session hears


async def next_text(gateway: Line) -> str:
    return str((await gateway.until(event="MESSAGE_CREATE"))["d"]["content"])


async def test_without_message_content_only_mentions_and_direct_messages_have_a_text():
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        await gateway.identify(PLAIN)
        simulator.say("ann", "to nobody", "general", mention=False)
        simulator.say("ann", "to the bot", "general")
        simulator.say("ann", "alone")

        texts = [await next_text(gateway) for _ in range(3)]

    assert texts == ["", f"<@{simulator.config.bot_id}> to the bot", "alone"]


async def test_a_session_hears_only_what_it_asked_for():
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        await gateway.identify(1 | (1 << 12))
        simulator.say("ann", "in the server", "general")
        simulator.react("ann", str(simulator.say("ann", "alone").id), "👍")
        simulator.say("bob", "alone too")

        texts = [await next_text(gateway) for _ in range(2)]

    assert texts == ["alone", "alone too"]
    assert {frame["t"] for frame in gateway.frames} == {None, "READY", "GUILD_CREATE", "MESSAGE_CREATE"}


async def test_two_sessions_of_one_token_both_hear_everything():
    async with DiscordSimulator() as simulator, line(simulator) as one, line(simulator) as other:
        await one.identify()
        await other.identify()
        simulator.say("ann", "hi")

        assert [await next_text(one), await next_text(other)] == ["hi", "hi"]


# Resuming


async def broken(simulator: DiscordSimulator, *, code: int | None = None) -> tuple[str, int]:
    """A session whose connection is gone, and the last it heard."""
    async with line(simulator) as gateway:
        ready = await gateway.identify()
        simulator.say("ann", "heard")
        await gateway.until(event="MESSAGE_CREATE")
        if code is None:
            await simulator.gateway.drop()
        else:
            await gateway.ws.close(code=code)
        await simulator.until(lambda: not simulator.gateway.connections)
    return ready["session_id"], gateway.seq


async def test_a_resumed_session_gets_what_it_missed_in_order_and_then_goes_on():
    async with DiscordSimulator() as simulator:
        session, seq = await broken(simulator)
        simulator.say("ann", "missed 1")
        simulator.say("bob", "missed 2", "general")
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)
            await gateway.until(event="RESUMED")
            simulator.say("ann", "live")
            await gateway.until(event="MESSAGE_CREATE")

    events = [(frame["t"], frame["s"]) for frame in gateway.frames if frame["op"] == 0]
    assert events == [
        ("MESSAGE_CREATE", seq + 1),
        ("MESSAGE_CREATE", seq + 2),
        ("RESUMED", seq + 3),
        ("MESSAGE_CREATE", seq + 4),
    ]


@pytest.mark.parametrize("code", [1000, 1001])
async def test_who_closes_properly_has_no_session_any_more(code: int):
    async with DiscordSimulator() as simulator:
        session, seq = await broken(simulator, code=code)
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)

            assert (await gateway.next())["op"] == 9


async def test_who_closes_with_another_code_keeps_it_for_some_minutes():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator:
        session, seq = await broken(simulator, code=4000)
        clock.move(seconds=179)
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)
            in_time = await gateway.next()
            await gateway.ws.close(code=4000)
        await simulator.until(lambda: not simulator.gateway.connections)
        clock.move(seconds=181)
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)
            too_late = await gateway.next()

    assert in_time["t"] == "RESUMED"
    assert (too_late["op"], too_late["d"]) == (9, False)


async def test_a_sequence_from_the_future_is_refused():
    async with DiscordSimulator() as simulator:
        session, _ = await broken(simulator)
        async with line(simulator) as gateway:
            await gateway.resume(session, 1_000)

            assert await gateway.closed() == 4007


async def test_resumes_fail_as_often_as_asked():
    async with DiscordSimulator() as simulator:
        session, seq = await broken(simulator)
        simulator.gateway.fail_resumes = 1
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)
            refused = await gateway.next()
            ready = await gateway.identify()

    assert (refused["op"], refused["d"]) == (9, False)
    assert ready["session_id"] != session


async def test_a_session_survives_a_restart_of_the_simulator(tmp_path: Path):
    async with DiscordSimulator(tmp_path / "sim.db") as simulator:
        session, seq = await broken(simulator)
        simulator.say("ann", "just before")

    async with DiscordSimulator(tmp_path / "sim.db") as simulator:
        simulator.say("ann", "just after")
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)

            texts = [await next_text(gateway) for _ in range(2)]

    assert texts == ["just before", "just after"]


async def test_a_session_that_had_its_connection_when_the_simulator_was_killed_ends_too(tmp_path: Path):
    clock = Clock()
    async with DiscordSimulator(tmp_path / "sim.db", now=clock) as simulator:
        session, seq = await broken(simulator)
        simulator.gateway.sessions.put(Session(session, WITH_CONTENT, seq, lost_at=None))
    async with DiscordSimulator(tmp_path / "sim.db", now=clock) as simulator:
        clock.move(seconds=181)
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)

            assert (await gateway.next())["op"] == 9


# What goes wrong on request


async def test_a_half_open_connection_says_and_hears_nothing_and_can_be_replaced():
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        session = (await gateway.identify())["session_id"]
        assert await simulator.gateway.deaf() == 1
        await gateway.send(1, gateway.seq)
        simulator.say("ann", "can you hear me?")
        with pytest.raises(TimeoutError):
            await gateway.next(timeout=0.2)
        async with line(simulator) as other:
            await other.resume(session, gateway.seq)

            assert await next_text(other) == "can you hear me?"
            assert (await other.until(event="RESUMED"))["op"] == 0

    assert simulator.gateway.heartbeats == 0


async def test_nobody_connects_during_an_outage():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator:
        async with line(simulator) as gateway:
            await gateway.identify()
            assert await simulator.gateway.outage(3_600) == 1
            assert await gateway.closed() in (None, 1006)
        with pytest.raises(aiohttp.ClientError):
            async with line(simulator):
                pass
        clock.move(seconds=3_600)
        async with line(simulator) as gateway:
            await gateway.identify()


async def test_past_the_daily_budget_all_sessions_end_and_the_token_is_reset():
    clock = Clock()
    config = DiscordConfig(limits=Limits(identify=Limit(2, 86_400.0)))
    async with DiscordSimulator(config=config, now=clock) as simulator:
        async with line(simulator) as first, line(simulator) as second, line(simulator) as third:
            await first.identify()
            await second.identify()
            await third.send(2, {"token": BOT_TOKEN, "intents": 1})

            codes = [await each.closed() for each in (third, first, second)]
        clock.move(hours=25)
        after = await _identify_code(simulator)
        simulator.gateway.reset_token(valid=True)
        restored = await _identify_code(simulator)

    assert codes == [4004, 4004, 4004]
    assert (after, restored) == (4004, None)


async def _identify_code(simulator: DiscordSimulator) -> int | None:
    """The code with which an identify ends, or none where it is taken."""
    async with line(simulator) as gateway:
        await gateway.send(2, {"token": BOT_TOKEN, "intents": 1})
        try:
            await gateway.until(event="READY")
        except ConnectionResetError:
            return gateway.ws.close_code
    return None


async def test_the_budget_is_kept_over_a_restart_and_comes_back_after_a_day(tmp_path: Path):
    clock = Clock()
    async with DiscordSimulator(tmp_path / "sim.db", now=clock) as simulator, line(simulator) as gateway:
        await gateway.identify()
    async with DiscordSimulator(tmp_path / "sim.db", now=clock) as simulator:
        kept = simulator.gateway.identifies_left
        clock.move(hours=25)

        assert (kept, simulator.gateway.identifies_left) == (999, 1_000)


@pytest.mark.parametrize(
    ("switch", "op", "data"),
    [
        ({"action": "reconnect"}, 7, None),
        ({"action": "invalidate"}, 9, False),
        ({"action": "invalidate", "resumable": True}, 9, True),
    ],
)
async def test_the_control_api_makes_the_gateway_speak(switch: dict[str, Any], op: int, data: object):
    async with (
        DiscordSimulator() as simulator,
        line(simulator) as gateway,
        aiohttp.ClientSession() as session,
    ):
        await gateway.identify(WITH_CONTENT)
        async with session.post(f"{simulator.base_url}/sim/discord/gateway", json=switch) as answer:
            told = await answer.json()
        frame = await gateway.until(op=op)

    assert told == {"ok": True, "connections": 1}
    assert frame["d"] is data


async def test_nothing_is_lost_between_many_resumes():
    async with DiscordSimulator() as simulator:
        session, seq = await broken(simulator)
        heard: list[str] = []
        for number in range(10):
            simulator.say("ann", f"m{number}")
            async with line(simulator) as gateway:
                await gateway.resume(session, seq)
                frame = await gateway.until(event="MESSAGE_CREATE")
                heard.append(frame["d"]["content"])
                await gateway.until(event="RESUMED")
                seq = gateway.seq
                await simulator.gateway.drop()

    assert heard == [f"m{number}" for number in range(10)]


async def test_a_session_that_missed_more_than_is_kept_cannot_be_resumed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("simulators.discord.sessions.KEEP_EVENTS", 3)
    async with DiscordSimulator() as simulator:
        session, seq = await broken(simulator)
        for number in range(4):
            simulator.say("ann", f"m{number}")
        async with line(simulator) as gateway:
            await gateway.resume(session, seq)

            assert (await gateway.next())["op"] == 9
