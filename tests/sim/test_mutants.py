"""Stores and cores that are broken on purpose are caught by a few schedules."""

from dataclasses import replace

import pytest

from tests.sim.checks import Violation
from tests.sim.core_mutants import LIKES, PLANTS
from tests.sim.mutants import AnnouncesAnyway, SkipsNewcomers, ThrowsResultsAway
from tests.sim.world import Chances, run_seed

CALM = Chances(inputs=0.4, crash=0, other=0, fail=0)
BUSY = Chances(inputs=0.4, crash=0, other=0, fail=0, gated=0.7)  # with people who decide


@pytest.mark.swept
@pytest.mark.parametrize("store_class", [AnnouncesAnyway, SkipsNewcomers, ThrowsResultsAway])
async def test_a_store_that_is_broken_on_purpose_is_caught(store_class, ram):
    async def play() -> None:
        for seed in range(60):
            await run_seed(seed, ram, chances=CALM, store_class=store_class)

    with pytest.raises(Violation):
        await play()


@pytest.mark.swept
@pytest.mark.parametrize("name", PLANTS)
async def test_a_core_that_is_broken_on_purpose_is_caught(name, ram, monkeypatch):
    PLANTS[name](monkeypatch)
    chances = replace(BUSY, likes=LIKES.get(name, ""))

    async def play() -> None:
        for seed in range(100):
            await run_seed(seed, ram, chances=chances)

    with pytest.raises(Violation):
        await play()
