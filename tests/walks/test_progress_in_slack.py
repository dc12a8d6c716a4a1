"""What runs is shown in Slack as long as it runs: by the real program, also one that is killed meanwhile."""

from pathlib import Path

import pytest

from tests.walks.desk import Desk, code, open_desk

pytestmark = pytest.mark.slow

SLOW_JOB = """
[jobs.deploy-staging]
command = ["python3", "scripts/slow.py", "{tag}"]
"""
SLOW = """
import pathlib, sys, time
while not pathlib.Path("finish").exists():
    time.sleep(0.05)
print(f"staging runs {sys.argv[1]} now")
"""


def lines(desk: Desk) -> list[str]:
    """What stands in Ann's DM of what is under way."""
    standing = [each for each in desk.slack.messages("ann") if not each["deleted"]]
    return [each["text"] for each in standing if each["text"].startswith("_is running")]


async def test_a_line_stands_while_the_job_runs_and_goes_with_it_even_after_a_kill(tmp_path: Path):
    async with open_desk(tmp_path, SLOW_JOB) as desk:
        (tmp_path / "scripts" / "slow.py").write_text(SLOW)
        request = await desk.ask("deploy v9.1 to staging")
        desk.text("carol", f"OK {code(request)}")
        (line,) = await desk.until(lambda: lines(desk))

        await desk.bot.kill()
        still_there = lines(desk)
        await desk.start()
        (tmp_path / "finish").touch()
        await desk.slack_says("staging runs v9.1 now")
        await desk.until(lambda: not lines(desk))

    assert line.startswith("_is running deploy-staging")
    assert len(still_there) == 1
