"""A long answer on its way to Slack: in parts from its outbox row, in order, whole, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.events import DeliveryReported
from simulators.slack import SlackSimulator
from tests.conformance.slack_venue import SlackVenue
from tests.conformance.stage import Stage, open_idle_stage

WORDS = [f"word{number}" for number in range(3_450)]
PARAGRAPHS = [" ".join(WORDS[at : at + 60]) for at in range(0, len(WORDS), 60)]
ANSWER = "\n\n".join(PARAGRAPHS)


@asynccontextmanager
async def venue() -> AsyncIterator[SlackVenue]:
    async with SlackSimulator() as slack:
        yield SlackVenue(slack)


@pytest.mark.parametrize("fault", ["none", "429", "reset_after_accept", "500"])
async def test_30_000_characters_arrive_in_parts_in_order_and_whole(tmp_path: Path, fault: str):
    assert 29_000 < len(ANSWER) < 31_000
    async with open_idle_stage(venue, "slack", tmp_path) as stage:
        assert isinstance(stage.venue, SlackVenue)
        stage.answer = ANSWER
        async with stage.running():
            await stage.venue.say("ann", "tell me everything")
            await stage.until(lambda: len(stage.venue.shown()) >= 3)
            if fault != "none":
                stage.venue.slack.faults.add("chat.postMessage", fault, times=2, retry_after=0)
            await stage.until(lambda: any(WORDS[-1] in each.text for each in stage.venue.shown()))
            parts = [each.text for each in await stage.answered(1)]
            sent = await reported(stage, len(parts))

    assert "\n\n".join(parts) == ANSWER
    assert [report.part_number for report in sent] == list(range(1, sent[0].parts + 1))


async def reported(stage: Stage, count: int) -> list[DeliveryReported]:
    """The reports of parts that were sent, once there are so many."""
    async with asyncio.timeout(40):
        while True:
            reports = [e.data for e in await stage.events() if isinstance(e.data, DeliveryReported)]
            sent = [report for report in reports if report.status == "sent"]
            if len(sent) >= count:
                return sent
            await asyncio.sleep(0.02)
