"""Our Discord channel against simcord, a stand-in that others wrote: do the two simulators agree?

What simcord cannot say anything about, since it replaces the sockets: how connections break and sessions are resumed
(it hands events to discord.py's parsers and takes calls out of its HTTP client), heartbeats, close codes, the limits on
calls and their headers. It also leaves out the nonce (`enforce_nonce` makes no difference there: two calls are two
messages), and whose message a reaction is under; and the files of messages are at an address that does not exist, so
none is fetched. The rest is the same: events in, bodies of calls out, codes of errors. Where it is stricter than our
own simulator a difference would show as a failed call here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import pytest
import simcord

from bot.errors import SendFailed
from bot.events import FeedbackReceived, MessageReceived, Outgoing
from channels.discord import DiscordChannel, commands
from tests.channels.discord_desk import ARGS, HANDLE, TEXT, Inbox, approval


@dataclass
class World:
    env: Any
    channel: DiscordChannel
    inbox: Inbox

    async def reply(self, text: str, outbox_id: str = "ob1") -> None:
        outgoing = Outgoing(text=text, destination=self.inbox.got[-1].destination)
        for part in self.channel.render(outbox_id, outgoing):
            await self.channel.send(part)
        await self.env.settle()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    inbox = Inbox()

    async def asked(_handle: str) -> dict[str, Any]:
        return dict(ARGS)

    channel = DiscordChannel(token="simcord", knows=inbox.knows, asked=asked)
    async with channel.serving(inbox.receive) as client, simcord.run(client) as env:
        channel._web.http = client.http
        yield World(env, channel, inbox)


def bodies(world: World, method: str = "POST") -> list[dict[str, Any]]:
    """What we have written, as it went out."""
    calls = [entry for entry in world.env.backend.transcript if entry[0] == "HTTP"]
    return [
        entry[2]
        for entry in calls
        if entry[1].startswith(method) and isinstance(entry[2], dict) and "content" in entry[2]
    ]


async def test_a_mention_is_answered_in_a_thread_that_goes_on():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))
        asked = await ann.send(general, f"<@{here.channel.account}> hello")

        await here.reply("hi @everyone")

        assert here.inbox.said == ["hello"]
        assert here.inbox.got[0].conversation == str(asked.id)
        (body,) = bodies(here)
        assert body["allowed_mentions"] == {"parse": [], "replied_user": False}
        assert body["enforce_nonce"] is True


async def test_a_dm_is_a_conversation_and_its_edits_and_deletes_belong_to_it():
    async with world() as here:
        user = here.env.create_user("ann")
        message = await user.send_dm("helo")
        await user.edit(message, "hello")
        await here.reply("hi")
        await user.delete(message)

        assert here.inbox.said == ["helo", "edited: hello", "deleted"]
        assert len({each.conversation for each in here.inbox.got}) == 1
        assert all(each.direct for each in here.inbox.got)


async def test_a_request_is_decided_by_button_and_by_form():
    async with world() as here:
        carol = here.env.create_user("carol")
        await carol.send_dm("hello")
        request = Outgoing(text=TEXT, destination=here.inbox.got[0].destination, request=approval())
        (part,) = here.channel.render("ob2", request)
        asked = discord.Object(int((await here.channel.send(part)).partition(":")[2]))
        await here.env.settle()
        channel = here.inbox.got[0].conversation
        message = await _message(here, channel, asked.id)

        shown = await carol.click(message, custom_id=f"saywhen.edit#{HANDLE}")
        assert shown.modal is not None
        await carol.submit_modal(shown, {"text:env": ARGS["env"], "json:count": "3", "json:tags": '["a"]'})
        result = await carol.click(message, custom_id=f"saywhen.approve#{HANDLE}")

        assert result.acknowledged
        edit, approve = here.inbox.answers
        assert edit == ("edit", "", {**ARGS, "count": 3}, str(carol.id))
        assert approve == ("approve", "", None, str(carol.id))
        assert all(body["allowed_mentions"]["parse"] == [] for body in bodies(here, "PATCH"))


async def _message(here: World, channel: str, id_: int) -> Any:
    found = here.env.bot.get_channel(int(channel)) or await here.env.bot.fetch_channel(int(channel))
    return await found.fetch_message(id_)


async def test_our_slash_commands_are_taken_and_work():
    async with world() as here:
        me = here.channel._intake.me if here.channel._intake else None
        assert me is not None
        await here.channel._web.call(
            "PUT",
            "/applications/{application_id}/commands",
            json=list(commands.DEFINITIONS),
            application_id=me.application,
        )
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))

        result = await ann.slash(general, "ask", text="what is up?")
        await here.env.settle()

        assert result.response.content == r"> what is up\?"
        assert here.inbox.said == ["what is up?"]
        assert here.inbox.got[0].conversation == str(result.response.id)
        registered = await here.channel._web.call(
            "GET", "/applications/{application_id}/commands", application_id=me.application
        )
        assert commands.same(registered)


async def test_a_long_answer_is_taken_in_parts():
    async with world() as here:
        user = here.env.create_user("ann")
        await user.send_dm("tell me all")

        await here.reply("```python\n" + "x = '👩‍👩‍👧‍👦'\n" * 400 + "```")

        contents = [body["content"] for body in bodies(here)]
        assert len(contents) > 1
        assert all(content.startswith("```python\n") and content.endswith("```") for content in contents)


async def test_in_its_thread_the_bot_reads_on_and_beside_it_nothing():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))
        asked = await ann.send(general, f"<@{here.channel.account}> what is the plan?")
        await here.reply("this one")
        (thread,) = general.threads
        assert thread.id == asked.id

        await ann.send(thread, "and tomorrow?")
        await ann.send(general, "lunch?")

        assert here.inbox.said == ["what is the plan?", "and tomorrow?"]
        assert len({each.conversation for each in here.inbox.got}) == 1


async def test_what_somebody_else_wrote_is_quoted_where_we_are_asked_about_it():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann, bob = (guild.add_member(here.env.create_user(name)) for name in ("ann", "bob"))
        shown = await bob.send(general, "milk is out")

        await ann.send(general, f"<@{here.channel.account}> is that so?", reply_to=shown)

        (asked,) = here.inbox.got
        assert isinstance(asked.data, MessageReceived)
        assert [(block.source, block.text) for block in asked.data.blocks] == [
            ("person", "is that so?"),
            ("quoted", "milk is out"),
        ]


async def test_a_file_is_a_block_that_says_why_it_is_not_shown():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))

        await ann.send(general, f"<@{here.channel.account}> look", attachments=[("cat.png", b"\x89PNG")])

        (asked,) = here.inbox.got
        assert isinstance(asked.data, MessageReceived)
        (file,) = [block for block in asked.data.blocks if block.source == "attachment"]
        assert (file.name, file.kind, file.data) == ("cat.png", "image", "")
        assert "its address is not Discord's" in file.text


async def test_a_thumb_under_an_answer_is_feedback():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))
        asked = await ann.send(general, f"<@{here.channel.account}> hello")
        await here.reply("hi")
        answer = await _last_message(here, str(asked.id))

        await ann.react(answer, "\U0001f44d")
        await here.env.settle()

        assert isinstance(here.inbox.got[-1].data, FeedbackReceived)
        assert here.inbox.got[-1].conversation == here.inbox.got[0].conversation


@pytest.mark.parametrize(
    ("status", "code", "kind", "unreachable"),
    [
        (403, 50007, "final", True),
        (403, 50013, "final", False),
        (404, 10003, "final", False),
        (500, 0, "unknown", False),
    ],
)
async def test_codes_of_errors_mean_the_same(status: int, code: int, kind: str, unreachable: bool):
    async with world() as here:
        await here.env.create_user("ann").send_dm("hello")
        here.env.inject_error("POST", "/channels/*/messages", status=status, code=code, message="no")

        with pytest.raises(SendFailed) as failed:
            await here.reply("hi")

        assert (failed.value.kind, failed.value.unreachable) == (kind, unreachable)


async def test_where_no_thread_may_be_opened_the_answer_is_a_reply():
    async with world() as here:
        guild = here.env.create_guild()
        general = guild.create_text_channel("general")
        ann = guild.add_member(here.env.create_user("ann"))
        asked = await ann.send(general, f"<@{here.channel.account}> quick one")
        here.env.inject_error("POST", "/channels/*/messages/*/threads", status=403, code=50013, message="no")

        await here.reply("yes")

        (body,) = bodies(here)
        assert body["message_reference"]["message_id"] == str(asked.id)


async def _last_message(here: World, channel: str) -> Any:
    found = here.env.bot.get_channel(int(channel)) or await here.env.bot.fetch_channel(int(channel))
    return await anext(found.history(limit=1))


async def test_an_app_without_the_intent_for_content_is_refused():
    channel = DiscordChannel(token="simcord", knows=Inbox().knows)
    approved = discord.Intents.all()
    approved.message_content = False

    with pytest.raises(BaseExceptionGroup) as refused:
        async with channel.serving(Inbox().receive) as client, simcord.run(client, approved_intents=approved):
            pass

    assert refused.group_contains(discord.PrivilegedIntentsRequired)
