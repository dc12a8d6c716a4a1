"""Buttons, commands and forms by hand: what the app is told, when it must answer, and what its token allows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulators.discord import BOT_ID, GUILD_ID, DiscordConfig, DiscordSimulator, Outcome, Refused
from simulators.discord.config import NO_LIMITS
from tests.simulators.discord_kit import ANN, GENERAL, UNLIMITED, Answer, Clock, Hand, Line, hand, line

ASK = {
    "name": "ask",
    "description": "Ask something",
    "options": [
        {"name": "question", "description": "what", "type": 3, "required": True},
        {"name": "times", "description": "how often", "type": 4},
        {"name": "tone", "description": "how", "type": 3, "choices": [{"name": "Nice", "value": "nice"}]},
    ],
}
BUTTONS = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 3, "label": "Approve", "custom_id": "yes"},
            {"type": 2, "style": 4, "label": "Reject", "custom_id": "no", "disabled": True},
            {"type": 2, "style": 5, "label": "Read", "url": "https://example.org"},
        ],
    }
]
FORM: dict[str, Any] = {
    "title": "Why?",
    "custom_id": "form",
    "components": [
        {
            "type": 1,
            "components": [
                {"type": 4, "style": 1, "label": "Reason", "custom_id": "reason", "max_length": 10}
            ],
        },
        {
            "type": 18,
            "label": "More",
            "component": {"type": 4, "style": 2, "custom_id": "more", "required": False},
        },
    ],
}


class App:
    """A bot by hand: a line to hear interactions, a hand to answer them."""

    def __init__(self, simulator: DiscordSimulator, gateway: Line, rest: Hand) -> None:
        self.simulator, self.gateway, self.rest = simulator, gateway, rest

    async def heard(self) -> dict[str, Any]:
        return dict((await self.gateway.until(event="INTERACTION_CREATE"))["d"])

    async def respond(self, told: dict[str, Any], kind: int, data: Any = None, *, query: str = "") -> Answer:
        path = f"/interactions/{told['id']}/{told['token']}/callback{query}"
        return await self.rest.call("POST", path, {"type": kind, "data": data})

    async def webhook(self, method: str, told: dict[str, Any], path: str = "", body: Any = None) -> Answer:
        return await self.rest.call(method, f"/webhooks/{BOT_ID}/{told['token']}{path}", body)

    async def ask(self, channel: str = GENERAL) -> str:
        sent = await self.rest.send(channel, "Pay?", components=BUTTONS)
        return str(sent.body["id"])

    async def pressed(self) -> tuple[dict[str, Any], "asyncio.Task[Outcome]"]:
        press = asyncio.create_task(self.simulator.press("ann", await self.ask(), "Approve"))
        return await self.heard(), press


@asynccontextmanager
async def app(config: DiscordConfig = UNLIMITED, **options: Any) -> AsyncIterator[App]:
    async with (
        DiscordSimulator(config=config, **options) as simulator,
        line(simulator) as gateway,
        hand(simulator) as rest,
    ):
        await gateway.identify()
        yield App(simulator, gateway, rest)


# What the app is told


async def test_a_press_names_the_button_the_message_and_the_person():
    async with app() as bot:
        told, press = await bot.pressed()
        answer = await bot.respond(told, 6)
        outcome = await press

    assert (told["type"], told["data"]["custom_id"], told["data"]["component_type"]) == (3, "yes", 2)
    assert (told["message"]["content"], told["member"]["user"]["id"]) == ("Pay?", ANN)
    assert (told["guild_id"], told["channel"]["name"], told["context"]) == (str(GUILD_ID), "general", 0)
    assert "user" not in told
    assert (answer.status, answer.body) == (204, "")
    assert (outcome.response, outcome.message) == (6, told["message"]["id"])


async def test_in_a_direct_message_there_is_a_user_and_no_server():
    async with app() as bot:
        channel = bot.simulator.say("ann", "hi").channel
        press = asyncio.create_task(bot.simulator.press("ann", await bot.ask(str(channel)), "yes"))
        told = await bot.heard()
        await bot.respond(told, 6)
        await press

    assert (told["user"]["username"], told["channel"]["type"], told["context"]) == ("ann", 1, 1)
    assert not {"member", "guild_id", "guild_locale"} & told.keys()


async def test_a_command_carries_its_options_with_their_types():
    async with app() as bot:
        await bot.rest.call("PUT", f"/applications/{BOT_ID}/commands", [ASK])
        call = asyncio.create_task(
            bot.simulator.slash("ann", "/ask", {"question": "why?", "times": 2}, "general")
        )
        told = await bot.heard()
        await bot.respond(told, 4, {"content": "because"})
        outcome = await call

        (shown,) = bot.simulator.messages("general")

    assert told["data"]["name"] == "ask"
    assert told["data"]["options"] == [
        {"name": "question", "type": 3, "value": "why?"},
        {"name": "times", "type": 4, "value": 2},
    ]
    assert (shown["id"], shown["text"], shown["type"]) == (outcome.message, "because", 20)


# When it must answer


async def test_without_an_answer_in_time_it_has_failed_and_the_token_is_dead():
    config = DiscordConfig(limits=NO_LIMITS, respond_seconds=0.1)
    async with app(config, now=Clock()) as bot:
        told, press = await bot.pressed()
        outcome = await press
        late = await bot.respond(told, 6)

    assert (outcome.ok, outcome.response) == (False, None)
    assert (late.status, late.body["code"], late.body["message"]) == (404, 10062, "Unknown interaction")


async def test_four_seconds_are_too_late():
    clock = Clock()
    async with app(now=clock) as bot:
        told, press = await bot.pressed()
        clock.move(seconds=4)
        late = await bot.respond(told, 6)
        press.cancel()

    assert late.body["code"] == 10062


async def test_a_second_first_answer_is_refused_and_so_is_one_for_another_id():
    async with app() as bot:
        told, press = await bot.pressed()
        other = await bot.respond({**told, "id": "1"}, 6)
        await bot.respond(told, 6)
        again = await bot.respond(told, 4, {"content": "again"})
        await press

    assert other.body["code"] == 10062
    assert (again.status, again.body["code"]) == (400, 40060)


async def test_before_the_first_answer_there_is_no_webhook_and_after_a_quarter_of_an_hour_no_token():
    clock = Clock()
    async with app(now=clock) as bot:
        told, press = await bot.pressed()
        early = await bot.webhook("POST", told, body={"content": "x"})
        await bot.respond(told, 5)
        await press
        clock.move(minutes=14)
        in_time = await bot.webhook("PATCH", told, "/messages/@original", {"content": "done"})
        clock.move(minutes=2)
        late = await bot.webhook("PATCH", told, "/messages/@original", {"content": "more"})

    assert (early.status, early.body["code"]) == (404, 10015)
    assert (in_time.status, in_time.body["content"]) == (200, "done")
    assert (late.status, late.body["code"]) == (401, 50027)


async def test_every_interaction_has_an_id_and_a_token_of_its_own():
    async with app() as bot:
        message = await bot.ask()
        told = []
        for _ in range(3):
            press = asyncio.create_task(bot.simulator.press("ann", message, "yes"))
            told.append(await bot.heard())
            await bot.respond(told[-1], 6)
            await press

    assert len({each["id"] for each in told}) == len({each["token"] for each in told}) == 3


# What it may answer


async def test_a_deferred_answer_waits_and_the_first_further_message_takes_its_place():
    async with app() as bot:
        told, press = await bot.pressed()
        first = await bot.respond(told, 5, {"flags": 64}, query="?with_response=true")
        await press
        (_, waiting) = bot.simulator.messages("general")
        filled = await bot.webhook("POST", told, "?wait=true", {"content": "only for you"})
        further = await bot.webhook("POST", told, body={"content": "for all"})
        everybody = await bot.rest.call("GET", f"/channels/{GENERAL}/messages")
        for_ann = [message["text"] for message in bot.simulator.messages(to="ann")]
        for_bob = bot.simulator.messages(to="bob")

    assert first.body["interaction"]["response_message_loading"] is True
    assert first.body["interaction"]["response_message_ephemeral"] is True
    assert first.body["resource"]["message"]["id"] == waiting["id"] == filled.body["id"]
    assert (waiting["loading"], waiting["ephemeral_to"]) == (True, "ann")
    assert filled.body["flags"] == 64
    assert [message["content"] for message in everybody.body] == ["for all", "Pay?"]
    assert for_ann == ["only for you"]
    assert for_bob == []
    assert further.body["interaction_metadata"]["user"]["id"] == ANN


async def test_an_update_changes_the_message_that_was_pressed():
    async with app() as bot:
        told, press = await bot.pressed()
        await bot.respond(told, 7, {"content": "Paid.", "components": []})
        outcome = await press
        original = await bot.webhook("GET", told, "/messages/@original")
        with pytest.raises(Refused, match="has no button 'Approve'; it has none"):
            await bot.simulator.press("ann", str(outcome.message), "Approve")

    assert (original.body["id"], original.body["content"]) == (told["message"]["id"], "Paid.")


async def test_the_first_answer_can_be_deleted():
    async with app() as bot:
        told, press = await bot.pressed()
        await bot.respond(told, 4, {"content": "wait"})
        await press
        deleted = await bot.webhook("DELETE", told, "/messages/@original")
        gone = await bot.webhook("GET", told, "/messages/@original")

        left = [message["text"] for message in bot.simulator.messages()]

    assert (deleted.status, gone.body["code"]) == (204, 10008)
    assert left == ["Pay?"]


async def test_a_command_has_no_message_to_update_and_a_form_opens_no_form():
    async with app() as bot:
        await bot.rest.call("PUT", f"/applications/{BOT_ID}/commands", [ASK])
        call = asyncio.create_task(bot.simulator.slash("ann", "ask", {"question": "why?"}))
        told = await bot.heard()
        update, unknown = await bot.respond(told, 7, {"content": "x"}), await bot.respond(told, 99)
        await bot.respond(told, 9, FORM)
        await call
        submit = asyncio.create_task(bot.simulator.submit("ann", {"reason": "so"}))
        submitted = await bot.heard()
        form = await bot.respond(submitted, 9, FORM)
        await bot.respond(submitted, 4, {"content": "ok"})
        await submit

    assert [answer.body["code"] for answer in (update, unknown, form)] == [50035] * 3


async def test_what_an_answer_says_without_allowed_mentions_notifies():
    async with app() as bot:
        told, press = await bot.pressed()
        await bot.respond(told, 4, {"content": f"<@{ANN}>"})
        await press

        (ping,) = bot.simulator.pings()

    assert (ping["how"], ping["pinged"]) == ("create", [f"user {ANN}"])


# Forms


async def test_a_form_is_filled_in_by_label_or_id_and_comes_back_in_its_own_shape():
    async with app() as bot:
        told, press = await bot.pressed()
        await bot.respond(told, 9, FORM)
        outcome = await press
        submit = asyncio.create_task(bot.simulator.submit("ann", {"Reason": "too dear", "more": "much"}))
        submitted = await bot.heard()
        await bot.respond(submitted, 6)
        await submit

    assert outcome.modal == FORM
    assert (submitted["type"], submitted["data"]["custom_id"]) == (5, "form")
    assert submitted["message"]["id"] == told["message"]["id"]
    row, label = submitted["data"]["components"]
    assert (row["type"], row["components"][0]["custom_id"], row["components"][0]["value"]) == (
        1,
        "reason",
        "too dear",
    )
    assert (label["type"], label["component"]["custom_id"], label["component"]["value"]) == (
        18,
        "more",
        "much",
    )


async def test_a_form_must_be_filled_in_rightly_and_only_once():
    async with app() as bot:
        told, press = await bot.pressed()
        await bot.respond(told, 9, FORM)
        await press
        for fields, problem in (
            ({}, "'Reason' must be filled in"),
            ({"Reason": "x" * 11}, "'Reason' takes 0 to 10 characters"),
            ({"Reason": "x", "Other": "y"}, "no field 'Other'; it has Reason, More"),
        ):
            with pytest.raises(Refused, match=problem):
                await bot.simulator.submit("ann", fields)
        with pytest.raises(Refused, match="no form is open for bob"):
            await bot.simulator.submit("bob", {"Reason": "x"})
        submit = asyncio.create_task(bot.simulator.submit("ann", {"Reason": "x"}))
        await bot.respond(await bot.heard(), 6)
        await submit
        with pytest.raises(Refused, match="no form is open for ann"):
            await bot.simulator.submit("ann", {"Reason": "x"})


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"title": "x" * 46},
        {"custom_id": "x" * 101},
        {"components": []},
        {"components": FORM["components"] * 3},
    ],
)
async def test_a_form_that_is_wrong_is_refused(change: dict[str, Any]):
    async with app() as bot:
        told, press = await bot.pressed()
        answer = await bot.respond(told, 9, {**FORM, **change})
        await bot.respond(told, 6)
        await press

    assert (answer.status, answer.body["code"]) == (400, 50035)
    assert list(answer.body["errors"]) == ["data"]


# What people cannot do


async def test_people_press_only_what_they_see_and_what_is_enabled():
    async with app() as bot:
        message = await bot.ask()
        for button, problem in (
            ("Reject", "is disabled"),
            ("Read", "has no button 'Read'; it has 'Approve', 'Reject'"),
            ("Maybe", "has no button 'Maybe'"),
        ):
            with pytest.raises(Refused, match=problem):
                await bot.simulator.press("ann", message, button)
        alone = await bot.ask(str(bot.simulator.say("ann", "hi").channel))
        with pytest.raises(Refused, match="bob does not see message"):
            await bot.simulator.press("bob", alone, "Approve")


@pytest.mark.parametrize(
    ("command", "options", "problem"),
    [
        ("/sleep", {}, "no command /sleep here; it has /ask"),
        ("/ask", {}, "needs question"),
        ("/ask", {"question": "a", "colour": "b"}, "no option 'colour'; it has question, times, tone"),
        ("/ask", {"question": "a", "times": "b"}, "times takes int"),
        ("/ask", {"question": "a", "tone": "rude"}, "tone takes one of"),
        ("/ask now", {"question": "a"}, "no subcommand 'now'"),
    ],
)
async def test_people_call_only_commands_that_there_are(command: str, options: Any, problem: str):
    async with app() as bot:
        await bot.rest.call("PUT", f"/applications/{BOT_ID}/commands", [ASK])

        with pytest.raises(Refused, match=problem):
            await bot.simulator.slash("ann", command, options)


# Commands


async def test_commands_are_overwritten_kept_by_name_and_checked():
    path = f"/applications/{BOT_ID}/commands"
    async with DiscordSimulator(config=UNLIMITED) as simulator, hand(simulator) as rest:
        first = await rest.call("PUT", path, [ASK])
        again = await rest.call("PUT", path, [ASK, {"name": "stop", "description": "Stop"}])
        in_guild = await rest.call("PUT", f"/applications/{BOT_ID}/guilds/{GUILD_ID}/commands", [ASK])
        wrong = await rest.call("PUT", path, [{"name": "Ask", "description": "x"}])
        bare = await rest.call("PUT", path, [{"name": "ask"}])
        listed = await rest.call("GET", path)
        removed = await rest.call("DELETE", f"{path}/{first.body[0]['id']}")
        left = await rest.call("GET", path)

    assert first.body[0]["id"] == again.body[0]["id"]
    assert in_guild.body[0]["guild_id"] == str(GUILD_ID)
    assert wrong.body["errors"]["0"]["name"]["_errors"][0]["code"] == "APPLICATION_COMMAND_INVALID_NAME"
    assert bare.body["code"] == 50035
    assert [command["name"] for command in listed.body] == ["ask", "stop"]
    assert removed.status == 204
    assert [command["name"] for command in left.body] == ["stop"]
