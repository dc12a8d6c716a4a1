"""The agent asks a person something: who may answer, how, and until when."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from agents.assistant import ask_person
from bot.answering import Attempt
from bot.events import Answerer, Incoming, ModelAnswered, QuestionAnswered, ThreadParked
from bot.ports import RequestRow
from bot.testing import Bot, call, reply
from tests.approvals.kit import found, opened, row_of, sent_to

OPTIONS = ("red", "dark blue")


def asks_dave(request: Mapping[str, JsonValue]) -> ModelAnswered:
    """Asks Dave, and then says what it was told."""
    shown = str(request["messages"])
    if "<answer" in shown:
        return reply(
            "I was told: " + shown.rpartition("<answer")[2].partition("</answer>")[0].rpartition(">")[2]
        )
    if "which colour" in shown and "<tool_result" not in shown:
        return call("ask_person", to="Dave", question="Which colour?", options=list(OPTIONS))
    return reply("Hm.")


async def asked(bot: Bot) -> RequestRow:
    await bot.say("which colour? ask Dave")
    await bot.settle()
    (row,) = await bot.open_requests()
    return row


def code(bot: Bot, row: RequestRow, name: str = "dave", channel: str = "phone") -> str:
    return bot.keys.code("question", row.id, name, channel)


async def press(bot: Bot, row: RequestRow, option: str, name: str = "dave", address: str = "+4") -> object:
    by = Answerer(channel="phone", address=address, proof="provider")
    handle = bot.keys.handle("question", row.id, name)
    data = QuestionAnswered(question_id=handle, option=option, by=by)
    return await bot.inbox.receive(Incoming(data, channel="phone", account="A2", destination=address))


async def by_api(bot: Bot, row: RequestRow, text: str, name: str = "dave") -> object:
    by = Answerer(person=name, channel="api", address=name, proof="token")
    data = await bot.answering.judged(await row_of(bot, row.id), Attempt("respond", by, text))
    return await bot.inbox.receive(Incoming(data, channel="api", thread_id=row.thread_id, correlation=row.id))


async def test_the_question_arrives_with_its_numbered_options_and_a_code(tmp_path: Path) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)

        (text,) = sent_to(it.bot, "+4")
        assert text == (
            "A question for you, on behalf of ann:\nWhich colour?\n1 red\n2 dark blue\n"
            f"Write back: {code(it.bot, row)} and the number or your answer"
        )
        assert sent_to(it.bot, "c1") == ["I have asked Dave and will go on when they answer."]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2", "dark blue"), ("2.", "dark blue"), ("1", "red"), ("Dark Blue", "dark blue"), ("red.", "red"),
        ("green", "green"), ("OK", "OK"),
    ],
)  # fmt: skip
async def test_an_answer_by_text_is_a_number_an_option_or_words(
    tmp_path: Path, said: str, meant: str
) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)

        await it.bot.text("dave", f"{code(it.bot, row).lower()} {said}")
        await it.bot.settle()

        assert sent_to(it.bot, "c1")[-1] == f"I was told: {meant}"
        assert (await row_of(it.bot, row.id)).status == "answered"


@pytest.mark.parametrize("way", ["button", "api"])
async def test_an_answer_by_button_or_api_counts_as_well(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)

        if way == "button":
            await press(it.bot, row, "dark blue")
        else:
            await by_api(it.bot, row, "2")
        await it.bot.settle()

        assert sent_to(it.bot, "c1")[-1] == "I was told: dark blue"


@pytest.mark.parametrize("who", ["carol", "bob"])
async def test_nobody_else_answers(tmp_path: Path, who: str) -> None:
    address = {"carol": "+3", "bob": "+2"}[who]
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)

        await it.bot.text(who, f"{code(it.bot, row)} 2")
        await press(it.bot, row, "red", who, address)
        await press(it.bot, row, "red", "dave", address)
        await by_api(it.bot, row, "red", who)
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "pending"
        refused = await found(it.bot, row.thread_id, QuestionAnswered)
        assert [answer.refused for answer in refused] == ["unauthorised"] * 4
        assert not any("I was told" in text for text in sent_to(it.bot, "c1"))


async def test_the_second_answer_hears_that_the_first_one_stands(tmp_path: Path) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)
        await it.bot.text("dave", f"{code(it.bot, row)} 1")
        await it.bot.settle()

        await it.bot.text("dave", f"{code(it.bot, row)} 2")
        await it.bot.settle()

        assert "closed already (answered)" in sent_to(it.bot, "+4")[-1]
        assert sum("I was told" in text for text in sent_to(it.bot, "c1")) == 1


@pytest.mark.parametrize("down", [False, True], ids=["running", "down at that time"])
async def test_without_an_answer_in_time_the_agent_goes_on_and_a_late_one_is_told_so(
    tmp_path: Path, down: bool
) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)
        clock = it.bot.clock
        clock.advance(25 * 3600)
        if not down:
            await it.bot.settle()
    async with opened(tmp_path, script=asks_dave, tools=[ask_person], clock=clock) as it:
        await it.bot.recover()
        await it.bot.settle()

        await it.bot.text("dave", f"{code(it.bot, row)} 2")
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "expired"
        assert "closed already (expired)" in sent_to(it.bot, "+4")[-1]


@pytest.mark.parametrize("how", ["text", "button", "api"])
async def test_after_a_stop_no_answer_counts(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)
        await it.bot.say("stop")

        match how:
            case "text":
                await it.bot.text("dave", f"{code(it.bot, row)} 2")
            case "button":
                await press(it.bot, row, "red")
            case _:
                await by_api(it.bot, row, "red")
        await it.bot.settle()
        it.bot.clock.advance(48 * 3600)
        await it.bot.settle()

        assert (await row_of(it.bot, row.id)).status == "cancelled"
        assert not any("I was told" in text for text in sent_to(it.bot, "c1"))
        assert await found(it.bot, row.thread_id, ThreadParked) == []


@pytest.mark.parametrize("text", ["ok", "yes", "👍"])
async def test_a_bare_word_is_asked_about_once_more_with_the_question(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path, script=asks_dave, tools=[ask_person]) as it:
        row = await asked(it.bot)

        await it.bot.text("dave", text)
        await it.bot.settle()

        again = sent_to(it.bot, "+4")[-1]
        assert "I did not take that as a decision" in again
        assert "Which colour?\n1 red\n2 dark blue\n" in again
        assert code(it.bot, row) in again


async def test_ok_with_the_code_of_a_question_is_no_wrong_try_for_a_request(tmp_path: Path) -> None:
    def script(request: Mapping[str, JsonValue]) -> ModelAnswered:
        if "deploy v1" in str(request["messages"]):
            return call("deploy", environment="staging", tag="v1")
        return asks_dave(request)

    async with opened(tmp_path, script=script, tools=[ask_person]) as it:
        question = await asked(it.bot)
        await it.bot.say("deploy v1", conversation="c2")
        await it.bot.settle()

        await it.bot.text("dave", f"OK {code(it.bot, question)}")
        await it.bot.settle()

        (row,) = [
            each for each in await it.bot.store.asked("dave", "phone") if each.request.kind == "approval"
        ]
        assert row.wrong == 0
        assert "Which colour?" in sent_to(it.bot, "+4")[-1]


async def test_somebody_who_is_not_known_cannot_be_asked(tmp_path: Path) -> None:
    script = [call("ask_person", to="Eve", question="Which colour?", options=[]), reply("There is no Eve.")]
    async with opened(tmp_path, script=script, tools=[ask_person]) as it:
        await it.bot.say("ask Eve")
        await it.bot.settle()

        assert await it.bot.open_requests() == []
        assert sent_to(it.bot, "c1") == ["There is no Eve."]
