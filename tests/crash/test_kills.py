"""The plug is pulled on a real bot under load; `make prove` does it more often."""

import pytest

from tests.crash.kills import run


@pytest.mark.swept
async def test_killing_a_real_bot_under_load_loses_nothing_and_repeats_no_job(tmp_path):
    counts = await run(tmp_path, kills=3, seed=1)

    assert counts["said"] > 10
    assert counts["jobs done"] > 0
    assert counts["replies"] > 0
