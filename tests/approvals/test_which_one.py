"""Several requests at once, and words that are not quite a decision (F6.8, F6.11, A12)."""

from pathlib import Path

import pytest

from bot.events import ApprovalAnswered, ApprovalResolved
from bot.grammar import Unclear, read
from bot.testing import reply
from tests.approvals.kit import WAYS, ask, asks_once, by_text, found, opened, row_of, sent_to, wants

TWO = [wants("v1"), wants("v2"), reply("Done with one."), reply("Done with the other."), reply("Well.")]


@pytest.mark.parametrize("text", ["OK", "ok", "Ok.", "yes", "YES", "no", "k", "👍"])
async def test_a_bare_word_decides_neither_of_two_and_both_are_put_again(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path, script=TWO) as it:
        first, second = await ask(it.bot), await ask(it.bot, "deploy v2 too")
        before = len(sent_to(it.bot, "+3"))

        await it.bot.text("carol", text)
        await it.bot.settle()

        again = sent_to(it.bot, "+3")[before:]
        assert it.deploys.ran == []
        assert len(again) == 2
        for row in (first, second):
            assert sum(f"OK {it.bot.code(row.id, 'carol')}" in each for each in again) == 1


async def test_asked_which_one_a_person_reads_what_each_code_is_for(tmp_path: Path) -> None:
    async with opened(tmp_path, script=TWO) as it:
        first, second = await ask(it.bot), await ask(it.bot, "deploy v2 too")

        await it.bot.text("carol", "OK")
        await it.bot.settle()

        again = sent_to(it.bot, "+3")[-2:]
        for row, tag in ((first, "v1"), (second, "v2")):
            (one,) = [each for each in again if it.bot.code(row.id, "carol") in each]
            assert f'environment: "staging"\ntag: "{tag}"' in one


@pytest.mark.parametrize("number", [0, 1])
async def test_the_code_says_which_one_is_meant(tmp_path: Path, number: int) -> None:
    async with opened(tmp_path, script=TWO) as it:
        rows = [await ask(it.bot), await ask(it.bot, "deploy v2 too")]

        await by_text(it.bot, "carol", rows[number])
        await it.bot.settle()

        assert it.deploys.ran == [("staging", ("v1", "v2")[number])]
        assert (await row_of(it.bot, rows[1 - number].id)).status == "pending"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("approved", [0, 1])
@pytest.mark.parametrize("no_first", [True, False])
async def test_a_no_to_one_and_a_yes_to_the_other_runs_the_other(
    tmp_path: Path, way: str, approved: int, no_first: bool
) -> None:
    async with opened(tmp_path, script=TWO) as it:
        rows = [await ask(it.bot), await ask(it.bot, "deploy v2 too")]
        answers = [(rows[1 - approved], "reject"), (rows[approved], "approve")]

        for row, decision in answers if no_first else answers[::-1]:
            await WAYS[way](it.bot, "carol", row, decision, "no")
        await it.bot.settle()

        assert it.deploys.ran == [("staging", ("v1", "v2")[approved])]
        assert (await row_of(it.bot, rows[approved].id)).status == "approved"
        assert (await row_of(it.bot, rows[1 - approved].id)).status == "rejected"


# ---------------------------------------------------------------- not quite a decision

AMBIGUOUS = """
    ok|OK!|ok?|Ok.|okay|okay go|k|kk|yes|YES|Yes.|yes!|yes?|yes but|yes but change the tag|yes, but only staging|yep
    |yeah|yup|ya|sure|sure?|fine|go|go ahead|do it|please do|confirm|confirmed|approve|approved|approve it|I approve
    |agreed|accept|lgtm|ship it|sounds good|looks good|all good|of course|absolutely|definitely|correct|right|proceed
    |+1|no|NO|no!|No.|no?|nope|nah|not ok|never|don't|do not|reject|rejected|deny|denied|decline|cancel|CANCEL|abort|-1
    |👍|👍🏽|👎|👌|✅|❌|🆗|🙏
    |ja|Ja bitte|nein|oui|non|sí|si|sim|da|нет|да|ок|はい|いいえ|好的|是|不|네|아니요|نعم|لا|כן
    |ok thanks|oh kay 4 8|o k|OK 7K3PW|OK 7K3PWXX|YES 7K3PWX|7K3PWX|OK-7K3PWX|OK 7K3-PWX|OK: 7K3PWX|OK 7 K 3 P W X
    |Okay 7K3PWX|OK 7K3PWX please|OK 7K3PWX?|ОK 7K3PWX|OK 7К3PWX|"OK" 7K3PWX|OK\u200b 7K3PWX|no 7K3PWX ?|NO 7K3PWX 👍
"""  # fmt: skip
TEXTS = [text.strip(" \n") for text in AMBIGUOUS.split("|")]
TEXTS = TEXTS[::2] + TEXTS[1::2]  # the same words twice in a row would get no second answer


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(TEXTS)) >= 100
    assert all(isinstance(read(text), Unclear) for text in TEXTS)


@pytest.mark.parametrize("coded", [False, True], ids=["as it is", "with the right code"])
async def test_none_of_a_hundred_ambiguous_texts_decides_and_each_is_asked_about_once(
    ram: Path, coded: bool
) -> None:
    async with opened(ram, script=asks_once) as it:
        row = await ask(it.bot)
        code = it.bot.code(row.id, "carol")
        texts = [text.replace("7K3PWX", code) for text in TEXTS] if coded else TEXTS

        for text in texts:
            before = len(sent_to(it.bot, "+3"))
            await it.bot.text("carol", text)
            await it.bot.settle()
            new = sent_to(it.bot, "+3")[before:]
            assert len(new) == 1, text
            assert "I did not take that as a decision" in new[0], text

        assert it.deploys.ran == []
        refused = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert [answer.refused for answer in refused] == ["ambiguous"] * len(texts)
        assert await found(it.bot, row.thread_id, ApprovalResolved) == []
        await by_text(it.bot, "carol", row)
        await it.bot.settle()
        assert it.deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize(
    "text", ["What is this about?", "STOP", "the build is green", "Yesterday it was fine"]
)
async def test_other_words_decide_nothing_either(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path, script=asks_once) as it:
        row = await ask(it.bot)

        await it.bot.text("carol", text)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "pending"


async def test_with_nothing_open_such_words_are_an_ordinary_message(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[reply("Hello.")]) as it:
        received = await it.bot.text("carol", "ok")
        await it.bot.settle()

        assert sent_to(it.bot, "+3") == ["Hello."]
        assert received.thread_id
