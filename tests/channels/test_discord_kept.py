"""What the real store keeps for Discord: every message of an outage once, odd texts whole, and the sessions begun."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from bot.testing import FakeClock, open_test_bot
from channels.discord.parts import LIMIT
from tests.channels.discord_desk import simulated
from tests.channels.test_discord_outbox import post, running
from tests.conformance.stage import Stage

HOUR, DAY = 3_600.0, 86_400.0
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
STRANGE = {
    "lone surrogates": "a\ud800b\udfffc",
    "NUL": "a\0b",
    "noncharacters": "a\ufffe\uffff\U0001ffffb",
    "combining marks": "e" + "\u0301" * 1_900,
    "families": FAMILY * 250,
    "a split at a family": "x" * 1_995 + FAMILY,
    "decomposed": "e\u0301 \u00e9 \u212b",
    "overrides": "a\u202eb\u2066c",
}


# ---------------------------------------------------------------- an outage


async def test_what_was_said_in_an_hour_without_discord_is_in_the_log_once(tmp_path: Path):
    """In a direct message, a thread and a channel. The hour lasts 0.7 s."""
    async with running(tmp_path, simulated(scale=0.0002)) as office:
        discord, said = office.discord, ["hello", "begin"]
        office.say("ann", "hello")
        begun = discord.say("bob", "begin", "general")
        await office.stage.answered(2)
        await discord.gateway.outage(HOUR)
        for number in range(120):
            said.append(discord.say("ann", f"direct {number}").text)
        for number in range(15):
            said.append(discord.say("bob", f"thread {number}", str(begun.id), mention=False).text)
            discord.say("carol", f"mention {number}", "support")
            said.append(f"mention {number}")
        await discord.until(lambda: not discord.gateway.in_outage)
        await office.stage.until(lambda: office.stage.channel.health().state == "connected")
        await until_said(office.stage, said)

        heard = await office.stage.said()
        found = Counter(heard)
        lost, doubled = set(said) - set(found), [text for text, times in found.items() if times > 1]
        print(f"said during the hour: {len(said) - 2}; lost {len(lost)}, doubled {len(doubled)}")
        assert (lost, doubled, found.total()) == (set(), [], len(said))
        assert [text for text in heard if "direct" in text] == [f"direct {number}" for number in range(120)]
        assert discord.numbers()["identifies"] == 2


async def until_said(stage: Stage, texts: list[str]) -> None:
    async with asyncio.timeout(60):
        while not set(texts) <= set(await stage.said()):  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------- odd texts


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
async def test_an_odd_text_is_stored_and_answered_whole(tmp_path: Path, text: str):
    async with running(tmp_path) as office:
        office.stage.answer = "I heard: " + text
        guild = office.discord.guild
        office.say("ann", "hello")
        await office.told("ann")
        message = guild.full_message_json(guild.state.messages()[0])
        office.discord.gateway.emit(
            "MESSAGE_CREATE", {**message, "id": str(guild.ids.next()), "content": text}
        )
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a character is none
        expected = f"I heard: {whole}" * 2
        await office.stage.until(lambda: "".join(office.to("ann")) == expected, lambda: office.to("ann"))

        answers = office.to("ann")
        assert (await office.stage.said())[-1] == whole
        assert all(len(answer) <= LIMIT for answer in answers)
        assert not any(answer.startswith("\u200d") or answer.endswith("\u200d") for answer in answers)


# ---------------------------------------------------------------- sessions


async def test_sessions_are_counted_over_restarts(tmp_path: Path):
    async with post(tmp_path) as office:
        for _ in range(3):
            async with office.stage.running():
                pass

        assert office.discord.numbers()["identifies"] == 3
        assert await office.stage.bot.store.session_begun("discord") == 4


async def test_a_session_counts_for_a_day_and_for_its_own_channel(tmp_path: Path):
    clock = FakeClock()
    async with open_test_bot(tmp_path, clock=clock) as bot:
        counts = [await bot.store.session_begun("discord") for _ in range(2)]
        clock.advance(DAY - 1)
        counts.append(await bot.store.session_begun("discord"))
        clock.advance(2)
        counts.append(await bot.store.session_begun("discord"))
        other = await bot.store.session_begun("slack")

    assert (counts, other) == ([1, 2, 3, 2], 1)
