"""Thumbs under our messages: feedback of whoever may write to us, once, and taken back again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.events import Event, FeedbackReceived, Outgoing
from channels.slack.events import Identity
from channels.slack.reactions import Reaction, reaction_in
from simulators.slack import SlackConfig, SlackSimulator
from tests.channels.slack_http_kit import SocketBot, http_bot, socket_bot

ME = Identity("T0DEMO", "U0BOT", bot="B0BOT", name="saywhen")
TIMEOUT = 30.0


@dataclass
class Answered:
    """A bot that has answered Ann, in her DM."""

    bot: SocketBot
    thread_id: str
    channel: str
    ts: str

    def react(self, name: str, *, by: str = "ann", add: bool = True, ts: str = "") -> str:
        said = self.bot.slack.react(by, self.channel, ts or self.ts, name, add=add)
        return said.event_id or ""

    async def feedback(self) -> list[tuple[float, int | None, str, bool]]:
        """What was stored, once Slack has told everything."""
        slack = self.bot.slack
        await slack.until(lambda: not slack.state.pending_deliveries(), timeout=TIMEOUT)
        return [_short(event) for event in await self.bot.stored("feedback.received")]


def _short(event: Event) -> tuple[float, int | None, str, bool]:
    data = event.data
    assert isinstance(data, FeedbackReceived)
    assert data.sender is not None
    return data.rating, data.about, data.sender.address, data.withdrawn


async def answered(bot: SocketBot, *, outbox_id: str = "") -> Answered:
    said = bot.slack.say("ann", "hello")
    await bot.until_heard("hello")
    (event,) = await bot.stored()
    outgoing = Outgoing(text="Hello Ann.", destination="T0DEMO/D0ANN")
    (part,) = bot.channel.render(outbox_id or f"{event.thread_id}:7:0", outgoing)
    sent = await bot.channel.send(part)
    return Answered(bot, event.thread_id, said.channel, sent.partition(":")[2])


@pytest.fixture(params=["socket", "http"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Answered]:
    config = replace(SlackConfig(), other_bots=frozenset({"U0ROBOT"}))
    async with SlackSimulator(config=config, time_scale=0.05) as slack:
        slack.deliveries.ack_seconds = TIMEOUT  # a busy machine is not taken for a bot that does not answer
        opened = socket_bot if request.param == "socket" else http_bot
        async with opened(tmp_path, slack) as bot:
            yield await answered(bot)


async def test_a_thumb_is_feedback_on_the_event_that_said_it(place):
    place.react("+1")
    place.react("-1", by="bob")

    assert sorted(await place.feedback()) == [
        (1.0, 7, "T0DEMO/U0BOB", False),
        (5.0, 7, "T0DEMO/U0ANN", False),
    ]


async def test_a_thumb_that_is_told_twice_counts_once(place):
    event_id = place.react("+1")
    await place.feedback()
    await place.bot.slack.redeliver(event_id, 3)

    assert len(await place.feedback()) == 1


async def test_a_thumb_can_be_taken_back_and_given_again(place):
    place.react("+1")
    await place.feedback()
    place.react("+1", add=False)
    await place.feedback()
    place.react("+1")

    found = await place.feedback()

    assert [(rating, withdrawn) for rating, _, _, withdrawn in found] == [(5, False), (5, True), (5, False)]


async def test_what_is_no_thumb_of_a_person_under_our_message_is_no_feedback(place):
    hers = place.bot.slack.messages("ann")[0]
    before = place.bot.slack.say("ann", "my own words")
    place.react("+1", ts=before.ts)
    place.react("tada")
    place.react("+1", by="U0ROBOT")
    place.bot.slack.workspace.react(
        place.bot.slack.message(place.channel, hers["ts"]), "thumbsup", "U0BOT", add=True
    )
    place.react("-1", by="bob")

    assert await place.feedback() == [(1.0, 7, "T0DEMO/U0BOB", False)]


async def test_a_thumb_under_what_another_database_said_is_left_out(place):
    other = await answered_again(place, "th_unknown:3:0")
    other.react("+1")
    place.react("-1")

    assert await place.feedback() == [(1.0, 7, "T0DEMO/U0ANN", False)]


async def answered_again(place: Answered, outbox_id: str) -> Answered:
    outgoing = Outgoing(text="Hello again.", destination="T0DEMO/D0ANN")
    (part,) = place.bot.channel.render(outbox_id, outgoing)
    sent = await place.bot.channel.send(part)
    return replace(place, ts=sent.partition(":")[2])


async def test_when_slack_does_not_say_whose_message_it_was_the_event_comes_again(place):
    place.bot.slack.deliveries.ack_seconds = 1.0
    place.bot.slack.faults.add("conversations.replies", "500")
    place.react("+1")

    assert len(await place.feedback()) == 1
    assert place.bot.slack.stats.redeliveries >= 1


# ---------------------------------------------------------------- what is one


def event(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "type": "reaction_added", "user": "U0ANN", "reaction": "+1", "item_user": "U0BOT", "event_ts": "3.1",
        "item": {"type": "message", "channel": "C1", "ts": "1.2"},
    }  # fmt: skip
    return {"event": {key: value for key, value in {**plain, **changes}.items() if value is not None}}


@pytest.mark.parametrize(
    ("name", "rating"),
    [("+1", 5), ("thumbsup", 5), ("+1::skin-tone-4", 5), ("-1", 1), ("thumbsdown::skin-tone-2", 1)],
)
def test_a_thumb_of_any_colour(name: str, rating: float):
    assert reaction_in(event(reaction=name), me=ME) == Reaction("U0ANN", "C1", "1.2", rating, False, "3.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"reaction": "tada"},
        {"reaction": None},
        {"user": "U0BOT"},
        {"user": None},
        {"item_user": "U0BOB"},
        {"item": {"type": "file", "file": "F1"}},
        {"item": {"type": "message", "channel": "C1", "ts": "x"}},
        {"item": "message"},
        {"event_ts": None},
        {"type": "message"},
    ],
)
def test_anything_else_is_none(changes: dict[str, Any]):
    assert reaction_in(event(**changes), me=ME) is None
