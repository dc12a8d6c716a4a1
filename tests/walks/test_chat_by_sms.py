"""Chat by SMS: from a text to the reply on the same phone, through the real SDK and the real program."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.walks.desk import Desk, open_desk

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("walk")) as desk:
        yield desk


async def test_a_text_is_answered_on_the_same_phone(desk: Desk):
    desk.text("ann", "what time is it in Tokyo?")

    assert "Asia/Tokyo" in await desk.phone_says("It is", person="ann")


async def test_a_reminder_comes_back_by_text(desk: Desk):
    desk.text("bob", "remind me in 1 second to stretch")

    await desk.phone_says("I will remind you", person="bob")
    await desk.phone_says("Reminder: stretch", person="bob")


async def test_a_text_that_is_delivered_twice_is_answered_once(desk: Desk):
    before = len(desk.phone("carol"))
    said = desk.phones.say("carol", "what is 17*23")
    await desk.phone_says("391", person="carol")

    await desk.phones.redeliver(said.sid, times=5)
    desk.text("carol", "what is 2*3")

    await desk.phone_says("= 6", person="carol")
    assert len(desk.phone("carol")) == before + 2


async def test_what_is_texted_while_the_bot_is_down_is_answered_once_it_is_back(desk: Desk):
    await desk.bot.kill()
    desk.text("ann", "what is 6*7")
    await desk.start()

    await desk.phone_says("= 42", person="ann")


async def test_a_question_to_somebody_else_comes_back_as_their_answer(desk: Desk):
    desk.text("ann", "ask Carol whether lunch is at 1")
    question = await desk.phone_says("Lunch is at 1?", person="carol")
    code = question.rsplit("Write back: ", 1)[1].split()[0]

    desk.text("carol", f"{code} 1")

    await desk.phone_says('carol answered to "Lunch is at 1?": yes', person="ann")


async def test_a_number_that_nobody_knows_gets_no_further(desk: Desk):
    desk.phones.say("+15550100009", "deploy v1 to staging")

    await desk.phone_says("I only talk to people I know here", person="+15550100009")
