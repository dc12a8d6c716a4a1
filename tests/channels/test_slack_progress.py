"""What is under way, shown in Slack: as the app's status in threads, as one message at the top of a DM."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.events import Outgoing
from channels.slack import SlackChannel
from channels.slack.progress import CALLS_A_MINUTE, EVENT_TYPE, is_line
from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.config import Json
from tests.channels.slack_desk import no_thread, sitting

DM = "T0DEMO/D0ANN"


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(time_scale=0.1) as simulator:
        simulator.workspace.dm_with("U0ANN")
        yield simulator


def channel_at(slack: SlackSimulator, *, timeout: float = 30.0) -> SlackChannel:
    return SlackChannel(
        bot_token="xoxb-demo", app_token="xapp-demo", knows=no_thread, api_url=slack.api_url, timeout=timeout
    )


def shown(slack: SlackSimulator) -> list[Json]:
    """What stands in Ann's DM."""
    return [message for message in slack.messages("ann") if not message["deleted"]]


def texts(slack: SlackSimulator) -> list[str]:
    return [message["text"] for message in shown(slack)]


async def answer(channel: SlackChannel, text: str = "Done.", to: str = DM) -> None:
    (part,) = channel.render("th:3:0", Outgoing(text=text, destination=to))
    await channel.send(part)


# ---------------------------------------------------------------- a message


async def test_a_line_is_posted_edited_in_place_and_taken_away(slack):
    channel = channel_at(slack)

    await channel.show_progress(DM, "is running deploy ...")
    (first,) = shown(slack)
    await channel.show_progress(DM, "is running deploy: 3 of 10 ...")
    (second,) = shown(slack)
    await channel.show_progress(DM, "")

    assert first["text"] == "_is running deploy ..._"
    assert (second["text"], second["ts"]) == ("_is running deploy: 3 of 10 ..._", first["ts"])
    assert shown(slack) == []


async def test_the_answer_takes_its_place(slack):
    channel = channel_at(slack)

    await channel.show_progress(DM, "is running deploy ...")
    await answer(channel)
    await channel.show_progress(DM, "")

    assert texts(slack) == ["Done."]
    assert "conversations.history" not in slack.stats.posts


async def test_the_same_words_are_not_written_again(slack):
    channel = channel_at(slack)
    for _ in range(3):
        await channel.show_progress(DM, "is running deploy ...")

    assert slack.stats.posts == {"chat.postMessage": 1}


async def test_nobody_is_called_by_a_line(slack):
    await channel_at(slack).show_progress(DM, "is running <!channel> & <@U0BOB> ...")

    (line,) = shown(slack)
    assert "&lt;!channel&gt; &amp; &lt;@U0BOB&gt;" in line["text"]
    assert line["unfurl_links"] is False


async def test_lines_have_a_budget_and_are_taken_away_in_spite_of_it(slack):
    channel = channel_at(slack)
    for number in range(CALLS_A_MINUTE + 5):
        await channel.show_progress(DM, f"is running step {number} ...")
    calls = sum(slack.stats.posts.values())
    await channel.show_progress(DM, "")

    assert calls == CALLS_A_MINUTE
    assert shown(slack) == []


async def test_a_line_that_somebody_deleted_is_written_anew(slack):
    channel = channel_at(slack)
    await channel.show_progress(DM, "is running deploy ...")
    slack.delete("ann", shown(slack)[0]["ts"])
    await channel.show_progress(DM, "is running deploy: 1 ...")
    await channel.show_progress(DM, "is running deploy: 2 ...")

    assert texts(slack) == ["_is running deploy: 2 ..._"]


# ---------------------------------------------------------------- when things go wrong


@pytest.mark.parametrize("fault", ["reset_after_accept", "hang_after_accept"])
async def test_a_line_of_which_nobody_knows_whether_it_was_posted_is_taken_away(slack, fault):
    channel = channel_at(slack, timeout=1.0)
    slack.faults.add("chat.postMessage", fault, times=3)
    await channel.show_progress(DM, "is running deploy ...")
    slack.faults.clear()
    assert len(shown(slack)) == 1
    await channel_until_gone(channel, slack)

    assert shown(slack) == []


async def channel_until_gone(channel: SlackChannel, slack: SlackSimulator) -> None:
    """As the core would, at the end; a busy machine may let a call of one second fail."""
    async with asyncio.timeout(30):
        while shown(slack):
            await channel.show_progress(DM, "")


@pytest.mark.parametrize("fault", ["500", "429", "reset_before_accept"])
async def test_taking_it_away_is_tried_again(slack, fault):
    channel = channel_at(slack)
    await channel.show_progress(DM, "is running deploy ...")
    slack.faults.add("chat.delete", fault)
    await channel.show_progress(DM, "")

    assert shown(slack) == []


@pytest.mark.parametrize(
    "method", ["chat.postMessage", "chat.update", "chat.delete", "conversations.history"]
)
async def test_what_cannot_be_shown_harms_nothing(slack, method):
    channel = channel_at(slack)
    slack.faults.add(method, "not_ok:internal_error", times=50)
    await channel.show_progress(DM, "is running deploy ...")
    await channel.show_progress(DM, "is running deploy: 1 ...")
    await channel.show_progress(DM, "")
    slack.faults.clear()
    await answer(channel)

    assert texts(slack)[-1] == "Done."


async def test_an_answer_does_not_wait_for_a_line_that_cannot_be_taken_away(slack):
    channel = channel_at(slack)
    await channel.show_progress(DM, "is running deploy ...")
    slack.faults.add("chat.delete", "429", times=50, retry_after=3600)

    await answer(channel)

    assert "Done." in texts(slack)


async def test_what_a_process_left_that_died_is_taken_away_when_the_next_is_told_so(slack):
    await channel_at(slack).show_progress(DM, "is running deploy ...")
    await answer(channel_at(slack), "An older answer.")

    await channel_at(slack).show_progress(DM, "")

    assert texts(slack) == ["An older answer."]


async def test_what_a_process_left_that_died_is_taken_away_with_the_next_answer(slack):
    await channel_at(slack).show_progress(DM, "is running deploy ...")
    async with sitting(slack) as desk:
        await answer(desk.channel)
        await slack.until(lambda: texts(slack) == ["Done."], timeout=30)
        looked = slack.stats.posts["conversations.history"]
        await answer(desk.channel, "More.")
        await answer(desk.channel, "And more.")

    assert texts(slack) == ["Done.", "More.", "And more."]
    assert slack.stats.posts["conversations.history"] == looked == 1


@pytest.mark.parametrize(
    "message",
    [
        {"user": "U0ANN", "metadata": {"event_type": EVENT_TYPE}},
        {"bot_id": "B0BOT"},
        {"bot_id": "B0BOT", "metadata": {"event_type": "saywhen_reply"}},
        {"bot_id": "B0BOT", "metadata": EVENT_TYPE},
    ],
)
def test_nothing_else_is_taken_for_a_line(message: Json):
    assert not is_line(message)


# ---------------------------------------------------------------- a status


async def test_a_thread_shows_it_as_the_status_of_the_app(slack):
    channel, root = channel_at(slack), slack.say("ann", "@saywhen hi", channel="general").ts
    to = f"T0DEMO/C0GENERAL/{root}"

    await channel.show_progress(to, "is running deploy ...")
    at_work = dict(slack.workspace.statuses)
    await channel.show_progress(to, "")

    assert at_work == {("C0GENERAL", root): "is running deploy ..."}
    assert slack.workspace.statuses == {}
    assert slack.messages("general") == []


async def test_a_workspace_without_a_status_gets_a_line_in_the_thread(slack):
    channel, root = channel_at(slack), slack.say("ann", "@saywhen hi", channel="general").ts
    slack.faults.add("assistant.threads.setStatus", "not_ok:feature_not_enabled", times=50)
    to = f"T0DEMO/C0GENERAL/{root}"

    await channel.show_progress(to, "is running deploy ...")
    (line,) = slack.messages("general", root)
    await channel.show_progress(to, "is running deploy: 1 ...")
    await answer(channel, to=to)

    assert line["text"] == "_is running deploy ..._"
    assert [m["text"] for m in slack.messages("general", root) if not m["deleted"]] == ["Done."]
    assert slack.stats.posts["assistant.threads.setStatus"] == 1


async def test_without_the_scope_to_write_nothing_breaks():
    config = SlackConfig()
    async with SlackSimulator(config=replace(config, scopes=config.scopes - {"chat:write"})) as slack:
        await channel_at(slack).show_progress(DM, "is running deploy ...")
        await channel_at(slack).show_progress("nowhere", "is running deploy ...")

    assert slack.stats.errors == {"missing_scope": 1}
