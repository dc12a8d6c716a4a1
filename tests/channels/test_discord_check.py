"""What `bot doctor` finds at Discord."""

from pathlib import Path

import pytest

from channels.discord import check
from channels.discord.doctor import PERMISSIONS, _in_server
from simulators.discord import DiscordSimulator
from simulators.discord.config import BOT_TOKEN, MEMBERS, DiscordConfig, Limit, Limits
from simulators.discord.faults import Fault


async def findings(discord: DiscordSimulator, token: str = BOT_TOKEN) -> dict[str, tuple[bool, str]]:
    return {each.what: (each.ok, each.fix or each.detail) for each in await check(token, discord.api_url)}


async def test_all_is_well():
    async with DiscordSimulator() as discord:
        found = await findings(discord)
        assert discord.numbers()["identifies"] == 0

    assert all(ok for ok, _ in found.values()), found
    assert list(found) == [
        "Discord bot token",
        "Discord message content",
        "Discord buttons",
        "Discord server Saywhen Demo",
        "Discord sessions",
    ]


async def test_a_wrong_token_is_said_and_where_to_get_the_right_one():
    async with DiscordSimulator() as discord:
        found = await findings(discord, "wrong")

    assert list(found) == ["Discord bot token"]
    ok, words = found["Discord bot token"]
    assert not ok
    assert "Reset Token" in words


async def test_a_missing_intent_is_said_and_where_to_switch_it_on():
    async with DiscordSimulator(config=DiscordConfig(granted_intents=frozenset({MEMBERS}))) as discord:
        ok, words = (await findings(discord))["Discord message content"]

    assert not ok
    assert "Message Content Intent" in words


def test_a_role_that_lacks_something_is_named():
    finding = _in_server({"name": "home", "permissions": str(sum(PERMISSIONS.values()) - (1 << 38))})

    assert not finding.ok
    assert "Send Messages in Threads" in finding.detail
    assert _in_server({"name": "home", "permissions": "8"}).ok


def test_the_install_link_of_the_docs_gives_what_the_bot_needs():
    page = (Path(__file__).parents[2] / "docs" / "discord.md").read_text()

    assert f"permissions={sum(PERMISSIONS.values())}\n" in page
    assert all(name in page for name in PERMISSIONS)


async def test_few_sessions_left_are_a_warning():
    async with DiscordSimulator(config=DiscordConfig(limits=Limits(identify=Limit(50, 86_400.0)))) as discord:
        ok, words = (await findings(discord))["Discord sessions"]

    assert not ok
    assert "resets its token" in words


@pytest.mark.parametrize("kind", ["503", "429", "garbage"])
async def test_a_discord_in_trouble_is_a_finding_too(kind):
    async with DiscordSimulator() as discord:
        discord.faults.add(Fault(kind, on="read"))

        found = await findings(discord)

    assert not all(ok for ok, _ in found.values())


async def test_no_discord_at_all():
    (finding,) = await check(BOT_TOKEN, "http://127.0.0.1:1/api/v10")

    assert not finding.ok
    assert "DISCORD_API_URL" in finding.fix
