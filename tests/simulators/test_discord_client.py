"""discord.py itself against the simulator: what a bot does all day, over real sockets."""

import asyncio
import io
from typing import Any

import discord
import pytest
from discord import app_commands

from simulators.discord import DiscordSimulator, Upload
from tests.simulators.discord_kit import BOB, UNLIMITED, Bot, Clock, connected, intents, point_at


async def test_a_bot_logs_in_and_hears_direct_messages_and_mentions():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        simulator.say("ann", "hello")
        simulator.say("bob", "all of you", "general")
        await simulator.until(lambda: len(bot.heard) == 2)

        alone, in_channel = bot.heard

    assert bot.user is not None
    assert (bot.user.name, bot.application_id) == ("saywhen", bot.user.id)
    assert isinstance(alone.channel, discord.DMChannel)
    assert (alone.author.name, alone.content, alone.guild) == ("ann", "hello", None)
    assert isinstance(in_channel.channel, discord.TextChannel)
    assert (in_channel.channel.name, in_channel.content) == ("general", f"<@{bot.user.id}> all of you")
    assert isinstance(in_channel.author, discord.Member)
    assert bot.user in in_channel.mentions


async def test_replies_edits_reactions_and_deletions_are_seen_by_people():
    async with DiscordSimulator(config=UNLIMITED) as simulator, connected(simulator) as bot:
        said = simulator.say("ann", "how are you?")
        await simulator.until(lambda: bot.heard)
        answer = await bot.heard[0].reply("well", suppress_embeds=True)
        await answer.edit(content="very well", suppress=True)
        await answer.add_reaction("👍")
        gone = await bot.heard[0].channel.send("gone")
        await gone.delete()

        (question, shown) = simulator.messages()

    assert question["id"] == shown["reference"] == str(said.id)
    assert (shown["from"], shown["text"], shown["type"]) == ("saywhen", "very well", 19)
    assert shown["edited"] is not None
    assert shown["flags"] == 4
    assert shown["reactions"] == {"👍": [bot.user.id]}
    assert shown["allowed_mentions"] == {"parse": []}


async def test_a_persons_edit_and_reaction_and_the_preview_of_a_link_reach_the_bot():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        said = simulator.say("ann", "see https://example.org")
        simulator.unfurl(str(said.id))
        simulator.edit(str(said.id), "see nothing")
        simulator.react("ann", str(said.id), "👎")
        await simulator.until(lambda: len(bot.changed) == 2 and bot.reactions)

        preview, edit = (event.message for event in bot.changed)

    assert preview.edited_at is None
    assert preview.embeds[0].url == "https://example.org"
    assert edit.edited_at is not None
    assert (edit.content, str(bot.reactions[0].emoji)) == ("see nothing", "👎")


async def test_files_go_both_ways():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(8) + (3).to_bytes(4) + (2).to_bytes(4)
        simulator.say("ann", "look", files=[Upload("a cat.png", "image/png", picture)])
        await simulator.until(lambda: bot.heard)
        (attachment,) = bot.heard[0].attachments
        read = await attachment.read()
        await bot.heard[0].channel.send(
            "yours", file=discord.File(io.BytesIO(b"1,2"), "numbers.csv", description="two numbers")
        )

        (_, sent) = simulator.messages()

    assert read == picture
    assert (attachment.content_type, attachment.width, attachment.height) == ("image/png", 3, 2)
    assert sent["attachments"][0]["filename"] == "numbers.csv"
    assert sent["attachments"][0]["description"] == "two numbers"
    assert sent["attachments"][0]["size"] == 3


async def test_threads_typing_history_and_direct_messages_work():
    async with DiscordSimulator(config=UNLIMITED) as simulator, connected(simulator) as bot:
        said = simulator.say("bob", "a long story", "general")
        await simulator.until(lambda: bot.heard)
        thread = await bot.heard[0].create_thread(name="story")
        async with thread.typing():
            await simulator.until(simulator.typing)
            typing = simulator.typing()
        await thread.send("once")
        simulator.say("bob", "and then?", str(thread.id))
        await simulator.until(lambda: len(bot.heard) == 2)
        history = [message.content async for message in thread.history(oldest_first=True)]
        user = await bot.fetch_user(int(BOB))
        await user.send("between us")

        to_bob = simulator.messages(to="bob")

    assert thread.id == said.id
    assert typing == [str(thread.id)]
    assert isinstance(bot.heard[1].channel, discord.Thread)
    assert history[-2:] == ["once", "and then?"]
    assert [message["text"] for message in to_bob] == ["between us"]


async def test_what_is_said_while_the_connection_is_broken_arrives_once_after_it_resumed():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        simulator.say("ann", "before")
        await simulator.until(lambda: bot.heard)
        await simulator.gateway.drop()
        simulator.say("ann", "meanwhile")
        await simulator.until(lambda: bot.resumes)
        simulator.say("ann", "after")
        await simulator.until(lambda: "after" in bot.texts())

    assert bot.texts() == ["before", "meanwhile", "after"]
    assert simulator.gateway.identifies_total == 1


async def test_a_session_that_cannot_be_resumed_misses_what_was_said_and_history_has_it():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        simulator.say("ann", "before")
        await simulator.until(lambda: bot.heard)
        simulator.gateway.fail_resumes = 1
        await simulator.gateway.drop()
        simulator.say("ann", "meanwhile")
        await simulator.until(lambda: simulator.gateway.identifies_total == 2 and simulator.gateway.ready)
        simulator.say("ann", "after")
        await simulator.until(lambda: "after" in bot.texts())
        missed = [message.content async for message in bot.heard[0].channel.history(after=bot.heard[0])]

    assert bot.texts() == ["before", "after"]
    assert missed == ["meanwhile", "after"]


@pytest.mark.parametrize("resumable", [True, False])
async def test_the_gateway_asks_to_connect_again(resumable: bool):
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        await (simulator.gateway.reconnect() if resumable else simulator.gateway.invalidate(resumable=False))
        await simulator.until(lambda: simulator.gateway.connections_total == 2 and simulator.gateway.ready)
        simulator.say("ann", "still here?")
        await simulator.until(lambda: bot.heard)

    assert simulator.gateway.identifies_total == (1 if resumable else 2)


async def test_an_hour_without_gateway_ends_the_session_and_the_bot_identifies_again():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator, connected(simulator) as bot:
        await simulator.gateway.outage(3_600)
        simulator.say("ann", "is anybody there?")
        clock.move(seconds=3_601)
        await simulator.until(lambda: simulator.gateway.identifies_total == 2 and simulator.gateway.ready)
        channel = await bot.create_dm(discord.Object(200000000000000101))
        history = [message.content async for message in channel.history()]

    assert bot.heard == []
    assert history == ["is anybody there?"]


async def test_a_wrong_token_is_refused():
    async with DiscordSimulator() as simulator:
        point_at(simulator)
        async with Bot(intents()) as bot:
            with pytest.raises(discord.LoginFailure):
                await bot.start("another-token")


async def test_an_intent_that_was_not_granted_is_refused():
    async with DiscordSimulator() as simulator:
        point_at(simulator)
        simulator.state.set("granted", [])
        async with Bot(intents()) as bot:
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await bot.start("demo-discord-token")


@pytest.mark.parametrize("code", [4004, 4013])
async def test_a_fatal_close_ends_the_bot(code: int):
    async with DiscordSimulator() as simulator:
        point_at(simulator)
        async with Bot(intents()) as bot:
            running = asyncio.create_task(bot.start("demo-discord-token"))
            await simulator.until(lambda: simulator.gateway.ready)
            await simulator.gateway.close(code)

            with pytest.raises(discord.ConnectionClosed) as refusal:
                await asyncio.wait_for(running, 30)

    assert refusal.value.code == code


async def test_buttons_and_forms_go_round():
    class Form(discord.ui.Modal, title="Why?"):
        reason: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Reason")

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.edit_message(content=f"No: {self.reason.value}", view=None)

    view = discord.ui.View()
    approve: discord.ui.Button[Any] = discord.ui.Button(label="Approve", custom_id="a1")
    reject: discord.ui.Button[Any] = discord.ui.Button(label="Reject", custom_id="r1")

    async def approved(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send("noted")

    async def rejected(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    approve.callback, reject.callback = approved, rejected  # type: ignore[method-assign]
    view.add_item(approve)
    view.add_item(reject)

    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        simulator.say("ann", "please pay")
        await simulator.until(lambda: bot.heard)
        asked = await bot.heard[0].channel.send("Pay?", view=view)
        yes = await simulator.press("ann", str(asked.id), "Approve")
        await simulator.until(lambda: "noted" in [m["text"] for m in simulator.messages(to="ann")])
        no = await simulator.press("ann", str(asked.id), "Reject")
        filled = await simulator.submit("ann", {"Reason": "too dear"})

        messages = simulator.messages()

    assert (yes.response, no.response, filled.response) == (5, 9, 7)
    assert [message["text"] for message in messages] == ["please pay", "No: too dear", "noted"]
    assert messages[1]["buttons"] == []
    assert (messages[2]["ephemeral_to"], messages[2]["loading"]) == ("ann", False)


async def test_a_slash_command_is_registered_called_and_answered():
    async with DiscordSimulator() as simulator, connected(simulator) as bot:
        tree = app_commands.CommandTree(bot)

        @tree.command(name="ask", description="Ask something")
        async def ask(interaction: discord.Interaction, question: str) -> None:
            await interaction.response.send_message(f"You asked {question}")
            original = await interaction.original_response()
            await original.edit(content=f"{original.content}!")

        await tree.sync()
        outcome = await simulator.slash("bob", "/ask", {"question": "why"}, "general")
        await simulator.until(lambda: simulator.messages()[0]["edited"])

        (answer,) = simulator.messages("general")

    assert outcome.response == 4
    assert (answer["text"], answer["type"], answer["id"]) == ("You asked why!", 20, outcome.message)
