"""Buttons, forms and commands in a simulated Discord: heard first, then stored, then answered."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from bot.errors import StoreFull
from bot.events import ControlRequested, Outgoing
from channels.discord import feedback
from channels.discord.commands import NO_TEXT
from simulators.discord.config import Json
from simulators.discord.faults import Fault
from tests.channels.discord_desk import (
    ARGS,
    HANDLE,
    TEXT,
    Desk,
    Inbox,
    approval,
    question,
    simulated,
    sitting,
)

CAROL = "200000000000000103"


async def arguments(handle: str) -> Mapping[str, JsonValue] | None:
    return ARGS if handle == HANDLE else None


async def told(desk: Desk, person: str = "carol") -> list[str]:
    """What only they see."""
    await desk.discord.until(lambda: whispers(desk, person))
    return whispers(desk, person)


def whispers(desk: Desk, person: str) -> list[str]:
    ours = desk.ours()
    return [each["text"] for each in ours if each["ephemeral_to"] == person and not each["loading"]]


async def changed(desk: Desk, id_: str) -> Json:
    await desk.discord.until(lambda: desk.message(id_)["edited"])
    return desk.message(id_)


async def promised(desk: Desk, id_: str | None) -> str:
    """What a reply that Discord was promised says in the end."""
    assert id_ is not None
    await desk.discord.until(lambda: not desk.message(id_)["loading"])
    return str(desk.message(id_)["text"])


# ---------------------------------------------------------------- buttons


async def test_a_press_is_stored_and_the_message_shows_what_was_chosen():
    async with sitting() as desk:
        asked = await desk.ask()

        outcome = await desk.discord.press("carol", asked, "Approve")

        assert outcome.ok
        message = await changed(desk, asked)
        assert desk.inbox.answers == [("approve", "", None, CAROL)]
        assert message["text"].startswith(f"```\n{TEXT}\n```\nYou chose **Approve** at <t:")
        assert message["buttons"] == []
        assert message["allowed_mentions"] == {"parse": [], "replied_user": False}


async def test_in_a_thread_only_whoever_pressed_hears_of_it():
    async with sitting() as desk:
        desk.discord.say("ann", "please deploy", "general")
        await desk.heard(1)
        request = Outgoing(text=TEXT, destination=desk.inbox.got[0].destination, request=approval())
        (part,) = desk.channel.render("ob9", request)
        asked = (await desk.channel.send(part)).partition(":")[2]

        await desk.discord.press("bob", asked, "Approve")

        (words,) = await told(desk, "bob")
        assert words.startswith("You chose **Approve**")
        assert desk.message(asked)["edited"] is None
        assert len(desk.message(asked)["buttons"]) == 4


async def test_an_option_is_a_button():
    async with sitting() as desk:
        asked = await desk.ask(question(["red", "blue"]))

        await desk.discord.press("carol", asked, "1 red")

        assert (await changed(desk, asked))["buttons"] == []
        assert desk.inbox.answers == [("1", CAROL)]


async def test_a_second_click_before_the_buttons_are_gone_decides_nothing():
    async with sitting() as desk:
        asked = await desk.ask()
        desk.discord.faults.add(Fault("500", on="followup"))

        await desk.discord.press("carol", asked, "Approve")
        await desk.discord.press("carol", asked, "Approve")
        desk.discord.say("carol", "done")
        await desk.discord.until(lambda: "done" in desk.inbox.said)

        assert len(desk.inbox.answers) == 1


async def test_what_could_not_be_stored_has_to_be_pressed_again():
    async with sitting(inbox=Inbox(errors=[StoreFull()])) as desk:
        asked = await desk.ask()

        await desk.discord.press("carol", asked, "Approve")

        assert await told(desk) == [feedback.NOT_STORED]
        assert len(desk.message(asked)["buttons"]) == 4
        await desk.discord.press("carol", asked, "Approve")
        await changed(desk, asked)
        assert desk.inbox.answers == [("approve", "", None, CAROL)]


async def test_a_press_on_a_request_that_nobody_knows_is_said_so():
    async with sitting(inbox=Inbox(refuses=True)) as desk:
        asked = await desk.ask()

        await desk.discord.press("carol", asked, "Approve")

        assert await told(desk) == [feedback.NOT_OURS]


@pytest.mark.parametrize("kind", ["500", "reset_before_accept", "error"])
async def test_a_press_that_discord_showed_as_failed_decides_nothing(kind):
    async with simulated(respond_seconds=0.5 / 0.002) as discord, sitting(discord) as desk:
        asked = await desk.ask()
        desk.discord.faults.add(Fault(kind, on="callback", code=10062, status=404))

        outcome = await desk.discord.press("carol", asked, "Approve")

        assert not outcome.ok
        await desk.discord.press("carol", asked, "Reject")
        assert desk.inbox.answers == []


# ---------------------------------------------------------------- forms


async def test_a_rejection_says_why():
    async with sitting() as desk:
        asked = await desk.ask()
        outcome = await desk.discord.press("carol", asked, "Reject")
        assert outcome.modal is not None

        await desk.discord.submit("carol", {"words": "not on a Friday"})

        message = await changed(desk, asked)
        assert desk.inbox.answers == [("reject", "not on a Friday", None, CAROL)]
        assert "You chose **Reject**" in message["text"]


async def test_changed_arguments_come_back_with_their_types():
    async with sitting(asked=arguments) as desk:
        asked = await desk.ask()
        await desk.discord.press("carol", asked, "Edit")

        await desk.discord.submit("carol", {"text:env": "staging", "json:count": "3"})

        message = await changed(desk, asked)
        assert desk.inbox.answers == [("edit", "", {**ARGS, "env": "staging", "count": 3}, CAROL)]
        assert len(message["buttons"]) == 4


async def test_what_is_no_json_is_said_and_decides_nothing():
    async with sitting(asked=arguments) as desk:
        asked = await desk.ask()
        await desk.discord.press("carol", asked, "Edit")

        await desk.discord.submit("carol", {"json:count": "three"})

        (words,) = await told(desk)
        assert words.startswith("count is not JSON")
        assert desk.inbox.answers == []


async def test_without_the_arguments_there_is_no_form():
    async with sitting() as desk:
        asked = await desk.ask()

        outcome = await desk.discord.press("carol", asked, "Edit")

        assert outcome.modal is None
        assert await told(desk) == [feedback.NO_ARGS]


async def test_a_question_can_be_answered_in_words():
    async with sitting() as desk:
        asked = await desk.ask(question([]))
        await desk.discord.press("carol", asked, "Answer ...")

        await desk.discord.submit("carol", {"words": "the blue one"})

        await changed(desk, asked)
        assert desk.inbox.answers == [("the blue one", CAROL)]


async def test_an_empty_answer_decides_nothing():
    async with sitting() as desk:
        asked = await desk.ask(question([]))
        await desk.discord.press("carol", asked, "Answer ...")

        await desk.discord.submit("carol", {"words": "   "})

        assert await told(desk) == [feedback.NO_WORDS]


# ---------------------------------------------------------------- commands


async def test_a_question_by_command_is_shown_and_begins_a_conversation():
    async with sitting() as desk:
        outcome = await desk.discord.slash("ann", "ask", {"text": "what is *up*?"}, "general")
        await desk.heard(1)

        assert desk.inbox.said == ["what is *up*?"]
        assert await promised(desk, outcome.message) == r"> what is \*up\*\?"
        await desk.reply("the sky")
        assert desk.ours()[-1]["channel"] == outcome.message == desk.inbox.got[0].conversation


async def test_a_question_by_command_in_a_dm_belongs_to_it():
    async with sitting() as desk:
        desk.discord.say("ann", "hello")
        await desk.discord.slash("ann", "ask", {"text": "and?"})
        await desk.heard(2)

        assert desk.inbox.got[0].conversation == desk.inbox.got[1].conversation
        assert desk.inbox.got[1].direct


async def test_a_question_that_could_not_be_stored_is_said_to_be_lost():
    async with sitting(inbox=Inbox(errors=[StoreFull()])) as desk:
        outcome = await desk.discord.slash("ann", "ask", {"text": "x"}, "general")

        assert await promised(desk, outcome.message) == feedback.NOT_ASKED


async def test_an_empty_question_is_none():
    async with sitting() as desk:
        outcome = await desk.discord.slash("ann", "ask", {"text": "  "}, "general")

        assert await promised(desk, outcome.message) == NO_TEXT


async def test_stop_steers_the_conversation_it_is_used_in():
    async with sitting() as desk:
        desk.discord.say("ann", "work hard")
        await desk.heard(1)

        await desk.discord.slash("ann", "stop")
        await desk.heard(2)

        assert desk.inbox.got[1].data == ControlRequested(
            action="stop", by="discord:200000000000000101", by_text=True
        )
        assert desk.inbox.got[1].conversation == desk.inbox.got[0].conversation
        assert await told(desk, "ann") == [feedback.STOPPED]


async def test_where_nothing_goes_on_there_is_nothing_to_stop():
    async with sitting() as desk:
        await desk.discord.slash("ann", "stop", channel="general")

        assert await told(desk, "ann") == [feedback.NOTHING_TO_STOP]
        assert desk.inbox.got == []
