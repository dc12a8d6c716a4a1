"""Many at once: one decision, at most one run, and the losers are told who decided (A01, A02)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.approvals.kit import WHOLE, asks_once, opened
from tests.approvals.races import Runner, race

SEEDS = 1000 if WHOLE else 150

TWO_PEOPLE = (Runner("carol", "approve", "text"), Runner("dave", "approve", "text"))
TWO_CHANNELS = (Runner("carol", "approve", "text"), Runner("carol", "approve", "fake"))
ALL_WAYS = (*TWO_CHANNELS, Runner("carol", "approve", "api"), Runner("dave", "approve", "phone"))
YES_AND_NO = (Runner("carol", "approve", "phone"), Runner("dave", "reject", "text"))
NO_AND_YES = (Runner("carol", "reject", "text"), Runner("dave", "approve", "api"))
ONE_CHANGES_HER_MIND = (Runner("carol", "approve", "text"), Runner("carol", "reject", "fake"))


async def run(folder: Path, seeds: int, *kinds: Sequence[Runner]) -> Counter[str]:
    total: Counter[str] = Counter()
    async with opened(folder, script=asks_once) as it:
        for seed in range(seeds):
            it.bot.clock.advance(1)
            total += await race(it.bot, it.deploys, seed, kinds[seed % len(kinds)])
    return total


@pytest.mark.prove
async def test_of_many_yeses_at_once_one_decides(ram: Path) -> None:
    total = await run(ram, SEEDS, TWO_PEOPLE, TWO_CHANNELS, ALL_WAYS)

    assert total["approved"] == SEEDS
    assert total["late"] > SEEDS / 20
    assert total["carol won"] > total["dave won"] > 0


@pytest.mark.prove
async def test_of_a_yes_and_a_no_at_once_the_first_decides(ram: Path) -> None:
    total = await run(ram, SEEDS, YES_AND_NO, NO_AND_YES, ONE_CHANGES_HER_MIND)

    assert total["approved"] + total["rejected"] == SEEDS
    assert total["approved"] > 0 < total["rejected"]
    assert total["late"] > SEEDS / 20


@pytest.mark.prove
async def test_fifty_yeses_at_once_run_it_once(ram: Path) -> None:
    ways = ("text", "phone", "fake", "api")
    fifty = tuple(Runner("carol", "approve", ways[number % 4]) for number in range(50))

    total = await run(ram, 10, fifty)

    assert total["approved"] == 10
