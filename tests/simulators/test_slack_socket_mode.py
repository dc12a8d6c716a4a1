"""The unmodified slack_bolt over Socket Mode against the simulated Slack."""

import asyncio
import json
from pathlib import Path

import aiohttp

from simulators.slack import SlackSimulator
from tests.simulators.slack_kit import socket_bot


async def test_a_direct_message_arrives_and_is_acknowledged():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        said = slack.say("ann", "hello")

        await slack.until(lambda: slack.stats.acks)

        (event,) = bot.events
        assert (event["type"], event["channel_type"], event["user"]) == ("message", "im", "U0ANN")
        assert (event["ts"], event["channel"], event["text"]) == (said.ts, "D0ANN", "hello")
        assert bot.bodies[0]["event_id"] == said.event_id
        assert bot.headers == [("0", "")]
        assert slack.state.pending_deliveries() == ()


async def test_a_mention_in_a_channel_produces_two_events_with_the_same_ts():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        said = slack.say("bob", "@saywhen what time is it?", "general")

        await slack.until(lambda: len(bot.events) == 2)

        assert {event["type"] for event in bot.events} == {"message", "app_mention"}
        assert {event["ts"] for event in bot.events} == {said.ts}
        assert {event["client_msg_id"] for event in bot.events} == {bot.events[0]["client_msg_id"]}
        assert len({body["event_id"] for body in bot.bodies}) == 2


async def test_a_mention_in_a_direct_message_is_one_event():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        slack.say("bob", "@saywhen are you there?")

        await slack.until(lambda: slack.stats.acks)

        assert [event["type"] for event in bot.events] == ["message"]


async def test_the_bots_own_reply_comes_back_as_an_event_with_its_bot_id():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        said = slack.say("ann", "hello")

        await bot.client.chat_postMessage(channel=said.channel, thread_ts=said.ts, text="hello yourself")
        await slack.until(lambda: len(bot.bodies) == 2)

        (own,) = (body["event"] for body in bot.bodies if "bot_id" in body["event"])
        assert (own["bot_id"], own["app_id"], own["user"]) == ("B0BOT", "A0DEMO", "U0BOT")
        assert (own["thread_ts"], own["parent_user_id"]) == (said.ts, "U0ANN")
        assert "subtype" not in own


async def test_an_event_without_an_answer_comes_again_with_the_same_event_id():
    async with SlackSimulator(time_scale=0.1) as slack, socket_bot(slack) as bot:
        bot.acks = False
        said = slack.say("ann", "hello?")

        await slack.until(lambda: len(bot.bodies) == 1)
        bot.acks = True
        await slack.until(lambda: slack.stats.acks)

        assert [body["event_id"] for body in bot.bodies] == [said.event_id, said.event_id]
        assert bot.headers == [("0", ""), ("1", "timeout")]
        assert slack.stats.redeliveries == 1


async def test_slack_gives_up_after_three_retries():
    async with SlackSimulator(time_scale=0.1) as slack, socket_bot(slack) as bot:
        slack.deliveries.retry_delays = (0.0, 0.05, 0.1)
        bot.acks = False
        slack.say("ann", "hello?")

        await slack.until(lambda: slack.stats.given_up)

        assert [number for number, _ in bot.headers] == ["0", "1", "2", "3"]
        assert slack.state.pending_deliveries() == ()


async def test_what_is_said_while_nobody_listens_is_delivered_as_a_retry():
    async with SlackSimulator() as slack:
        said = slack.say("ann", "anybody?")
        await asyncio.sleep(0.02)

        async with socket_bot(slack) as bot:
            await slack.until(lambda: slack.stats.acks)

        assert bot.bodies[0]["event_id"] == said.event_id
        assert bot.headers[0] == ("1", "timeout")


async def test_each_event_goes_to_exactly_one_of_several_connections():
    async with SlackSimulator() as slack, socket_bot(slack) as one, socket_bot(slack) as other:
        for number in range(6):
            slack.say("ann", f"message {number}")

        await slack.until(lambda: slack.stats.acks == 6)

        assert len(one.bodies) == len(other.bodies) == 3
        assert {e["text"] for e in one.events} | {e["text"] for e in other.events} == {
            f"message {number}" for number in range(6)
        }


async def test_a_refresh_is_announced_before_the_close_and_loses_nothing():
    async with SlackSimulator(time_scale=0.2) as slack, socket_bot(slack, ping_interval=0.5) as bot:
        told = await slack.sockets.disconnect("refresh_requested")
        for number in range(5):
            slack.say("ann", f"during the change {number}")

        await slack.until(lambda: not slack.state.pending_deliveries() and slack.stats.connections_total == 2)

        assert told == 1
        assert {event["text"] for event in bot.events} == {f"during the change {n}" for n in range(5)}


async def test_a_connection_that_was_warned_stays_open_for_a_while():
    async with (
        SlackSimulator() as slack,
        aiohttp.ClientSession() as session,
        session.ws_connect(slack.sockets.open_url(slack.base_url)) as ws,
    ):
        hello = await ws.receive_json()
        await slack.sockets.disconnect("warning")
        warning = await ws.receive_json()
        slack.say("ann", "still here?")
        envelope = await ws.receive_json()

        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert (warning["type"], warning["reason"]) == ("disconnect", "warning")
        assert envelope["payload"]["event"]["text"] == "still here?"


async def test_a_withheld_pong_makes_the_sdk_reconnect():
    async with SlackSimulator() as slack, socket_bot(slack, ping_interval=0.2) as bot:
        slack.sockets.answers_pings = False

        await slack.until(lambda: slack.stats.connections_total > 1, timeout=10)
        slack.sockets.answers_pings = True
        await slack.until(lambda: slack.sockets.connections, timeout=10)
        slack.say("ann", "are you back?")
        await slack.until(lambda: bot.events, timeout=10)

        assert bot.events[0]["text"] == "are you back?"


async def test_a_cut_connection_brings_the_unanswered_event_again():
    async with SlackSimulator() as slack, socket_bot(slack, ping_interval=0.2) as bot:
        bot.acks = False
        slack.say("ann", "do not lose me")
        await slack.until(lambda: bot.bodies)
        bot.acks = True

        assert await slack.sockets.drop() == 1
        await slack.until(lambda: slack.stats.acks, timeout=10)

        assert bot.headers[-1] == ("1", "timeout")


async def test_a_ticket_opens_one_connection_only():
    async with SlackSimulator() as slack, aiohttp.ClientSession() as session:
        url = slack.sockets.open_url(slack.base_url)
        async with session.ws_connect(url) as ws:
            await ws.receive_json()

            async with session.get(url) as second:
                assert second.status == 403


async def test_the_eleventh_connection_is_told_that_there_are_too_many():
    async with SlackSimulator() as slack, aiohttp.ClientSession() as session:
        ten = [await session.ws_connect(slack.sockets.open_url(slack.base_url)) for _ in range(10)]
        assert (await ten[-1].receive_json())["num_connections"] == 10

        eleventh = await session.ws_connect(slack.sockets.open_url(slack.base_url))

        assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
        assert (await eleventh.receive()).type == aiohttp.WSMsgType.CLOSE


async def test_a_restart_of_slack_keeps_messages_and_sends_the_unanswered_event_again(tmp_path: Path):
    state = tmp_path / "slack.db"
    async with SlackSimulator(state) as slack, socket_bot(slack) as bot:
        bot.acks = False
        said = slack.say("ann", "before the restart")
        await slack.until(lambda: bot.bodies)

    async with SlackSimulator(state) as slack, socket_bot(slack) as bot:
        await slack.until(lambda: slack.stats.acks)

        assert bot.bodies[0]["event_id"] == said.event_id
        assert bot.headers[0][0] == "1"
        assert [message["text"] for message in slack.conversation("ann")] == ["before the restart"]


async def test_an_acknowledged_event_is_not_sent_again_after_a_restart(tmp_path: Path):
    state = tmp_path / "slack.db"
    async with SlackSimulator(state) as slack, socket_bot(slack):
        said = slack.say("ann", "hello")
        await slack.until(lambda: slack.stats.acks)

    async with SlackSimulator(state) as slack, socket_bot(slack) as bot:
        later = slack.say("ann", "hello again")
        await slack.until(lambda: slack.stats.acks)

        assert [event["text"] for event in bot.events] == ["hello again"]
        assert later.event_id != said.event_id
        assert float(later.ts) > float(said.ts)


async def test_the_same_event_can_be_sent_fifty_times():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        said = slack.say("ann", "once")
        await slack.until(lambda: slack.stats.acks)

        acked = await slack.redeliver(said.event_id or "", times=50)

        assert acked == 50
        assert {body["event_id"] for body in bot.bodies} == {said.event_id}
        assert len(bot.bodies) == 51


async def test_a_button_press_reaches_the_app_and_its_trigger_opens_one_view():
    async with SlackSimulator() as slack, socket_bot(slack) as bot:
        triggers: list[str] = []

        @bot.app.action("approve")
        async def approve(ack, body):
            triggers.append(body["trigger_id"])
            await ack()

        button = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "OK"}}
        blocks = [{"type": "actions", "elements": [{**button, "value": "7"}]}]
        posted = await bot.client.chat_postMessage(channel="U0ANN", text="May I?", blocks=blocks)
        message = slack.message("ann", posted["ts"])

        outcome = await slack.interactions.click(slack.person("ann"), message, "approve")
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Why?"}, "blocks": []}
        opened = await bot.client.views_open(trigger_id=triggers[0], view=view)

        assert outcome.failure is None
        assert opened["view"]["id"] in slack.interactions.views
        second = await _post(slack, "views.open", {"trigger_id": triggers[0], "view": view})
        assert second["error"] == "exchanged_trigger_id"


async def _post(slack: SlackSimulator, method: str, body: dict[str, object]) -> dict[str, object]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer xoxb-demo"}) as session,
        session.post(slack.api_url + method, json=body) as response,
    ):
        answer: dict[str, object] = json.loads(await response.text())
        return answer
