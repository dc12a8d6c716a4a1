"""The shapes the simulator sends, against the samples in Discord's own documentation."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from simulators.discord import BOT_ID, DiscordSimulator
from tests.simulators.discord_kit import BOB, GENERAL, UNLIMITED, hand, line

PAYLOADS = Path(__file__).parents[1] / "payloads"
# Only on messages that were published to other servers, of users who pay, of teams, of old accounts.
NOT_OURS = {
    "Example User": {"verified", "email", "flags", "banner", "accent_color", "premium_type", "collectibles"},
    "Example Guild": {"vanity_url_code"},
    "Example Application Object": {"cover_image", "flags_new", "guild_id", "primary_sku_id", "slug"}
    | {"event_webhooks_url", "event_webhooks_status"},
}


def sample(file: str, section: str) -> Any:
    items = json.loads((PAYLOADS / file).read_text())
    return next(item["sample"] for item in items if item["section"] == section)


def lacking(ours: dict[str, Any], theirs: dict[str, Any], section: str = "") -> set[str]:
    return theirs.keys() - ours.keys() - NOT_OURS.get(section, set())


def other_types(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The fields that are of another kind than in the sample; null fits everything."""
    return {
        name: (type(ours[name]).__name__, type(theirs[name]).__name__)
        for name in ours.keys() & theirs.keys()
        if None not in (ours[name], theirs[name]) and type(ours[name]) is not type(theirs[name])
    }


@pytest.mark.parametrize(
    ("section", "file", "path"),
    [
        ("Example User", "discord_objects/docs.user.json", f"/users/{BOB}"),
        ("Example Guild", "discord_objects/docs.guild.json", "/guilds/300000000000000001"),
        ("Example Application Object", "discord_objects/docs.application.json", "/oauth2/applications/@me"),
        ("Example Guild Text Channel", "discord/docs.channel.json", f"/channels/{GENERAL}"),
    ],
)
async def test_an_object_has_the_fields_and_types_of_the_documented_one(section: str, file: str, path: str):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        ours = (await rest.call("GET", path)).body

    theirs = sample(file, section)
    assert lacking(ours, theirs, section) == set()
    assert other_types(ours, theirs) == {}


async def test_a_message_with_a_reaction_has_the_documented_fields():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        said = simulator.say("ann", "Supa Hot", "general")
        simulator.react("bob", str(said.id), "🔥")
        ours = (await rest.call("GET", f"/channels/{GENERAL}/messages/{said.id}")).body

    theirs = sample("discord/docs.message.json", "Example Message")
    assert lacking(ours, theirs) == set()
    assert other_types(ours, theirs) == {}
    assert lacking(ours["author"], theirs["author"]) == set()
    assert lacking(ours["reactions"][0], theirs["reactions"][0]) == set()
    assert ours["reactions"][0]["emoji"] == theirs["reactions"][0]["emoji"]


async def test_a_thread_and_a_direct_message_channel_have_the_documented_fields():
    async with DiscordSimulator(config=UNLIMITED) as simulator, hand(simulator) as rest:
        thread = (await rest.call("POST", f"/channels/{GENERAL}/threads", {"name": "t"})).body
        dm = (await rest.call("POST", "/users/@me/channels", {"recipient_id": BOB})).body

    their_thread = sample("discord/docs.channel.json", "Example Thread Channel")
    their_dm = sample("discord/docs.channel.json", "Example DM Channel")
    assert lacking(thread, their_thread) == set()
    assert other_types(thread, their_thread) == {}
    assert lacking(thread["thread_metadata"], their_thread["thread_metadata"]) == set()
    assert lacking(dm, their_dm) == set()


async def test_a_command_that_is_called_has_the_documented_fields():
    command = sample("discord/docs.application-commands.json", "Example Slash Command")
    async with (
        DiscordSimulator(config=UNLIMITED) as simulator,
        line(simulator) as gateway,
        hand(simulator) as rest,
    ):
        await gateway.identify()
        await rest.call("PUT", f"/applications/{BOT_ID}/commands", [command])
        call = asyncio.create_task(simulator.slash("ann", "/blep", {"animal": "animal_dog"}, "general"))
        ours = (await gateway.until(event="INTERACTION_CREATE"))["d"]
        call.cancel()

    theirs = sample("discord/docs.application-commands.json", "Example Interaction")
    assert lacking(ours, theirs) == set()
    assert other_types(ours, theirs) == {}
    assert lacking(ours["member"], theirs["member"]) == {"is_pending"}
    assert lacking(ours["data"], theirs["data"]) == set()
    assert ours["data"]["options"] == [{"name": "animal", "type": 3, "value": "animal_dog"}]


async def test_frames_have_the_documented_form():
    async with DiscordSimulator() as simulator, line(simulator) as gateway:
        await gateway.identify()

    hello, ready = gateway.frames[:2]
    documented = sample("discord/docs.gateway-events.json", "Example Hello")
    assert hello["d"].keys() == documented["d"].keys()
    assert ready.keys() == sample("discord/docs.gateway-events.json", "Example Gateway Event Payload").keys()


async def test_buttons_and_forms_of_the_documentation_are_taken():
    nested = sample("discord/docs.using-message-components.json", "Nesting Components with Layout Components")
    modal = sample("discord/docs.using-modal-components.json", "Displaying a Modal")
    async with (
        DiscordSimulator(config=UNLIMITED) as simulator,
        line(simulator) as gateway,
        hand(simulator) as rest,
    ):
        await gateway.identify()
        sent = await rest.call("POST", f"/channels/{GENERAL}/messages", nested)
        press = asyncio.create_task(simulator.press("ann", sent.body["id"], "Click Me Too"))
        told = (await gateway.until(event="INTERACTION_CREATE"))["d"]
        path = f"/interactions/{told['id']}/{told['token']}/callback"
        answer = await rest.call("POST", path, modal)
        outcome = await press

    assert told["data"]["custom_id"] == "click_me_2"
    assert (answer.status, outcome.modal) == (204, modal["data"])
