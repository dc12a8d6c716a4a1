"""The Discord pane of /sim: what each person sees, everything on it escaped."""

import json

import aiohttp
import pytest

from simulators import page
from simulators.discord import DiscordConfig, DiscordSimulator
from simulators.discord.markdown import html
from simulators.discord.pane import PaneView, discord_pane
from simulators.people import Person
from tests.simulators.discord_kit import GENERAL, hand

EVIL = "<script>alert(1)</script>"


def html_of(simulator: DiscordSimulator) -> str:
    pane = discord_pane(simulator)
    return page.render("sim.html", panes=[{"key": pane.key, "title": pane.title, "html": pane.html()}])


async def test_each_person_can_be_chosen_and_nothing_is_inline():
    async with DiscordSimulator() as simulator:
        shown = html_of(simulator)

    for name in ("ann", "bob", "carol"):
        assert f'<option value="{name}">' in shown
    assert "/sim/static/discord.js" in shown
    assert "<style" not in shown
    assert " style=" not in shown
    assert "onclick" not in shown


async def test_nothing_of_a_message_a_name_a_button_or_a_form_becomes_markup():
    config = DiscordConfig(people=(Person(EVIL, discord="200000000000000101"),))
    button = {"type": 2, "style": 1, "label": EVIL, "custom_id": EVIL}
    async with DiscordSimulator(config=config) as simulator, hand(simulator) as rest:
        said = simulator.say(EVIL, EVIL, "general")
        simulator.start_thread(EVIL, EVIL, message=str(said.id))
        await rest.send(GENERAL, f"[a]({EVIL}) `{EVIL}`", components=[{"type": 1, "components": [button]}])

        shown = html_of(simulator) + json.dumps(PaneView(simulator, EVIL, "general").render())

    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


async def test_a_person_sees_the_channels_their_own_direct_messages_and_what_is_for_them():
    async with DiscordSimulator() as simulator:
        simulator.say("ann", "only for the bot")
        simulator.say("bob", "for all", "general")
        ann, bob = PaneView(simulator, "ann", "dm").render(), PaneView(simulator, "bob", "dm").render()
        general = PaneView(simulator, "ann", "general").render()
        foreign = PaneView(simulator, "bob", str(simulator.guild.place("ann").id)).render()

    assert "only for the bot" in ann["messages"]
    assert "only for the bot" not in bob["messages"] + foreign["messages"]
    assert "for all" in general["messages"]
    assert (ann["title"], general["title"]) == ("saywhen", "#general")
    assert ann["connected"] == 0


async def test_the_page_is_told_only_what_is_new():
    async with DiscordSimulator() as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.base_url}/sim/discord/pane"
        async with session.get(url, params={"as": "ann"}) as response:
            first = await response.json()
        async with session.get(url, params={"as": "ann", "seen": first["seen"]}) as response:
            unchanged = response.status
        simulator.say("ann", "new")
        async with session.get(url, params={"as": "ann", "seen": first["seen"]}) as response:
            second = await response.json()

    assert unchanged == 204
    assert "new" in second["messages"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**a** *b* _c_ __d__ ~~e~~", "<strong>a</strong> <em>b</em> <em>c</em> <u>d</u> <s>e</s>"),
        ("`**a**`", "<code>**a**</code>"),
        ("```py\n<b>\n```", "<pre>&lt;b&gt;\n</pre>"),
        ("[x](https://a.example)", '<a href="https://a.example" rel="noreferrer noopener">x</a>'),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ('[x](https://a.example/"onload=1)', None),
        (
            "<@200000000000000101> @everyone",
            '<span class="mention">@ann</span> <span class="mention">@everyone</span>',
        ),
        ("# Title\n> said", "<strong>Title</strong>\n<blockquote>said</blockquote>"),
        ("snake_case_name", "snake_case_name"),
        ("\x000\x00", "0"),
    ],
)
def test_markdown_is_shown_as_discord_shows_it(text: str, shown: str | None):
    found = str(html(text, lambda _id: "ann"))

    if shown is None:
        assert '"onload' not in found
    else:
        assert found == shown
