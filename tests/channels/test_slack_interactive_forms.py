"""The forms behind Edit, Reject and Answer: opened in time, checked, and sent in once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import StoreFull
from channels.slack.requests import text_of
from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.workspace import Refused
from tests.channels.slack_desk import ARGS, HANDLE, TEXT, Desk, question, sitting


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with SlackSimulator() as slack, sitting(slack) as found:
        yield found


# ---------------------------------------------------------------- edit


async def test_edit_shows_each_argument_and_sends_the_changed_ones(desk: Desk):
    await desk.asked()
    form = await desk.form("edit")

    outcome = await desk.submit(env="prod", count="3")

    shown = {block["block_id"]: block["element"].get("initial_value") for block in form["blocks"]}
    assert shown == {"text:env": ARGS["env"], "json:count": "2", "json:tags": '["a"]'}
    assert outcome.failure is None
    assert desk.inbox.answers == [("edit", "", {"env": "prod", "count": 3, "tags": ["a"]}, "T0DEMO/U0CAROL")]
    assert desk.inbox.got[0].data.approval_id == HANDLE
    assert desk.top() == {"blocks": []}


async def test_what_is_no_json_is_said_under_its_field_and_decides_nothing(desk: Desk):
    await desk.asked()
    await desk.form("edit")

    wrong = await desk.submit(count="three")
    (open_now,) = desk.slack.interactions.modals_of(desk.slack.person("carol"))
    errors = open_now.errors
    await desk.submit(count="4")

    assert (wrong.response or {})["response_action"] == "errors"
    assert errors.keys() == {"json:count"}
    assert [args["count"] for (_, _, args, _) in desk.inbox.answers] == [4]  # type: ignore[index]  # is a dict


async def test_after_an_edit_the_buttons_stay_since_the_tool_may_not_take_it(desk: Desk):
    await desk.asked()
    await desk.form("edit")
    await desk.submit(env="prod")

    line = await desk.until_chosen()

    assert line.startswith("You sent changed arguments, ")
    assert "saywhen.approve" in desk.buttons
    assert text_of(desk.message["blocks"]) == TEXT


async def test_arguments_that_the_payload_leaves_out_are_fetched_behind_an_open_form():
    config = SlackConfig(metadata_in_actions=False)
    async with SlackSimulator(config=config) as slack, sitting(slack) as desk:
        await desk.asked()
        form = await desk.form("edit")
        await desk.submit(env="prod")

    assert slack.stats.posts["views.open"] == slack.stats.posts["views.update"] == 1
    assert [block["block_id"] for block in form["blocks"]] == ["text:env", "json:count", "json:tags"]
    assert len(desk.inbox.got) == 1


@pytest.mark.parametrize("fault", ["500", "not_ok:channel_not_found"])
async def test_arguments_that_cannot_be_fetched_are_not_made_up(fault: str):
    config = SlackConfig(metadata_in_actions=False)
    async with SlackSimulator(config=config) as slack, sitting(slack) as desk:
        await desk.asked()
        slack.faults.add("conversations.history", fault, times=100)

        await desk.press("edit")
        await slack.until(lambda: "does not give me the arguments" in str(desk.top()))

        with pytest.raises(Refused):
            await desk.submit(env="prod")

    assert desk.inbox.got == []


@pytest.mark.parametrize("code", ["expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"])
async def test_a_form_that_did_not_open_is_to_be_asked_for_again(desk: Desk, code: str):
    await desk.asked()
    desk.slack.faults.add("views.open", f"not_ok:{code}")

    outcome = await desk.press("edit")
    await desk.slack.until(lambda: desk.whispered)

    assert outcome.failure is None
    assert "nothing was decided" in desk.whispered[0]


# ---------------------------------------------------------------- reject, answer instead


@pytest.mark.parametrize("reason", ["not on a Friday", ""])
async def test_reject_takes_a_reason_or_none(desk: Desk, reason: str):
    await desk.asked()
    await desk.form("reject")

    await desk.submit(words=reason)

    assert desk.inbox.answers == [("reject", reason, None, "T0DEMO/U0CAROL")]
    assert (await desk.until_chosen()).startswith("You chose *Reject*, ")
    assert desk.buttons == []


async def test_answer_instead_takes_words(desk: Desk):
    await desk.asked()
    await desk.form("respond")

    empty = await desk.submit(words="  ")
    await desk.submit(words="it is deployed already")

    assert (empty.response or {})["errors"] == {"saywhen.words": "Please write something."}
    assert desk.inbox.answers == [("respond", "it is deployed already", None, "T0DEMO/U0CAROL")]
    assert (await desk.until_chosen()).startswith("You answered instead, ")


async def test_a_question_is_answered_in_words(desk: Desk):
    await desk.asked(question([]))
    await desk.form("answer")

    await desk.submit(words=" the small one ")

    assert desk.inbox.answers == [("the small one", "T0DEMO/U0CAROL")]
    assert (await desk.until_chosen()).startswith("You answered")


# ---------------------------------------------------------------- what cannot be taken


async def test_a_form_that_could_not_be_stored_stays_open_with_what_was_written(desk: Desk):
    await desk.asked()
    await desk.form("reject")
    desk.inbox.errors = [StoreFull()]

    failed = await desk.submit(words="no")
    await desk.submit(words="no")

    assert "Please press again" in (failed.response or {})["errors"]["saywhen.words"]
    assert len(desk.inbox.got) == 1


async def test_a_form_that_is_refused_says_so(desk: Desk):
    await desk.asked()
    await desk.form("edit")
    desk.inbox.refuses = True

    refused = await desk.submit(env="prod")

    assert (refused.response or {})["errors"]["text:env"].startswith("Nothing was decided")


async def test_a_form_sent_in_twice_has_one_key(desk: Desk):
    await desk.asked()
    await desk.form("reject")

    await asyncio.gather(desk.submit(words="no"), desk.submit(words="no"))

    assert len({incoming.dedupe for incoming in desk.inbox.got}) == 1
    assert str(desk.inbox.got[0].dedupe).startswith("slack:view:V")
