"""Deciding in Slack by button: through the real SDK, over sockets, against the simulated Slack."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.errors import StoreFull
from bot.events import Outgoing
from channels.slack.requests import text_of
from simulators.slack import SlackSimulator
from simulators.slack.config import Json
from simulators.slack.deliveries import Outcome
from tests.channels.slack_desk import HANDLE, TEXT, Desk, approval, question, sitting


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with SlackSimulator() as slack, sitting(slack) as found:
        yield found


# ---------------------------------------------------------------- approve


async def test_a_press_of_approve_is_an_answer(desk: Desk):
    await desk.asked()

    outcome = await desk.press("approve")

    assert outcome.failure is None
    assert desk.inbox.answers == [("approve", "", None, "T0DEMO/U0CAROL")]
    assert desk.inbox.got[0].data.approval_id == HANDLE


async def test_the_message_then_says_what_was_chosen_instead_of_the_buttons(desk: Desk):
    await desk.asked()
    await desk.press("approve")

    line = await desk.until_chosen()

    assert line.startswith("You chose *Approve*, <!date^")
    assert line.endswith(" UTC>; I will tell you what comes of it.")
    assert desk.buttons == []
    assert text_of(desk.message["blocks"]) == TEXT
    assert "<" not in desk.message["text"]
    assert "&lt;!channel&gt;" in desk.message["text"]
    assert desk.message["metadata"]["event_payload"]["id"] == "ob1"


async def test_a_message_is_found_again_after_it_was_changed(desk: Desk):
    ts = await desk.asked()
    (part,) = desk.channel.render(
        "ob1", Outgoing(text=TEXT, destination="T0DEMO/U0CAROL", request=approval())
    )
    await desk.press("approve")
    await desk.until_chosen()

    assert await desk.channel.find(part) == f"D0CAROL:{ts}"


async def test_nothing_is_acknowledged_before_it_is_stored(desk: Desk):
    await desk.asked()
    desk.inbox.gate.clear()
    pressing = asyncio.create_task(desk.press("approve"))
    await desk.slack.until(lambda: desk.inbox.waiting)
    answered_before = pressing.done()

    desk.inbox.gate.set()

    assert (await pressing).failure is None
    assert not answered_before


async def test_a_double_click_is_one_answer(desk: Desk):
    await desk.asked()

    first, second = await asyncio.gather(desk.press("approve"), desk.press("approve"))

    assert (first.failure, second.failure) == (None, None)
    assert len(desk.inbox.got) == 1


async def test_a_press_replayed_after_a_restart_has_the_same_key(monkeypatch: pytest.MonkeyPatch):
    payloads: list[Json] = []
    async with SlackSimulator() as slack:
        once = slack.deliveries.once

        async def overheard(kind: str, payload: Json) -> Outcome:
            payloads.append(payload)
            return await once(kind, payload)

        async with sitting(slack) as before:
            await before.asked()
            monkeypatch.setattr(slack.deliveries, "once", overheard)
            await before.press("approve")
        async with sitting(slack) as after:
            await once("interactive", payloads[0])

    (first,), (second,) = before.inbox.got, after.inbox.got
    assert first.dedupe == second.dedupe == f"slack:action:{_ts_of(payloads[0])}:U0CAROL:saywhen.approve"


def _ts_of(payload: Json) -> str:
    return str(payload["actions"][0]["action_ts"])


@pytest.mark.parametrize("fault", ["500", "not_ok:cant_update_message", "429"])
async def test_feedback_that_fails_costs_nothing(desk: Desk, fault: str):
    await desk.asked()
    desk.slack.faults.add("chat.update", fault, times=1)

    outcome = await desk.press("approve")
    await desk.slack.until(lambda: not desk.slack.faults.waiting)

    assert outcome.failure is None
    assert len(desk.inbox.got) == 1
    assert "saywhen.approve" in desk.buttons


async def test_in_a_channel_others_keep_their_buttons(desk: Desk):
    await desk.asked(to="C0GENERAL")
    where = desk.slack.channel("general")
    message = desk.slack.interactions.message_with(where, "saywhen.approve")

    await desk.slack.interactions.click(desk.slack.person("bob"), message, "saywhen.approve")
    await desk.slack.until(lambda: any(m["ephemeral_to"] for m in desk.slack.messages("general")))

    assert desk.inbox.answers == [("approve", "", None, "T0DEMO/U0BOB")]
    (shown, _) = desk.slack.messages("general")
    assert "saywhen.approve" in json.dumps(shown["blocks"])


# ---------------------------------------------------------------- what cannot be taken


async def test_what_could_not_be_stored_has_to_be_pressed_again(desk: Desk):
    desk.slack.deliveries.ack_seconds = 0.2
    await desk.asked()
    desk.inbox.errors = [StoreFull()]

    failed = await desk.press("approve")
    await desk.slack.until(lambda: desk.whispered)
    again = await desk.press("approve")

    assert (failed.failure, again.failure) == ("timeout", None)
    assert "Please press again" in desk.whispered[0]
    assert len(desk.inbox.got) == 1


async def test_what_is_refused_is_said_in_plain_words(desk: Desk):
    await desk.asked()
    desk.inbox.refuses = True

    outcome = await desk.press("approve")
    await desk.slack.until(lambda: desk.whispered)

    assert outcome.failure is None
    assert desk.whispered[0].startswith("Nothing was decided")
    assert "saywhen.approve" in desk.buttons


@pytest.mark.parametrize(
    "forged",
    [
        {"user": {"id": "U0CAROL", "team_id": "T0OTHER"}},
        {"user": {"id": "U0BOB", "team_id": "T0DEMO", "name": "carol"}},
    ],
    ids=["other team", "other person"],
)
async def test_a_forged_press_is_the_answer_of_who_it_says(desk: Desk, forged: dict[str, Any]):
    await desk.asked()
    action = {"action_id": "saywhen.approve", "value": HANDLE, "action_ts": "1.5", "type": "button"}
    payload = {"type": "block_actions", "trigger_id": "1.2.3", "actions": [action], **forged}

    await desk.slack.deliveries.once("interactive", payload)

    assert desk.inbox.answers != [("approve", "", None, "T0DEMO/U0CAROL")]
    assert len(desk.inbox.got) == 1


@pytest.mark.parametrize("payload", [{}, {"type": "block_actions"}, {"type": "view_submission", "view": 3}])
async def test_what_is_nothing_of_ours_is_acknowledged_and_forgotten(desk: Desk, payload: dict[str, Any]):
    outcome = await desk.slack.deliveries.once("interactive", payload)

    assert outcome.failure is None
    assert desk.inbox.got == []


# ---------------------------------------------------------------- questions


async def test_an_option_answers_a_question(desk: Desk):
    await desk.asked(question(["Tea", "Coffee & <cake>"]))

    await desk.press("option.2")

    assert desk.inbox.answers == [("2", "T0DEMO/U0CAROL")]
    assert (await desk.until_chosen()).startswith("You chose “2 Coffee &amp; &lt;cake&gt;”")
