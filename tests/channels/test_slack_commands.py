"""The slash command and what people press, by socket and by HTTP: stored, then answered, in the right place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from bot.errors import StoreFull
from bot.events import MessageReceived, Outgoing
from channels.slack import SlackChannel
from channels.slack.commands import Where, asked, parse
from channels.slack.events import Identity
from simulators.slack import SlackSimulator
from simulators.slack.deliveries import Outcome
from tests.channels.slack_desk import Inbox, approval
from tests.channels.sms_kit import open_door

ME = Identity("T0DEMO", "U0BOT", name="saywhen")
FIELDS = {"team_id": "T0DEMO", "user_id": "U0ANN", "user_name": "ann", "channel_id": "C0GENERAL",
          "text": "hi", "trigger_id": "1.2.abc", "command": "/saywhen"}  # fmt: skip


@dataclass
class Office:
    slack: SlackSimulator
    channel: SlackChannel
    inbox: Inbox

    async def command(self, text: str, *, by: str = "ann", channel: str = "") -> Outcome:
        where = self.slack.channel(channel or by)
        person = self.slack.person(by)
        return await self.slack.interactions.command(person, where, "/saywhen", text)

    @property
    def asked(self) -> list[tuple[str, str]]:
        found = [(i.data, i.destination) for i in self.inbox.got]
        return [(d.blocks[0].text, to) for d, to in found if isinstance(d, MessageReceived)]

    def shown(self, person: str) -> list[str]:
        """What only this person sees."""
        return [m["text"] for m in self.slack.conversation(person) if m["ephemeral_to"]]


@pytest.fixture(params=["socket", "http"])
async def office(request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    over_http = request.param == "http"
    inbox = Inbox()
    inbox.gate.set()
    async with SlackSimulator() as slack, open_door() as door:
        channel = SlackChannel(
            bot_token="xoxb-demo",
            app_token="" if over_http else "xapp-demo",
            signing_secret=slack.config.signing_secret,
            knows=_never,
            api_url=slack.api_url,
        )
        door.lead_to(channel, inbox)  # type: ignore[arg-type]  # whatever has webhooks and receives
        task = asyncio.create_task(channel.run(inbox.receive))
        await slack.until(lambda: channel.health().state == "connected")
        if over_http:
            hooks = f"{door.url}/webhooks/slack"
            assert await slack.use_http(
                f"{hooks}/events", interactive=f"{hooks}/interactive", commands=f"{hooks}/commands"
            )
        yield Office(slack, channel, inbox)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _never(_account: str, _conversation: str) -> bool:
    return False


# ---------------------------------------------------------------- the command


async def test_a_command_in_a_dm_is_a_message_there(office: Office):
    outcome = await office.command("what time is it?")

    assert office.asked == [("what time is it?", "T0DEMO/D0ANN")]
    assert office.inbox.got[0].direct
    assert outcome.response == {"response_type": "ephemeral", "text": "You asked: what time is it?"}


async def test_a_command_in_a_channel_begins_a_thread_there(office: Office):
    outcome = await office.command("lunch for <!channel>?", channel="general")

    (root,) = office.slack.messages("general")
    assert office.asked == [("lunch for @channel?", f"T0DEMO/C0GENERAL/{root['ts']}")]
    assert "ann asks: lunch for @\u200bchannel?" in root["text"]
    assert (root["unfurl_links"], root["unfurl_media"]) == (False, False)
    assert outcome.failure is None
    assert not outcome.response


async def test_where_the_bot_is_not_the_answer_comes_in_the_dm(office: Office):
    outcome = await office.command("psst", channel="lounge")

    assert office.asked == [("psst", "T0DEMO/D0ANN")]
    assert outcome.response is not None
    assert "direct messages" in outcome.response["text"]


async def test_a_command_without_words_is_explained(office: Office):
    outcome = await office.command("  ")

    assert office.inbox.got == []
    assert outcome.response is not None
    assert "/saywhen" in outcome.response["text"]


async def test_what_could_not_be_stored_is_said_and_leaves_nothing_behind(office: Office):
    office.inbox.errors = [StoreFull()]

    outcome = await office.command("lunch?", channel="general")

    assert outcome.response is not None
    assert "could not be stored" in outcome.response["text"]
    (root,) = [message for message in office.slack.messages("general") if not message["ephemeral_to"]]
    assert root["deleted"]


async def test_who_may_not_ask_hears_so(office: Office):
    office.inbox.refuses = True

    outcome = await office.command("hello")

    assert outcome.response is not None
    assert "may not take questions" in outcome.response["text"]


async def test_a_slack_that_cannot_open_a_dm_just_now_is_said(office: Office):
    office.slack.faults.add("conversations.open", "500")

    outcome = await office.command("hello")

    assert office.inbox.got == []
    assert outcome.response is not None
    assert "ask again" in outcome.response["text"]


@pytest.mark.parametrize("missing", ["team_id", "user_id", "channel_id", "trigger_id"])
def test_a_command_of_nobody_is_none(missing: str):
    assert parse({**FIELDS, missing: ""}, me=ME) is None


def test_a_command_used_twice_is_two_questions_and_repeated_is_one():
    def key(trigger: str) -> str | None:
        command = parse({**FIELDS, "trigger_id": trigger}, me=ME)
        assert command is not None
        return asked(command, Where("D0ANN"), me=ME).dedupe

    assert key("1.2.abc") == key("1.2.abc")
    assert key("1.2.abc") != key("1.2.abd")


# ---------------------------------------------------------------- what people press, by both ways


async def _request(office: Office) -> str:
    outgoing = Outgoing(text="may I?", destination="T0DEMO/U0CAROL", request=approval())
    (part,) = office.channel.render("ob1", outgoing)
    return (await office.channel.send(part)).partition(":")[2]


async def _press(office: Office, name: str) -> Outcome:
    person, where = office.slack.person("carol"), office.slack.channel("carol")
    message = office.slack.interactions.message_with(where, f"saywhen.{name}")
    return await office.slack.interactions.click(person, message, f"saywhen.{name}")


async def test_a_press_is_stored_then_acknowledged_then_shown(office: Office):
    await _request(office)
    office.inbox.gate.clear()

    pressing = asyncio.create_task(_press(office, "approve"))
    await office.slack.until(lambda: office.inbox.waiting)
    early = pressing.done()
    office.inbox.gate.set()
    outcome = await pressing

    assert not early
    assert outcome.failure is None
    assert [answer[0] for answer in office.inbox.answers] == ["approve"]
    await office.slack.until(lambda: "You chose" in str(office.slack.messages("carol")))


async def test_a_press_that_could_not_be_stored_fails_and_is_said(office: Office):
    office.slack.deliveries.ack_seconds = 1.0
    await _request(office)
    office.inbox.errors = [StoreFull()]

    outcome = await _press(office, "approve")

    assert outcome.failure is not None
    await office.slack.until(lambda: office.shown("carol"))
    assert "nothing was decided" in office.shown("carol")[0]


async def test_a_form_is_opened_and_what_is_sent_in_is_stored(office: Office):
    await _request(office)
    await _press(office, "respond")
    person = office.slack.person("carol")
    await office.slack.until(lambda: office.slack.interactions.modals_of(person))
    (modal,) = office.slack.interactions.modals_of(person)
    (field,) = [block for block in modal.view["blocks"] if block["type"] == "input"]

    empty = await office.slack.interactions.submit(person, None, {field["block_id"]: " "})
    full = await office.slack.interactions.submit(person, None, {field["block_id"]: "ask Bob"})

    assert empty.response is not None
    assert empty.response["response_action"] == "errors"
    assert full.response == {"response_action": "clear"}
    assert [answer[:2] for answer in office.inbox.answers] == [("respond", "ask Bob")]
