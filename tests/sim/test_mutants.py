"""Stores that are broken on purpose are caught by a few schedules."""

import pytest

from tests.sim.checks import Violation
from tests.sim.mutants import AnnouncesAnyway, SkipsNewcomers, ThrowsResultsAway
from tests.sim.world import Chances, run_seed

CALM = Chances(inputs=0.4, crash=0, other=0, fail=0)


@pytest.mark.prove
@pytest.mark.parametrize("store_class", [AnnouncesAnyway, SkipsNewcomers, ThrowsResultsAway])
async def test_a_store_that_is_broken_on_purpose_is_caught(store_class, ram):
    async def play() -> None:
        for seed in range(60):
            await run_seed(seed, ram, chances=CALM, store_class=store_class)

    with pytest.raises(Violation):
        await play()
