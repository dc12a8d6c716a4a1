"""Discord by way of discord.py itself, over real sockets: what people write, and where the answers go."""

import asyncio

import pytest

from bot.errors import ChannelRefused, SendFailed, StoreFull
from bot.events import FeedbackReceived, Outgoing
from simulators.discord.config import DiscordConfig
from simulators.discord.faults import Fault
from tests.channels.discord_desk import Inbox, channel_for, running, simulated, sitting


async def test_we_are_who_discord_says_we_are():
    async with sitting() as desk:
        assert desk.channel.account == str(desk.discord.config.bot_id)
        health = desk.channel.health()

    assert health.state == "connected"
    assert health.age is not None
    assert desk.channel.health().state == "off"


async def test_a_dm_is_answered_where_it_was_written():
    async with sitting() as desk:
        desk.discord.say("ann", "hello")
        await desk.heard(1)

        await desk.reply("hi there")

        assert desk.inbox.said == ["hello"]
        assert desk.inbox.got[0].direct
        (answer,) = desk.discord.messages(to="ann")
        assert (answer["text"], answer["reference"]) == ("hi there", None)


async def test_a_mention_opens_a_thread_that_goes_on_without_one():
    async with sitting() as desk:
        asked = desk.discord.say("ann", "what is the plan for today?", "general")
        await desk.heard(1)
        await desk.reply("this one")
        desk.discord.say("bob", "and tomorrow?", str(asked.id), mention=False)
        await desk.heard(2)

        first, second = desk.inbox.got
        (answer,) = desk.ours()
        assert answer["channel"] == str(asked.id)
        assert answer["channel_name"] == "what is the plan for today?"
        assert first.conversation == second.conversation
        assert await desk.reply("the next", outbox_id="ob2")
        assert desk.ours()[-1]["channel"] == str(asked.id)


async def test_where_no_thread_may_be_opened_the_answer_is_a_reply_and_replies_to_it_go_on():
    async with sitting() as desk:
        desk.discord.faults.add(Fault("error", on="thread", code=50013, status=403))
        asked = desk.discord.say("ann", "quick one", "general")
        await desk.heard(1)
        await desk.reply("yes")
        (answer,) = desk.ours()
        desk.discord.say("ann", "sure?", "general", mention=False, reply_to=answer["id"])
        await desk.heard(2)

        assert (answer["channel_name"], answer["reference"]) == ("general", str(asked.id))
        assert desk.inbox.got[1].conversation == desk.inbox.got[0].conversation == str(asked.id)


async def test_people_who_talk_to_one_another_are_not_listened_to():
    async with sitting() as desk:
        desk.discord.say("ann", "lunch?", "general", mention=False)
        thread = desk.discord.start_thread("ann", "lunch")
        desk.discord.say("bob", "pizza", str(thread.id), mention=False)
        desk.discord.say("ann", "hello bot")
        await desk.heard(1)

        assert desk.inbox.said == ["hello bot"]


async def test_a_thread_that_we_were_in_before_goes_on_after_a_restart():
    async with simulated() as discord:
        inbox = Inbox()
        async with sitting(discord, inbox=inbox) as desk:
            asked = discord.say("ann", "begin", "general")
            await desk.heard(1)
            await desk.reply("begun")
        async with sitting(discord, inbox=inbox) as desk:
            discord.say("ann", "go on", str(asked.id), mention=False)
            await desk.heard(2)

            assert inbox.said == ["begin", "go on"]


async def test_edits_and_deletes_follow_the_message():
    async with sitting() as desk:
        said = desk.discord.say("ann", "helo")
        desk.discord.edit(str(said.id), "hello")
        desk.discord.delete(str(said.id))
        await desk.heard(3)

        assert desk.inbox.said == ["helo", "edited: hello", "deleted"]
        assert len({incoming.conversation for incoming in desk.inbox.got}) == 1


async def test_what_we_write_and_take_back_ourselves_is_no_input():
    async with sitting() as desk:
        desk.discord.say("ann", "hello")
        await desk.heard(1)
        (sent,) = await desk.reply("hi")
        message = desk.discord.guild.state.message(int(sent.partition(":")[2]))
        assert message is not None
        desk.discord.posting.delete(message)
        desk.discord.say("ann", "still there?")
        await desk.heard(2)

        assert desk.inbox.said == ["hello", "still there?"]


async def test_a_thumb_under_an_answer_is_feedback():
    async with sitting() as desk:
        desk.discord.say("ann", "hello", "general")
        await desk.heard(1)
        (sent,) = await desk.reply("hi")
        desk.discord.react("ann", sent.partition(":")[2], "👍")
        await desk.heard(2)

        assert desk.inbox.got[1].data == FeedbackReceived(rating=5)
        assert desk.inbox.got[1].conversation == desk.inbox.got[0].conversation


async def test_nobody_is_called_by_what_we_write_on_any_path():
    text = "https://x.example @everyone @here <@200000000000000102> <@&300000000000000001> `@everyone`\n```\n@here\n```"
    async with sitting() as desk:
        desk.discord.say("ann", "hello")
        desk.discord.say("ann", "hello", "general")
        await desk.heard(2)
        for number, incoming in enumerate(list(desk.inbox.got)):
            await desk.reply(text, to=incoming, outbox_id=f"reply{number}")
        asked = await desk.ask(text=text)
        await desk.discord.press("carol", asked, "Edit")  # an error text: there is no form
        await desk.discord.press("carol", asked, "Approve")
        await desk.discord.slash("ann", "ask", {"text": text}, "general")
        await desk.heard(4)
        await desk.discord.until(lambda: len(desk.ours()) == 5 and not any(m["loading"] for m in desk.ours()))
        await desk.discord.until(lambda: desk.message(asked)["edited"])

        assert all(
            message["allowed_mentions"] == {"parse": [], "replied_user": False} for message in desk.ours()
        )
        assert all(message["previews"] == [] and message["flags"] & 4 for message in desk.ours())
        assert desk.discord.pings() == []


async def test_typing_shows_while_we_think_and_stops_with_the_answer():
    async with sitting() as desk:
        said = desk.discord.say("ann", "hello")
        await desk.heard(1)
        destination = desk.inbox.got[0].destination

        await desk.channel.show_status(destination, "is thinking ...")

        assert desk.discord.numbers()["typing_posts"] == 1
        assert said.channel
        await desk.reply("hi")
        await desk.channel.show_status(destination, "")
        await desk.channel.show_status("nowhere", "is thinking ...")


async def test_a_message_that_could_not_be_stored_is_held_and_later_ones_wait_behind_it():
    inbox = Inbox(errors=[StoreFull(), StoreFull()])
    async with sitting(inbox=inbox) as desk:
        desk.discord.say("ann", "first")
        desk.discord.say("ann", "second")
        await desk.heard(2)

        assert inbox.said == ["first", "second"]


async def test_slash_commands_are_registered_once():
    async with simulated() as discord:
        for _ in range(2):
            async with sitting(discord):
                pass

        written = [r for r in discord.rest.requests if r.method == "PUT"]
        assert len(written) == 1


async def test_a_token_that_discord_does_not_know_is_final():
    async with simulated() as discord:
        channel = channel_for(discord, Inbox(), token="wrong")

        with pytest.raises(ChannelRefused, match="DISCORD_BOT_TOKEN"):
            await asyncio.wait_for(channel.run(Inbox().receive), 20)


@pytest.mark.parametrize("kind", ["503", "429", "garbage"])
async def test_a_discord_that_is_in_trouble_at_the_start_is_asked_again(kind):
    async with simulated() as discord:
        discord.faults.add(Fault(kind, on="read", retry_after=0.01))
        async with sitting(discord) as desk:
            assert desk.channel.account


@pytest.mark.parametrize("where", ["http://127.0.0.1:1/api/v10", "https://{host}/api/v10"])
async def test_a_discord_that_cannot_be_reached_is_said_and_asked_again(where: str):
    """Nobody listens, or what answers speaks no TLS."""
    async with simulated() as discord:
        host = discord.base_url.partition("//")[2]
        channel = channel_for(discord, Inbox(), api_url=where.format(host=host))
        async with running(channel.run(Inbox().receive)) as task:
            await discord.until(lambda: channel.health().state == "failing" or task.done())
            (part,) = channel.render("ob1", _outgoing("channel/5"))
            with pytest.raises(SendFailed) as failed:
                await channel.send(part)

            assert not task.done()
            assert channel.health().detail
            assert failed.value.kind == "retry"


async def test_without_a_connection_a_message_can_be_sent_later():
    async with simulated() as discord:
        channel = channel_for(discord, Inbox())
        (part,) = channel.render("ob1", _outgoing("channel/5"))

        with pytest.raises(SendFailed) as failed:
            await channel.send(part)

        assert failed.value.kind == "retry"


async def test_missing_message_content_is_said():
    async with simulated() as discord, sitting(discord) as desk:
        for number in range(6):
            discord.gateway.emit("MESSAGE_CREATE", _empty(discord.config, number))
        await discord.until(lambda: "Message Content Intent" in desk.channel.health().detail)

        assert desk.channel.health().state == "connected"


def _empty(config: DiscordConfig, number: int) -> dict[str, object]:
    channel = config.channels[0].id
    return {
        "id": str(900_000_000_000_000_000 + number), "channel_id": str(channel), "guild_id": str(config.guild_id),
        "content": "", "type": 0, "author": {"id": config.people[0].discord, "username": "ann"},
        "mentions": [], "attachments": [], "embeds": [],
    }  # fmt: skip


def _outgoing(destination: str):
    return Outgoing(text="hi", destination=destination)
