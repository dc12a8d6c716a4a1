"""The control API for mail: how a script writes, looks and asks for failures, and who may."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.mail import ADDRESS, MailSimulator
from tests.simulators.mail_kit import ANN, fetch, get, imap, parsed, post, send, uid_validity, uids


@pytest.fixture
async def mail() -> AsyncIterator[MailSimulator]:
    async with MailSimulator() as found:
        yield found


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_say_answers_with_the_message_id_and_the_uid(mail: MailSimulator):
    status, answer = await post(mail, "say", {"from": "ann", "subject": "Hi", "text": "hello"})

    _, found = await get(mail, "messages?all=1")
    (message,) = found["messages"]
    async with imap(mail.addresses()) as client:
        arrived = parsed(await fetch(client, answer["uid"]))
    assert (status, answer["ok"]) == (200, True)
    assert answer["message_id"] == message["message_id"] == arrived["Message-ID"]
    assert (message["n"], message["id"], message["direction"]) == (answer["n"], answer["id"], "in")
    assert (message["from"], message["subject"], message["text"]) == (ANN, "Hi", "hello\n")


async def test_say_takes_everything_that_a_mail_may_have(mail: MailSimulator):
    sent = await send(mail, "a question")

    status, answer = await post(
        mail,
        "say",
        {
            "from": "Eve <eve@evil.example>",
            "text": "plain",
            "html": "<p>html</p>",
            "headers": {"X-A": "1"},
            "in_reply_to": sent["message_id"],
            "cc": "bob",
            "to": ["bot+x@saywhen.test"],
            "attachments": [{"name": "a.txt", "content_type": "text/plain", "base64": b64(b"attached")}],
            "spoofed": True,
        },
    )

    assert (status, answer["ok"]) == (200, True)
    (message,) = [each for each in mail.messages(all_=True) if each["direction"] == "in"]
    assert (message["to"], message["cc"]) == (["bot+x@saywhen.test"], ["bob@example.org"])
    assert (message["subject"], message["in_reply_to"]) == ("Re: Hi", sent["message_id"])
    assert "> a question" in message["text"]
    assert "gmail_quote" in message["html"]
    assert message["attachments"] == [{"name": "a.txt", "content_type": "text/plain"}]
    headers = dict(message["headers"])
    assert headers["X-A"] == "1"
    assert "dmarc=fail" in headers["Authentication-Results"]


async def test_say_takes_headers_as_pairs_and_raw_mail(mail: MailSimulator):
    pairs = {"from": "ann", "text": "x", "headers": [["X-A", "1"], ["X-A", "2"]]}
    await post(mail, "say", pairs)
    _, answer = await post(mail, "say", {"raw": b64(b"From: bob@example.org\nMessage-ID: <r@x.test>\n\nraw")})

    first, second = mail.messages(all_=True)
    assert [value for name, value in first["headers"] if name == "X-A"] == ["1", "2"]
    assert (answer["message_id"], second["from"], second["text"]) == ("<r@x.test>", "bob@example.org", "raw")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"from": "zoe", "text": "x"}, 400, "nobody with mail is called 'zoe'"),
        ({"from": "ann"}, 400, "a mail has a text, html or attachments"),
        ({"text": "x"}, 400, "`from` says who writes"),
        ({"from": ADDRESS, "text": "x"}, 400, "the app's own address"),
        ({"from": "ann", "text": "x", "in_reply_to": 7}, 400, "no mail '7'"),
        ({"from": "ann", "text": "x", "in_reply_to": "<no@x.test>"}, 400, "no mail '<no@x.test>'"),
        ({"from": "ann", "text": "x", "headers": {"X-A": "1\nX-B: 2"}}, 400, "X-A has one line"),
        ({"from": "ann", "text": "x", "subject": "1\nX-B: 2"}, 400, "Subject has one line"),
        ({"from": "ann", "text": "x", "to": "not an address"}, 400, "not an address"),
        ({"from": "ann", "text": "x", "cc": ["a@x.test\r\nX-B: 2"]}, 400, "not an address"),
        ({"from": "ann", "text": "x", "mail_from": "a b"}, 400, "not an address"),
        ({"from": "ann\r\nX-B: 2 <a@x.test>", "text": "x"}, 400, "not an address"),
        ({"from": "ann", "attachments": [{"base64": "%"}]}, 400, "not base64"),
        ({"from": "ann", "attachments": [{"base64": "", "name": "a\nb"}]}, 400, "attachment has one line"),
        ({"raw": "%"}, 400, "raw is not base64"),
        ({"raw": ""}, 400, "a mail has 1 to"),
        ({"raw": "eA==", "text": "x"}, 400, "has all of this in itself"),
        ({"from": "ann", "text": "x", "thread": "1"}, 422, "this call takes other fields"),
        ({"from": "", "text": "x"}, 422, "this call takes other fields"),
        ([], 422, "this call takes other fields"),
    ],
)
async def test_a_wrong_say_is_told_what_is_allowed(
    mail: MailSimulator, body: dict[str, Any], status: int, says: str
):
    found, answer = await post(mail, "say", body)

    assert (found, answer["ok"]) == (status, False), answer
    assert says in answer["error"]
    assert answer["allowed"] or answer["found"]
    assert mail.messages(all_=True) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("answer_invite", {"to_message": 1, "from": "ann", "answer": "accepted"}, 400),
        ("answer_invite", {"to_message": 1, "from": "ann", "answer": "perhaps"}, 422),
        ("answer_invite", {"to_message": 9, "from": "ann", "answer": "accepted"}, 400),
        ("bounce", {"message": 9}, 400),
        ("bounce", {"message": 2}, 400),
        ("bounce", {"message": 1, "status": "2.0.0"}, 422),
        ("bounce", {"message": 1, "diagnostic": "a\nb"}, 422),
        ("bounce", {"message": 1, "recipient": "a\nb"}, 400),
        ("autoreply", {}, 422),
        ("autoreply", {"message": 1, "from": "zoe"}, 400),
        ("redeliver", {"message": 1}, 400),
        ("redeliver", {"message": 2, "times": 0}, 422),
        ("faults", {"kind": "no", "on": "data"}, 400),
        ("faults", {"kind": "550", "on": "login"}, 400),
        ("faults", {"kind": "drop_after_accept", "on": "rcpt"}, 400),
        ("faults", {"kind": "552", "to": "ann@example.org"}, 400),
        ("faults", {"kind": "999"}, 422),
        ("disconnect", {"bye": True}, 422),
        ("uidvalidity", {"value": 1}, 422),
    ],
)
async def test_other_calls_refuse_what_makes_no_sense(
    mail: MailSimulator, path: str, body: dict[str, Any], status: int
):
    await send(mail)
    await mail.say("ann", "in")

    found, answer = await post(mail, path, body)

    assert (found, answer["ok"]) == (status, False), answer
    assert answer["error"]
    assert answer["allowed"] or answer["found"]


async def test_machines_answer_on_request(mail: MailSimulator):
    sent = await send(mail)

    _, bounce = await post(mail, "bounce", {"message": sent["n"]})
    _, away = await post(mail, "autoreply", {"message": sent["id"], "text": "away"})
    _, again = await post(mail, "redeliver", {"message": away["n"], "times": 2})

    async with imap(mail.addresses()) as client:
        assert await uids(client) == [bounce["uid"], away["uid"], *again["uids"]]
    assert len(again["uids"]) == 2


async def test_a_mail_can_be_had_as_it_is(mail: MailSimulator):
    letter, _ = await mail.say("ann", "raw")

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{mail.base_url}/sim/email/raw", params={"message": letter.message_id}) as response,
    ):
        assert await response.read() == letter.raw


async def test_messages_are_found_by_an_address_with_a_plus(mail: MailSimulator):
    await send(mail, To="ann+tag@example.com")

    for query in ("to=ann+tag@example.com", "to=ann%2Btag@example.com"):
        _, found = await get(mail, f"messages?{query}")
        assert len(found["messages"]) == 1, query


async def test_an_unknown_name_is_answered_with_the_people_there_are(mail: MailSimulator):
    status, answer = await get(mail, "messages?to=zoe")

    assert status == 400
    assert answer["allowed"]["from"][:4] == ["ann", "bob", "carol", "sarah"]


async def test_faults_are_asked_for_shown_and_cleared(mail: MailSimulator):
    _, added = await post(mail, "faults", {"kind": "450", "times": 2})
    await post(mail, "faults", {"kind": "no"})
    _, shown = await get(mail, "faults")
    _, cleared = await post(mail, "faults/clear", {})

    fault = {"kind": "450", "on": "rcpt", "times": 2, "to": "", "seconds": 1.0}
    assert added == {"ok": True, "faults": [fault]}
    assert [(each["kind"], each["on"]) for each in shown["faults"]] == [("450", "rcpt"), ("no", "login")]
    assert cleared == {"ok": True, "faults": []}


async def test_connections_and_numbers_change_on_request(mail: MailSimulator):
    async with imap(mail.addresses()) as client:
        before = await uid_validity(client)
        _, closed = await post(mail, "disconnect", {})
    _, changed = await post(mail, "uidvalidity", {})

    async with imap(mail.addresses()) as client:
        assert closed == {"ok": True, "closed": 1}
        assert await uid_validity(client) == changed["uidvalidity"] > before


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"from": "ann", "text": "x"}, "headers": {"Host": "evil.example"}}, 403),
        ({"json": {"from": "ann", "text": "x"}, "headers": {"Origin": "http://evil.example"}}, 403),
        ({"data": {"from": "ann", "text": "x"}}, 415),
    ],
)
async def test_only_this_machine_may_write(mail: MailSimulator, options: dict[str, Any], status: int):
    found, answer = await post(mail, "say", **options)

    assert (found, answer["ok"]) == (status, False)
    assert mail.messages(all_=True) == []
