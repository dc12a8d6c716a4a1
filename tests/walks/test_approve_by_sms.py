"""Approve by SMS: asked in Slack, decided on a phone, run once; also when the bot dies in between."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.walks.desk import Desk, code, open_desk

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

SETTINGS = """
[jobs.deploy-soon]
description = "like deploy-staging, but nobody has long to decide"
command = ["python3", "scripts/deploy_staging.py", "--tag", "{tag}"]
parameters = { tag = { pattern = "[a-z0-9.]+" } }
environment_variables = ["DEPLOY_LOG"]
expires = "1s"
levels = []

[jobs.deploy-duty]
description = "like deploy-staging, but somebody else is asked soon"
command = ["python3", "scripts/deploy_staging.py", "--tag", "{tag}"]
parameters = { tag = { pattern = "[a-z0-9.]+" } }
environment_variables = ["DEPLOY_LOG"]
levels = [{ after = "1s", approvers = ["lead"] }]

[[people]]
name = "bob"
roles = ["member", "lead"]
contact_order = ["sms"]
"""
ASKED_AGAIN = "I did not take that as a decision"
ONCE = ["approval.requested", "approval.resolved", "tool.started", "task.started", "task.finished"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("walk"), SETTINGS) as desk:
        yield desk


async def test_a_deployment_asked_for_in_slack_runs_once_after_an_ok_from_a_phone(desk: Desk):
    request = await desk.ask("deploy v1 to staging")
    assert "ann asks for:" in request
    assert 'job: "deploy-staging"\ntag: "v1"' in request
    assert desk.deployed("v1") == 0

    desk.text("carol", f"ok {code(request).lower()}.")

    await desk.slack_says("deploy-staging (tag v1) is done: staging runs v1 now")
    await desk.phone_says("For ann: deploy-staging (tag v1) is done")
    assert desk.deployed("v1") == 1
    assert await desk.calls("v1") == ONCE


async def test_a_text_to_somebody_else_is_shown_word_for_word_and_arrives_once(desk: Desk):
    request = await desk.ask("send Bob an SMS saying: the deploy starts at 5")
    assert 'text: "the deploy starts at 5"\nto: "Bob"' in request
    assert "the deploy starts at 5" not in desk.phone("bob")

    desk.text("carol", f"OK {code(request)}")
    await desk.slack_says("I have written to Bob by SMS")
    await desk.phone_says("the deploy starts at 5", person="bob")
    desk.text("carol", f"OK {code(request)}")
    await desk.phone_says("already approved by carol")

    assert desk.phone("bob").count("the deploy starts at 5") == 1


async def test_a_no_with_a_reason_is_passed_on_and_nothing_runs(desk: Desk):
    request = await desk.ask("deploy v2 to staging")

    desk.text("carol", f"NO {code(request)} because it is Friday")

    await desk.slack_says('carol said no: "it is Friday"')
    assert desk.deployed("v2") == 0
    assert await desk.calls("v2") == ["approval.requested", "approval.resolved", "tool.finished"]


async def test_an_edit_runs_what_the_person_made_of_it(desk: Desk):
    await desk.ask("deploy v3 to staging")

    status = await desk.decide(
        "v3", decision="edit", args={"job": "deploy-staging", "tag": "v3.1"}, **{"as": "carol"}
    )

    assert status in (200, 202)
    await desk.slack_says('carol changed what I had asked for: tag is now "v3.1"')
    assert (desk.deployed("v3"), desk.deployed("v3.1")) == (0, 1)


async def test_words_that_only_sound_like_a_yes_decide_nothing(desk: Desk):
    request = await desk.ask("deploy v4 to staging")

    unclear = (f"YES {code(request)}", "ok but change the tag", f"OK {code(request)} but change the tag")
    for count, words in enumerate(unclear, start=1):
        desk.text("carol", words)
        await desk.until(lambda count=count: str(desk.phone("carol")).count(ASKED_AGAIN) == count)
    desk.text("bob", f"OK {code(request)}")
    await desk.phone_says("That code fits none of the requests that wait for you", person="bob")
    desk.text("carol", f"NO {code(request)}")

    await desk.slack_says("carol said no and gave no reason")
    assert desk.deployed("v4") == 0


async def test_who_asks_meanwhile_is_told_what_waits_and_may_take_it_back(desk: Desk):
    request = await desk.ask("deploy v5 to staging")

    desk.slack.say("ann", "is it done?")
    await desk.slack_says("deploy-staging (tag v5): needs")
    desk.slack.say("ann", "never mind, take it back")
    await desk.slack_says("I have taken it back")
    desk.text("carol", f"OK {code(request)}")

    await desk.phone_says("Nothing was decided: it was already withdrawn")
    assert desk.deployed("v5") == 0


async def test_without_a_decision_in_time_nothing_runs_and_both_sides_hear_of_it(desk: Desk):
    request = await desk.ask("run deploy-soon with tag v6")

    await desk.slack_says("Nobody decided in time (carol)")
    await desk.phone_says("No longer needed: deploy-soon (expired)")
    desk.text("carol", f"OK {code(request)}")

    await desk.phone_says("Nothing was decided: it was already expired")
    assert desk.deployed("v6") == 0


async def test_what_nobody_decides_is_passed_on_and_whoever_comes_next_decides(desk: Desk):
    first = await desk.ask("run deploy-duty with tag v7")
    second = await desk.phone_says('tag: "v7"', person="bob")
    assert "nobody has decided yet" in second

    desk.text("bob", f"OK {code(second)}")

    await desk.slack_says("deploy-duty (tag v7) is done")
    await desk.phone_says("deploy-duty: already approved by bob")
    desk.text("carol", f"OK {code(first)}")
    await desk.phone_says("Nothing was decided: it was already approved by bob")
    assert desk.deployed("v7") == 1


async def test_killed_between_request_and_decision_it_finds_the_ok_that_came_meanwhile(desk: Desk):
    request = await desk.ask("deploy v8 to staging")

    await desk.bot.kill()
    desk.text("carol", f"OK {code(request)}")
    assert desk.deployed("v8") == 0
    await desk.start()

    await desk.slack_says("deploy-staging (tag v8) is done")
    assert desk.deployed("v8") == 1
    assert await desk.calls("v8") == ONCE


async def test_killed_between_start_and_result_the_job_is_not_started_again(desk: Desk):
    request = await desk.ask("deploy v9 to staging")
    desk.text("carol", f"OK {code(request)}")

    await desk.until_so(lambda: _begun(desk, "v9"))
    await desk.bot.kill()
    await desk.start()

    await desk.slack_says("deploy-staging (tag v9) is done")
    await desk.phone_says("For ann: deploy-staging (tag v9) is done")
    assert desk.deployed("v9") == 1
    assert await desk.calls("v9") == ONCE


async def _begun(desk: Desk, tag: str) -> bool:
    return "task.started" in await desk.calls(tag)


async def test_killed_after_every_step_of_one_request_it_still_runs_once(desk: Desk):
    desk.slack.say("ann", "deploy v10 to staging")
    await desk.bot.kill()
    await desk.start()
    request = await desk.phone_says('tag: "v10"')
    await desk.bot.kill()
    desk.text("carol", f"OK {code(request)}")
    await desk.start()
    await desk.bot.kill()
    await desk.start()

    await desk.slack_says("deploy-staging (tag v10) is done")

    assert desk.deployed("v10") == 1
    assert (await desk.calls("v10")).count("tool.started") == 1
