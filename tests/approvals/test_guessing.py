"""Guessing codes leads nowhere: five tries, then that channel is closed for that request (A06)."""

import asyncio
import random
from pathlib import Path

import pytest

from bot.codes import ALPHABET, LENGTH
from bot.events import ApprovalAnswered, ApprovalResolved
from bot.ports import RequestRow
from bot.testing import Bot
from tests.approvals.kit import (
    WHOLE,
    ask,
    asks_once,
    by_api,
    by_button,
    by_text,
    found,
    opened,
    row_of,
    sent_to,
)

TRIES = 10_000 if WHOLE else 1_500
LOCKED = "can no longer be decided here"


def guess(chance: random.Random) -> str:
    return "".join(
        chance.choices(ALPHABET[:6], k=1)
        + chance.choices(ALPHABET[6:], k=1)
        + chance.choices(ALPHABET, k=LENGTH - 2)
    )


async def wrong(bot: Bot, row: RequestRow, times: int, name: str = "carol") -> None:
    right, chance = bot.code(row.id, name), random.Random(times)
    for _ in range(times):
        while (code := guess(chance)) == right:
            pass
        await bot.text(name, f"OK {code}")


async def test_after_four_wrong_codes_the_right_one_still_counts(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await wrong(it.bot, row, 4)
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_after_five_not_even_the_right_one_counts_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await wrong(it.bot, row, 5)
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert LOCKED in sent_to(it.bot, "+3")[-1]
        answers = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert [answer.refused for answer in answers] == ["wrong_code"] * 5 + ["locked"]


@pytest.mark.parametrize("way", ["the button", "the API", "another channel's button", "somebody else's code"])
async def test_elsewhere_it_can_still_be_decided(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await wrong(it.bot, row, 5)

        match way:
            case "the button":
                await by_button(it.bot, "carol", row)
            case "the API":
                await by_api(it.bot, "carol", row)
            case "another channel's button":
                await by_button(it.bot, "carol", row, channel="fake")
            case _:
                await by_text(it.bot, "dave", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_a_lock_holds_for_that_request_only(tmp_path: Path) -> None:
    async with opened(tmp_path, script=asks_once) as it:
        first = await ask(it.bot)
        await wrong(it.bot, first, 5)
        second = await ask(it.bot, conversation="c2")

        await by_text(it.bot, "carol", second)
        await by_text(it.bot, "carol", first)
        await it.bot.settle()

        assert (await row_of(it.bot, first.id)).status == "pending"
        assert (await row_of(it.bot, second.id)).status == "approved"


async def test_a_lock_outlives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        await wrong(it.bot, row, 5)

    async with opened(tmp_path, deploys=it.deploys) as it:
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []


async def test_the_operator_hears_of_it_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await wrong(it.bot, row, 30)
        await it.bot.settle()

        alarms = [
            text for text in sent_to(it.bot, "OPERATOR") if "Five wrong codes from carol on phone" in text
        ]
        assert len(alarms) == 1
        assert it.bot.code(row.id, "carol") not in alarms[0]


async def test_a_wrong_code_that_is_delivered_again_counts_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        for _ in range(10):
            await it.bot.text("carol", "OK 7K3PWX", place="SM1")
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_five_tries_are_five_also_when_all_come_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)
        chance = random.Random(1)

        await asyncio.gather(
            *(it.bot.text("carol", f"OK {guess(chance)}") for _ in range(50)), by_text(it.bot, "carol", row)
        )
        await it.bot.settle()

        assert it.deploys.ran == []
        assert len([text for text in sent_to(it.bot, "OPERATOR") if "Five wrong codes" in text]) == 1


@pytest.mark.prove
async def test_of_thousands_of_guesses_none_succeeds(ram: Path) -> None:
    """Spread over people, channels, yes and no; the right code is among them, but only after the fifth try."""
    chance = random.Random(6)
    async with opened(ram, script=asks_once) as it:
        it.bot.phone.longest = it.bot.channel.longest = 100_000
        row = await ask(it.bot)
        right = {it.bot.code(row.id, name) for name in ("carol", "dave")}
        tried = 0
        for number in range(TRIES):
            name = ("carol", "dave", "bob")[number % 3]
            code = it.bot.code(row.id, name) if number > 60 and number % 10 == 0 else guess(chance)
            tried += code in right
            word = chance.choice(("OK", "ok", "Ok", "NO"))
            await it.bot.text(name, f"{word} {code}")
        await it.bot.settle()

        assert tried > 50
        assert it.deploys.ran == []
        assert await found(it.bot, row.thread_id, ApprovalResolved) == []
        answers = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert {answer.refused for answer in answers} == {"wrong_code", "locked"}
        assert len([text for text in sent_to(it.bot, "OPERATOR") if "Five wrong codes" in text]) == 2
