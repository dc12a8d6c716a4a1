"""Sending to a Discord that fails in its ways: one call for each try, and never a message twice."""

import asyncio

import pytest

from bot.errors import SendFailed
from bot.ports import Part
from channels.discord.failures import CallFailed, closed, send_failed
from simulators.discord import DiscordSimulator
from simulators.discord.config import DiscordConfig
from simulators.discord.faults import Fault, Kind
from tests.channels.discord_desk import SCALE, Desk, sitting


async def part_to_ann(desk: Desk, text: str = "hi", outbox_id: str = "ob1") -> Part:
    desk.discord.say("ann", "hello")
    await desk.heard(1)
    (part,) = desk.parts(text, desk.inbox.got[-1].destination, outbox_id)
    return part


def sends(desk: Desk) -> int:
    return sum(r.method == "POST" and r.path.endswith("/messages") for r in desk.discord.rest.requests)


async def failed(desk: Desk, part: Part) -> SendFailed:
    with pytest.raises(SendFailed) as failed:
        await desk.channel.send(part)
    return failed.value


# ---------------------------------------------------------------- kinds of failure


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("429", retry_after=2.5), "retry"),
        (Fault("429", retry_after=0.01, scope="global"), "retry"),
        (Fault("429", retry_after=3_600), "retry"),
        (Fault("429", retry_after=None), "retry"),
        (Fault("429", retry_after="soon"), "retry"),
        (Fault("cloudflare"), "retry"),
        (Fault("500"), "unknown"),
        (Fault("502"), "unknown"),
        (Fault("503"), "unknown"),
        (Fault("garbage"), "unknown"),
        (Fault("reset_before_accept"), "unknown"),
        (Fault("reset_after_accept"), "unknown"),
        (Fault("error", code=50013, status=403), "final"),
        (Fault("error", code=50001, status=403), "final"),
        (Fault("error", code=10003, status=404), "final"),
        (Fault("error", code=50007, status=403), "final"),
        (Fault("error", code=50035, status=400), "final"),
    ],
    ids=lambda value: (
        f"{value.kind}-{value.code or value.retry_after}" if isinstance(value, Fault) else value
    ),
)
async def test_a_failure_is_one_call_and_says_what_became_of_the_message(fault: Fault, kind: str):
    async with sitting() as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(fault)

        error = await failed(desk, part)

        assert error.kind == kind
        assert error.unreachable is (fault.code == 50007)
        assert sends(desk) == 1


async def test_discord_is_asked_again_only_when_it_said_so():
    async with sitting() as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(Fault("429", retry_after=2.5))

        assert (await failed(desk, part)).retry_after == 2.5


async def test_a_limit_on_everything_closes_all_ways_without_a_call():
    async with sitting() as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(Fault("429", retry_after=60.0, scope="global"))
        await failed(desk, part)

        error = await failed(desk, part)

        assert error.kind == "retry"
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 60
        assert sends(desk) == 1


async def test_a_call_that_hangs_ends_in_doubt():
    async with sitting(timeout=0.3) as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(Fault("hang"))

        assert (await failed(desk, part)).kind == "unknown"


async def test_a_thread_that_cannot_be_opened_just_now_means_not_sent():
    async with sitting() as desk:
        desk.discord.say("ann", "hello", "general")
        await desk.heard(1)
        (part,) = desk.parts("hi", desk.inbox.got[0].destination)
        desk.discord.faults.add(Fault("500", on="thread"))

        assert (await failed(desk, part)).kind == "retry"
        assert sends(desk) == 0


async def test_a_person_who_takes_no_messages_is_unreachable():
    async with sitting() as desk:
        desk.discord.faults.add(Fault("error", on="dm", code=50007, status=403))

        with pytest.raises(SendFailed) as error:
            await desk.ask()

        assert (error.value.kind, error.value.unreachable) == ("final", True)


async def test_a_place_that_is_none_is_final():
    async with sitting() as desk:
        (part,) = desk.parts("hi", "C012345")

        assert (await failed(desk, part)).kind == "final"


# ---------------------------------------------------------------- never twice

IN_DOUBT: tuple[Kind, ...] = ("reset_after_accept", "reset_before_accept", "500", "503", "hang_after_accept")


@pytest.mark.parametrize("kind", IN_DOUBT)
async def test_a_message_in_doubt_is_sent_again_and_is_there_once(kind: Kind):
    async with sitting(timeout=1.0) as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(Fault(kind, times=2))
        for _ in range(2):
            await failed(desk, part)

        await desk.channel.send(part)

        assert [message["text"] for message in desk.ours()] == ["hi"]


async def test_a_message_in_doubt_is_found_after_a_restart():
    async with DiscordSimulator(config=DiscordConfig(nonce_seconds=0.0), time_scale=SCALE) as discord:
        async with sitting(discord) as desk:
            part = await part_to_ann(desk)
            sent = await desk.channel.send(part)
        async with sitting(discord) as desk:
            assert await desk.channel.find(part) == sent
            (other,) = desk.parts("something else", part.destination, "ob2")
            assert await desk.channel.find(other) is None


async def test_an_older_answer_with_the_same_words_is_not_taken_for_it():
    known: list[str] = []

    async def taken(provider_id: str, _outbox_id: str, _part: int) -> bool:
        return provider_id in known

    async with DiscordSimulator(time_scale=SCALE) as discord:
        async with sitting(discord) as desk:
            part = await part_to_ann(desk, "Done.")
            known.append(await desk.channel.send(part))
        async with sitting(discord, taken=taken) as desk:
            (again,) = desk.parts("Done.", part.destination, "ob2")

            assert await desk.channel.find(again) is None


async def test_a_message_that_the_gateway_has_shown_us_is_found_without_a_call():
    async with sitting() as desk:
        part = await part_to_ann(desk)
        sent = await desk.channel.send(part)
        before = len(desk.discord.rest.requests)
        await desk.discord.until(lambda: desk.channel._posting._by_nonce)

        assert await desk.channel.find(part) == sent
        assert len(desk.discord.rest.requests) == before


async def test_looking_for_a_message_while_discord_fails_leaves_the_doubt():
    async with sitting() as desk:
        part = await part_to_ann(desk)
        desk.discord.faults.add(Fault("500", on="history"))

        with pytest.raises(SendFailed) as error:
            await desk.channel.find(part)

        assert error.value.kind == "retry"


# ---------------------------------------------------------------- long answers and limits


async def test_a_long_answer_arrives_whole_in_parts_and_in_order():
    async with sitting() as desk:
        await part_to_ann(desk)
        text = "\n".join(f"line {number} of the long answer" for number in range(300))

        await desk.reply(text)

        assert "".join(f"{message['text']}\n" for message in desk.ours()).split() == text.split()
        assert all(len(message["text"]) <= 2_000 for message in desk.ours())


async def test_what_is_over_a_limit_waits_for_it_before_it_is_sent():
    async with DiscordSimulator(time_scale=0.05) as discord, sitting(discord) as desk:
        await part_to_ann(desk)
        destination = desk.inbox.got[0].destination

        for number in range(7):
            (part,) = desk.parts(f"{number}", destination, f"ob{number}")
            await desk.channel.send(part)

        assert [message["text"] for message in desk.ours()] == [str(number) for number in range(7)]
        assert not any(r.status == 429 for r in discord.rest.requests if r.method == "POST")


async def test_a_stop_lets_a_call_that_is_under_way_end():
    async with sitting() as desk:
        part = await part_to_ann(desk)
        sending = asyncio.create_task(desk.channel.send(part))
        await asyncio.sleep(0)

    assert await sending


# ---------------------------------------------------------------- pure


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
def test_a_close_code_for_good_says_what_to_do(code: int):
    assert str(code) in str(closed(code))


@pytest.mark.parametrize("code", [None, 1000, 1006, 4000, 4008, 4009])
def test_other_close_codes_are_not_for_good(code: int | None):
    assert closed(code) is None


def test_a_wrong_token_is_no_fault_of_the_message():
    assert send_failed(CallFailed("x", status=401)).kind == "retry"
