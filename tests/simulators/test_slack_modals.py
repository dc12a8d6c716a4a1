"""Buttons and modals of the simulated Slack: pressed and sent in by scripts and on the page, as people would."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.config import Json
from simulators.slack.limits import ApiError, check_view
from simulators.slack.pane import PaneView
from tests.simulators.slack_kit import Bot, socket_bot

FIELD: Json = {
    "type": "input",
    "block_id": "why",
    "label": {"type": "plain_text", "text": "Why?"},
    "element": {"type": "plain_text_input", "action_id": "value", "initial_value": "<because>"},
}
MODAL: Json = {
    "type": "modal",
    "callback_id": "reason",
    "title": {"type": "plain_text", "text": "Reject"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [FIELD],
}


class Office:
    """A bot with a button that opens a modal, and what it was told."""

    def __init__(self, slack: SlackSimulator, bot: Bot) -> None:
        self.slack, self.bot = slack, bot
        self.pressed: list[Json] = []
        self.submitted: list[Json] = []
        self.answer: Json = {}
        self.opens = True

        @bot.app.action("reject")
        async def reject(ack, body):
            self.pressed.append(body)
            await ack()
            if self.opens:
                await bot.client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @bot.app.view("reason")
        async def reason(ack, body):
            self.submitted.append(body)
            await ack(**self.answer)

    async def post(self, text: str, *, metadata: Json | None = None) -> str:
        label = {"type": "plain_text", "text": "No & never"}
        button = {"type": "button", "action_id": "reject", "text": label, "value": "7"}
        blocks: list[Json] = [
            {"type": "section", "text": {"type": "plain_text", "text": text}},
            {"type": "actions", "elements": [button]},
        ]
        posted = await self.bot.client.chat_postMessage(
            channel="U0ANN", text=text, blocks=blocks, metadata=metadata
        )
        return str(posted["ts"])

    async def call(self, path: str, **body: object) -> tuple[int, Json]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.slack.base_url}/sim/slack/{path}", json=body) as response,
        ):
            return response.status, await response.json()

    async def until_open(self) -> None:
        await self.slack.until(lambda: self.slack.interactions.views)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        yield Office(slack, bot)


async def test_a_button_is_found_by_the_text_of_its_message(office: Office):
    first = await office.post("first <one>")
    await office.post("second one")

    status, answer = await office.call("click", **{"from": "ann", "text": "<one>", "action_id": "reject"})

    assert (status, answer["ok"], answer["ts"]) == (200, True, first)
    assert office.pressed[0]["container"]["message_ts"] == first


async def test_without_more_the_newest_such_button_is_pressed(office: Office):
    await office.post("first")
    second = await office.post("second")

    _, answer = await office.call("click", **{"from": "ann", "action_id": "reject"})

    assert answer["ts"] == second


@pytest.mark.parametrize(
    "body",
    [
        {"from": "ann", "action_id": "approve"},
        {"from": "ann", "action_id": "reject", "text": "nowhere"},
        {"from": "ann", "action_id": "reject", "value": "8"},
        {"from": "bob", "action_id": "reject"},
        {"from": "bob", "action_id": "reject", "channel": "ann"},
    ],
)
async def test_a_button_that_nobody_sees_cannot_be_pressed(office: Office, body: Json):
    await office.post("first")

    status, answer = await office.call("click", **body)

    assert (status, answer["ok"]) == (400, False)
    assert office.pressed == []


async def test_every_press_has_a_time_of_its_own(office: Office):
    await office.post("first")

    for _ in range(3):
        await office.call("click", **{"from": "ann", "action_id": "reject"})

    assert len({press["actions"][0]["action_ts"] for press in office.pressed}) == 3
    assert office.pressed[0]["actions"][0]["text"]["text"] == "No &amp; never"


@pytest.mark.parametrize("included", [True, False])
async def test_the_message_of_a_press_has_its_metadata_or_not(included: bool):
    metadata = {"event_type": "x", "event_payload": {"id": "ob1"}}
    config = SlackConfig(metadata_in_actions=included)
    async with SlackSimulator(config=config) as slack, socket_bot(slack) as bot:
        office = Office(slack, bot)
        await office.post("first", metadata=metadata)
        await office.call("click", **{"from": "ann", "action_id": "reject"})

    assert office.pressed[0]["message"].get("metadata") == (metadata if included else None)


async def test_a_modal_is_sent_in_with_what_was_written_or_stood_there(office: Office):
    await office.post("first")
    for values in ({"Why?": "too late"}, {"why": "too early"}, {}):
        await office.call("click", **{"from": "ann", "action_id": "reject"})
        await office.until_open()
        await office.call("submit", **{"from": "ann", "values": values})

    said = [body["view"]["state"]["values"]["why"]["value"]["value"] for body in office.submitted]
    assert said == ["too late", "too early", "<because>"]
    assert office.slack.interactions.views == {}


@pytest.mark.parametrize(
    "body",
    [
        {"from": "bob", "values": {}},
        {"from": "ann", "values": {"What?": "x"}},
        {"from": "ann", "values": {"why": ""}},
        {"from": "ann", "view_id": "V0NONE", "values": {}},
    ],
)
async def test_what_slack_would_not_send_in_is_refused(office: Office, body: Json):
    await office.post("first")
    await office.call("click", **{"from": "ann", "action_id": "reject"})
    await office.until_open()

    status, answer = await office.call("submit", **body)

    assert (status, answer["ok"]) == (400, False)
    assert office.submitted == []


async def test_a_modal_with_errors_stays_open_and_shows_them_with_what_was_written(office: Office):
    await office.post("first")
    await office.call("click", **{"from": "ann", "action_id": "reject"})
    await office.until_open()
    office.answer = {"response_action": "errors", "errors": {"why": "Say <more>."}}

    _, answer = await office.call("submit", **{"from": "ann", "values": {"why": "<no>"}})
    html = PaneView(office.slack, "ann", "").render()["modal"]

    assert answer["response"] == office.answer
    assert "Say &lt;more&gt;." in html
    assert 'value="&lt;no&gt;"' in html
    assert PaneView(office.slack, "bob", "").render()["modal"] == ""


async def test_a_modal_can_be_closed_without_the_app_hearing_of_it(office: Office):
    await office.post("first")
    await office.call("click", **{"from": "ann", "action_id": "reject"})
    await office.until_open()

    await office.call("close", **{"from": "ann"})

    assert office.slack.interactions.views == {}
    assert office.submitted == []


async def test_a_trigger_opens_one_view_and_only_soon(office: Office):
    office.opens = False
    await office.post("first")
    await office.call("click", **{"from": "ann", "action_id": "reject"})
    office.slack.interactions.trigger_seconds = 0
    await office.call("click", **{"from": "ann", "action_id": "reject"})
    fresh, late = (press["trigger_id"] for press in office.pressed)

    codes = [await opening(office, trigger) for trigger in (fresh, fresh, late, "1.2.3")]

    assert codes == ["", "exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"]


async def opening(office: Office, trigger: str) -> str:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer xoxb-demo"}) as session,
        session.post(
            office.slack.api_url + "views.open", json={"trigger_id": trigger, "view": MODAL}
        ) as response,
    ):
        return str((await response.json()).get("error", ""))


def with_field(**changes: Any) -> Json:
    return {**MODAL, "blocks": [{**FIELD, "element": {**FIELD["element"], **changes}}]}


@pytest.mark.parametrize(
    "view",
    [
        {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}},
        {**MODAL, "submit": None},
        {**MODAL, "private_metadata": "x" * 3_001},
        {**MODAL, "blocks": [{"type": "divider"}] * 101},
        {**MODAL, "blocks": [{"type": "input"}]},
        with_field(initial_value="x" * 3_001),
        with_field(initial_value=""),
        with_field(max_length=3_001),
    ],
)
def test_a_modal_that_slack_would_not_show_is_refused(view: Json):
    with pytest.raises(ApiError):
        check_view(view)


async def test_rich_text_is_shown_literally(office: Office):
    pieces = [{"type": "text", "text": "<!channel> *x*\n&amp;"}]
    block: Json = {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": pieces}]}
    blocks = [block, {"type": "divider"}]
    await office.bot.client.chat_postMessage(channel="U0ANN", text="t", blocks=blocks)

    html = PaneView(office.slack, "ann", "").render()["messages"]

    assert "<pre>&lt;!channel&gt; *x*\n&amp;amp;</pre>" in html
    (message,) = office.slack.messages("ann")
    assert message["blocks"][0]["elements"] == block["elements"]
