"""Random schedules against the real store; `make prove` runs many more of them."""

from collections import Counter

import pytest

from tests.sim.exercised import never, table
from tests.sim.world import Chances, run_seed

SEEDS = 30


@pytest.mark.swept
async def test_no_schedule_of_people_config_clock_crashes_and_other_processes_breaks_a_promise(ram):
    total = Counter()

    for seed in range(SEEDS):
        total += await run_seed(seed, ram)
    print(table(total))

    assert total["crashes"] > 0
    assert total["second process"] > 0
    assert total["model calls"] <= total["asked"] + total["resumed"]
    assert never(total) == []


@pytest.mark.prove
async def test_without_crashes_every_model_call_is_one_step_and_no_result_is_thrown_away(ram):
    total = Counter()

    for seed in range(1000, 1000 + SEEDS // 2):
        total += await run_seed(seed, ram, chances=Chances(inputs=0.3, crash=0, other=0))

    assert total["model calls"] == total["asked"] == total["answered"]
    assert total["doubled sends"] == 0
    assert total["resumed"] == 0
