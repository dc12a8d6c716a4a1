"""A channel on which nobody can be asked whether a message has arrived: it is sent again once, then given up (O04)."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.errors import SendFailed
from bot.events import DeliveryReported
from bot.ports import Part
from bot.testing import Bot, FakeChannel, open_test_bot, reply

UNKNOWN, RETRY = "unknown", "retry"


@dataclass(slots=True)
class BlindChannel(FakeChannel):
    """Mail: what was sent is gone."""

    tries: int = 0
    blind: bool = True

    async def send(self, part: Part) -> str:
        self.tries += 1
        return await FakeChannel.send(self, part)

    async def find(self, part: Part) -> str | None:
        return None


def failing(*kinds: str) -> BlindChannel:
    return BlindChannel(errors=[SendFailed("no answer", kind=kind) for kind in kinds])  # type: ignore[arg-type]


async def statuses(bot: Bot, thread_id: str) -> list[str]:
    return [e.data.status for e in await bot.log(thread_id) if isinstance(e.data, DeliveryReported)]


@pytest.mark.parametrize(
    ("kinds", "tries", "expected"),
    [
        ((UNKNOWN, UNKNOWN), 2, ["unknown", "dead"]),
        ((UNKNOWN, RETRY, UNKNOWN), 3, ["unknown", "unknown", "dead"]),
        ((UNKNOWN,), 2, ["unknown", "sent"]),
        ((RETRY, RETRY), 3, ["failed", "failed", "sent"]),
    ],
)
async def test_after_two_unknown_outcomes_it_is_given_up(tmp_path: Path, kinds, tries, expected) -> None:
    channel = failing(*kinds)
    async with open_test_bot(tmp_path, script=[reply("Hi.")], channel=channel) as bot:
        received = await bot.say("hello")
        for _ in range(4):
            await bot.settle()
            bot.clock.advance(120)
        found = await statuses(bot, received.thread_id)
        reports = [e.data for e in await bot.log(received.thread_id) if isinstance(e.data, DeliveryReported)]

    assert (channel.tries, found) == (tries, expected)
    if expected[-1] == "dead":
        assert "may have arrived" in reports[-1].error


async def test_where_one_can_look_it_is_tried_as_often_as_it_takes(tmp_path: Path) -> None:
    channel = FakeChannel(errors=[SendFailed("no answer", kind="unknown") for _ in range(3)])
    async with open_test_bot(tmp_path, script=[reply("Hi.")], channel=channel) as bot:
        received = await bot.say("hello")
        for _ in range(5):
            await bot.settle()
            bot.clock.advance(120)

        assert (await statuses(bot, received.thread_id))[-1] == "sent"
