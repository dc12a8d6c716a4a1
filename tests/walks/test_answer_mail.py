"""E-mail from the letter that comes in to the letter that goes out, through real IMAP and SMTP and the real program."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.walks.office import Office, code, open_office

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

STRANGER = "Dave <dave@outside.example>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        yield office


def header(mail: dict[str, Any], name: str) -> str:
    return next((value for key, value in mail["headers"] if key.lower() == name.lower()), "")


async def test_a_mail_is_answered_in_its_thread(office: Office):
    letter, _ = await office.mail.say("bob", "what is 17*23", subject="A sum")

    answer = await office.mail_to("bob", "391")

    assert answer["subject"] == "Re: A sum"
    assert answer["in_reply_to"] == letter.message_id
    assert letter.message_id in answer["references"]
    assert header(answer, "Auto-Submitted") == "auto-replied"


async def test_a_reminder_continues_the_thread_and_so_does_the_reply_to_it(office: Office):
    _, first = await office.mail.say("bob", "remind me in 1 second to stretch", subject="Exercise")
    reminder = await office.mail_to("bob", "Reminder: stretch")

    _, second = await office.mail.say("bob", "what is 6*7", in_reply_to=reminder["n"])
    answer = await office.mail_to("bob", "= 42")

    assert (await office.state_of(first))["thread_id"] == (await office.state_of(second))["thread_id"]
    assert reminder["subject"] == answer["subject"] == "Re: Exercise"
    assert reminder["message_id"] in answer["references"]


async def test_what_is_quoted_does_not_ask_again(office: Office):
    await office.mail.say("bob", "what is 3*5", subject="Once")
    answer = await office.mail_to("bob", "= 15")
    before = len(office.inbox("bob"))

    await office.mail.say("bob", "thanks", in_reply_to=answer["n"])

    assert "welcome" in (await office.mail_to("bob", "", after=before))["text"]
    assert "= 15" not in office.inbox("bob")[before]["text"]


async def test_a_stranger_is_answered_and_told_what_answers(office: Office):
    await office.mail.say(STRANGER, "what is 8*8", subject="Hello")

    answer = await office.mail_to("dave@outside.example", "64")

    assert "automated" in answer["text"]


async def test_a_stranger_who_knows_a_message_id_does_not_get_into_the_thread(office: Office):
    _, first = await office.mail.say("bob", "what is 13*13", subject="Private")
    answer = await office.mail_to("bob", "= 169")

    _, second = await office.mail.say(
        "Eve <eve@outside.example>", "what did bob ask?", in_reply_to=answer["n"], quote=False
    )
    await office.mail_to("eve@outside.example", "")

    assert (await office.state_of(first))["thread_id"] != (await office.state_of(second))["thread_id"]


async def test_machines_are_not_answered(office: Office):
    await office.mail.say("bob", "what is 9*9", subject="To bounce")
    answer = await office.mail_to("bob", "81")
    before = len(office.inbox("bob"))

    _, bounced = await office.mail.bounce(answer["n"], status="5.2.2")
    _, away = await office.mail.auto_reply(answer["n"])
    _, news = await office.mail.say(
        "news@outside.example", "hello", headers=[("List-Id", "<news.outside.example>")]
    )

    for uid in (bounced, away, news):
        assert (await office.state_of(uid))["state"] == "ignored"
    assert len(office.inbox("bob")) == before
    assert not office.inbox("news@outside.example")


async def test_the_same_mail_delivered_again_is_answered_once(office: Office):
    letter, _ = await office.mail.say("bob", "what is 11*11", subject="Again")
    await office.mail_to("bob", "121")
    before = len(office.inbox("bob"))

    uids = await office.mail.redeliver(letter.number, times=3)

    for uid in uids:
        assert (await office.state_of(uid))["state"] == "ignored"
    assert len(office.inbox("bob")) == before


async def test_an_approval_by_mail_counts_only_from_a_proved_approver(office: Office):
    office.slack.say("ann", "deploy v7 to staging")
    request = await office.mail_to("carol", "v7")
    before = len(office.inbox("carol"))

    _, spoofed = await office.mail.say("carol", f"OK {code(request)}", in_reply_to=request["n"], spoofed=True)
    refusal = await office.mail_to("carol", "decides nothing", after=before)
    await office.mail.say("carol", f"OK {code(request)}", in_reply_to=request["n"])

    await office.slack_says("staging runs v7 now")
    assert (await office.state_of(spoofed))["state"] == "done"
    assert "mx.saywhen.test" in refusal["text"] or "dmarc" in refusal["text"].lower()
    log = office.bot.folder / "deploys"
    assert log.read_text().splitlines().count("deployed v7 to staging") == 1


async def test_a_code_in_the_quoted_part_decides_nothing(office: Office):
    office.slack.say("ann", "deploy v8 to staging")
    request = await office.mail_to("carol", "v8")

    _, uid = await office.mail.say("carol", "let me think about it", in_reply_to=request["n"])
    await office.state_of(uid)

    pending = (await office.get("/api/approvals?status=pending"))["approvals"]
    assert [each["args"]["tag"] for each in pending if each["args"].get("tag") == "v8"] == ["v8"]


async def test_a_mail_without_proof_causes_nothing_and_hears_what_is_missing(office: Office):
    before = len(office.inbox("bob"))

    await office.mail.say("bob", "deploy v9 to staging", subject="Now", spoofed=True)

    answer = await office.mail_to("bob", "", after=before)
    pending = (await office.get("/api/approvals?status=pending"))["approvals"]
    assert not [each for each in pending if each["args"].get("tag") == "v9"]
    assert answer["text"]


async def test_a_mail_that_the_agent_sends_is_shown_whole_and_its_reply_comes_back_to_who_asked(
    office: Office,
):
    office.slack.say("ann", "send an e-mail to zoe@outside.example saying: the deploy starts at 5")
    request = await office.mail_to("carol", "zoe@outside.example")
    assert "the deploy starts at 5" in request["text"]

    await office.mail.say("carol", f"OK {code(request)}", in_reply_to=request["n"])
    sent = await office.mail_to("zoe@outside.example", "the deploy starts at 5")
    await office.mail.say("zoe@outside.example", "I will be there at noon", in_reply_to=sent["n"])

    assert "noon" in await office.slack_says("noon")
    assert len(office.inbox("zoe@outside.example")) == 1


async def test_a_meeting_with_sarah_next_tuesday_at_3_pm(office: Office):
    office.slack.say("ann", "Schedule a meeting with Sarah next Tuesday at 3 PM")
    request = await office.mail_to("carol", "sarah@example.net")
    await office.mail.say("carol", f"OK {code(request)}", in_reply_to=request["n"])

    invitation = await office.mail_to("sarah", "")
    await office.mail.answer_invitation(invitation["n"], "sarah", "accepted")

    assert invitation["calendar"]
    assert "accepted" in await office.slack_says("accepted")


async def test_what_is_mailed_while_the_bot_is_down_is_answered_once_it_is_back(office: Office):
    await office.bot.kill()
    await office.mail.say("bob", "what is 12*12", subject="Down")
    await office.bot.start()

    await office.mail_to("bob", "144")
    assert len([m for m in office.inbox("bob") if "144" in m["text"]]) == 1
