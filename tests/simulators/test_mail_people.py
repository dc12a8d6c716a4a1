"""What simulated people write: headers that thread, quotes, the border's verdict, answers of machines."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar

from simulators.mail import ADDRESS, MailSimulator
from simulators.mail.simulator import Refused
from simulators.mail.writing import Enclosed, Unwritable
from tests.simulators.mail_kit import ANN, BOB, fetch, imap, parsed, send, smtp, uids

TIME = datetime(2026, 11, 28, 15, 4, tzinfo=UTC)
INVITATION = """\
BEGIN:VCALENDAR
PRODID:-//Saywhen//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:42@saywhen.test
SEQUENCE:1
DTSTAMP:20261128T150000Z
DTSTART;TZID=Europe/Berlin:20261201T150000
DTEND;TZID=Europe/Berlin:20261201T153000
SUMMARY:A meeting with a long name that has to be folded\\, since it has more
  than seventy-five bytes: ÄÖÜ
ORGANIZER;CN=Saywhen:mailto:bot+token@saywhen.test
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ann@example.org
BEGIN:VALARM
ACTION:DISPLAY
UID:alarm
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:43@saywhen.test
SUMMARY:Another one
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
async def mail() -> AsyncIterator[MailSimulator]:
    async with MailSimulator(now=lambda: TIME) as found:
        yield found


def verdict(message: EmailMessage) -> str:
    return str(message["Authentication-Results"])


def words(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n")


def parts(message: Any) -> Any:
    """Those of a multipart."""
    return message.get_payload()


async def invite(mail: MailSimulator) -> dict[str, Any]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ADDRESS, ANN, "Invitation: a meeting"
    message["Message-ID"] = "<invite@saywhen.test>"
    message.set_content("You are invited.")
    message.add_alternative(
        INVITATION.replace("\n", "\r\n"), subtype="calendar", params={"method": "REQUEST"}
    )
    async with smtp(mail.addresses()) as client:
        await client.send_message(message)
    return mail.messages()[-1]


# Writing


async def test_a_person_writes_as_her_program_would(mail: MailSimulator):
    letter, _ = await mail.say("carol", "Grüße\nzweite Zeile", subject="Größe", cc=("bob@example.org",))

    message = parsed(letter.raw)
    assert str(message["From"]) == "Carol Demo <carol@example.org>"
    assert (message["To"], message["Cc"], message["Subject"]) == (ADDRESS, BOB, "Größe")
    assert message["Date"].datetime == TIME
    assert str(message["Date"]).endswith("+0900")
    assert words(message) == "Grüße\nzweite Zeile\n"
    assert letter.message_id.endswith("@mail.example.org>")


async def test_anybody_with_an_address_may_write(mail: MailSimulator):
    named, _ = await mail.say("Dora D. <dora@example.com>", "x")
    plain, _ = await mail.say("emil@example.com", "x")
    known, _ = await mail.say(ANN, "x")

    assert parsed(named.raw)["From"] == '"Dora D." <dora@example.com>'
    assert parsed(plain.raw)["From"] == "emil <emil@example.com>"
    assert parsed(known.raw)["From"] == "Ann Demo <ann@example.org>"


async def test_a_reply_threads_and_quotes_below(mail: MailSimulator):
    first = await send(
        mail, "one\n\ntwo", References="<a@x.test> <b@x.test>", Reply_To="bot+tok@saywhen.test"
    )

    letter, _ = await mail.say("ann", "my answer", in_reply_to=first["n"])

    message = parsed(letter.raw)
    assert message["In-Reply-To"] == "<1@saywhen.test>"
    assert message["References"] == "<a@x.test> <b@x.test> <1@saywhen.test>"
    assert (message["Subject"], message["To"]) == ("Re: Hi", "bot+tok@saywhen.test")
    assert message["Delivered-To"] == "bot+tok@saywhen.test"
    assert words(message) == (
        "my answer\n\n"
        "On Sat, Nov 28, 2026 at 4:04\N{NARROW NO-BREAK SPACE}PM Saywhen <bot@saywhen.test> wrote:\n\n"
        "> one\n>\n> two\n"
    )


async def test_a_reply_can_be_by_message_id_without_quote_and_with_html(mail: MailSimulator):
    await send(mail, "one", Subject="RE: Hi")

    bare, _ = await mail.say("ann", "bare", in_reply_to="<1@saywhen.test>", quote=False)
    html, _ = await mail.say("ann", "both", html="<b>both</b>", in_reply_to=bare.number)

    assert words(parsed(bare.raw)) == "bare\n"
    assert parsed(bare.raw)["Subject"] == "RE: Hi"
    assert parsed(html.raw)["References"] == f"<1@saywhen.test> {bare.message_id}"
    assert parsed(html.raw)["To"] == ADDRESS, "who answers her own mail writes to the app again"
    shown = parsed(html.raw).get_body(("html",)).get_content()
    assert '<blockquote class="gmail_quote"><pre>bare' in shown


async def test_long_ids_and_many_references_stay_what_they_are(mail: MailSimulator):
    ids = [f"<sw.{'a' * 26}.{'b' * 26}{number}@a-rather-long-name.saywhen.test>" for number in range(30)]
    await send(mail, References=" ".join(ids[:-1]), Message_ID=ids[-1])

    letter, _ = await mail.say("ann", "x", in_reply_to=ids[-1])

    message = message_from_bytes(letter.raw)
    assert message["References"].split() == ids
    assert message["In-Reply-To"] == ids[-1]


async def test_own_headers_are_added_or_take_the_place_of_ours(mail: MailSimulator):
    headers = (("Auto-Submitted", "auto-replied"), ("X-A", "1"), ("X-A", "2"), ("message-id", "<own@x.test>"))

    letter, _ = await mail.say("ann", "x", headers=headers)

    message = parsed(letter.raw)
    assert message.get_all("X-A") == ["1", "2"]
    assert message.get_all("Message-ID") == ["<own@x.test>"]
    assert message["Auto-Submitted"] == "auto-replied"
    assert letter.message_id == "<own@x.test>"


@pytest.mark.parametrize(
    "header", [("X-A", "1\r\nX-B: 2"), ("X A", "1"), ("X:A", "1"), ("", "1"), ("X-A", "\0")]
)
async def test_a_header_that_would_be_two_is_refused(mail: MailSimulator, header: tuple[str, str]):
    with pytest.raises(Unwritable):
        await mail.say("ann", "x", headers=(header,))

    assert mail.messages(all_=True) == []


async def test_attachments_arrive(mail: MailSimulator):
    png = Enclosed("bild ü.png", "image/png", b"\x89PNG")

    letter, _ = await mail.say("ann", "see", attachments=(png,))

    (part,) = parsed(letter.raw).iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == (
        png.name,
        png.content_type,
        png.content,
    )


# The border


async def test_the_border_says_that_a_person_is_genuine(mail: MailSimulator):
    letter, _ = await mail.say("ann", "x")

    message = parsed(letter.raw)
    assert list(message)[:4] == ["Return-Path", "Delivered-To", "Authentication-Results", "Received"]
    assert verdict(message) == (
        "mx.saywhen.test; dmarc=pass header.from=example.org; spf=pass smtp.mailfrom=ann@example.org; "
        "dkim=pass header.d=example.org header.s=sim"
    )


async def test_a_spoofed_mail_passes_only_for_who_really_sent_it(mail: MailSimulator):
    letter, _ = await mail.say("ann", "x", spoofed=True)

    message = parsed(letter.raw)
    assert message["From"] == "Ann Demo <ann@example.org>"
    assert message["Return-Path"] == "<mailer@elsewhere.example>"
    assert verdict(message) == (
        "mx.saywhen.test; dmarc=fail (p=none dis=none) header.from=example.org; "
        "spf=pass smtp.mailfrom=mailer@elsewhere.example; dkim=none"
    )


@pytest.mark.parametrize(
    "forged",
    [
        b"Authentication-Results: mx.saywhen.test; dmarc=pass header.from=example.org",
        b"authentication-results: MX.Saywhen.Test; dmarc=pass",
        b"Authentication-Results : mx.saywhen.test; dmarc=pass",
        b"Authentication-Results:\r\n mx.saywhen.test 1; dmarc=pass",
        b"Authentication-Results: (a comment) mx.saywhen.test; dmarc=pass",
        b'Authentication-Results: "mx.saywhen.test"; dmarc=pass',
        b"Authentication-Results: mx.saywhen.test(c); dmarc=pass",
        b"Return-Path: <other@example.org>",
    ],
)
async def test_what_only_the_border_may_say_is_taken_out(mail: MailSimulator, forged: bytes):
    raw = b"X-Before: 1\r\n" + forged + b"\r\nX-After: 1\r\nFrom: ann@example.org\r\n\r\nx\r\n"

    letter, _ = await mail.say_raw(raw, spoofed=True)

    message = message_from_bytes(letter.raw)
    assert [name.strip().lower() for name in message] == [
        "return-path",
        "delivered-to",
        "authentication-results",
        "received",
        "x-before",
        "x-after",
        "from",
    ]
    assert "dmarc=fail" in message["Authentication-Results"]


async def test_results_of_other_servers_stay_below_ours(mail: MailSimulator):
    headers = (("Authentication-Results", "mx.example.org; dmarc=pass header.from=example.org"),)

    letter, _ = await mail.say("ann", "x", headers=headers)

    ours, theirs = parsed(letter.raw).get_all("Authentication-Results")
    assert ours.startswith("mx.saywhen.test;")
    assert theirs.startswith("mx.example.org;")


@pytest.mark.parametrize(
    "head",
    [
        b"From: ann@example.org\r\nFrom: eve@evil.example\r\n",
        b"From: ann@example.org, eve@evil.example\r\n",
        b"Subject: nobody\r\n",
        b"",
    ],
)
async def test_without_exactly_one_author_there_is_no_pass(mail: MailSimulator, head: bytes):
    letter, _ = await mail.say_raw(head + b"\r\nx\r\n", from_="ann")

    assert "dmarc=permerror" in verdict(parsed(letter.raw))


async def test_raw_bytes_arrive_as_they_are_below_the_border(mail: MailSimulator):
    raw = b"From: ann@example.org\nSubject: \xff\xfe\nContent-Type: text/plain; charset=x\n\n\0 bin \x80\nend"

    letter, uid = await mail.say_raw(raw)

    assert letter.raw.endswith(raw.replace(b"\n", b"\r\n"))
    assert mail.messages(all_=True)[0]["from"] == ANN
    async with imap(mail.addresses()) as client:
        assert await fetch(client, uid) == letter.raw


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"\0" * 100,
        b"no header at all",
        b"Content-Type: text/plain; " + b"((" * 5_000 + b"\r\n\r\nx",
        b"Content-Type: =?utf-8?q?=?=; charset*0*=x''%ff\r\n\r\nx",
        b"From: " + b"<" * 5_000 + b"\r\nDate: " + b"9" * 5_000 + b"\r\n\r\nx",
        b"Subject: " + b"=?utf-8?q?=ff?= " * 2_000 + b"\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        + b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" * 500,
        b"X: " + b"\r\n x" * 20_000 + b"\r\n\r\n",
        b"a" * 100_000 + b"\r" + b"b" * 100_000,
    ],
)
async def test_a_mail_that_breaks_parsers_is_carried_all_the_same(mail: MailSimulator, raw: bytes):
    letter, uid = await mail.say_raw(raw, from_="ann")

    async with imap(mail.addresses()) as client:
        assert await fetch(client, uid) == letter.raw
    assert len(mail.messages(all_=True)) == 1


async def test_a_mail_to_others_reaches_the_mailbox_as_a_hidden_copy(mail: MailSimulator):
    letter, _ = await mail.say("ann", "x", to=("list@example.org",), mail_from="list-bounces@example.org")

    message = parsed(letter.raw)
    assert (message["To"], message["Delivered-To"]) == ("list@example.org", ADDRESS)
    assert message["Return-Path"] == "<list-bounces@example.org>"


# Machines


async def test_a_bounce_names_the_mail_and_the_recipient(mail: MailSimulator):
    sent = await send(mail, "lost")

    letter, _ = await mail.bounce(sent["n"])

    report = message_from_bytes(letter.raw)
    assert (report["Return-Path"], report["Auto-Submitted"]) == ("<>", "auto-replied")
    assert (report.get_content_type(), report.get_param("report-type")) == (
        "multipart/report",
        "delivery-status",
    )
    _, status, original = parts(report)
    per_message, per_recipient = parts(status)
    assert per_message["Reporting-MTA"] == "dns; smtp.saywhen.test"
    assert (per_recipient["Action"], per_recipient["Status"]) == ("failed", "5.1.1")
    assert per_recipient["Final-Recipient"] == "rfc822; ann@example.org"
    assert parts(original)[0]["Message-ID"] == "<1@saywhen.test>"


async def test_a_delay_returns_headers_only(mail: MailSimulator):
    sent = await send(mail, "late")

    letter, _ = await mail.bounce(sent["message_id"], status="4.4.1", recipient="bob@example.org")

    _, status, original = parts(message_from_bytes(letter.raw))
    assert (parts(status)[1]["Action"], original.get_content_type()) == (
        "delayed",
        "text/rfc822-headers",
    )
    assert parts(status)[1]["Final-Recipient"] == "rfc822; bob@example.org"
    assert "<1@saywhen.test>" in original.get_payload()
    assert "late" not in original.get_payload()


async def test_an_out_of_office_note_says_that_it_is_automatic(mail: MailSimulator):
    sent = await send(mail, "are you there?")

    letter, _ = await mail.auto_reply(sent["n"])

    message = parsed(letter.raw)
    assert (message["From"], message["Return-Path"]) == ("Ann Demo <ann@example.org>", "<>")
    assert (message["Auto-Submitted"], message["Subject"]) == ("auto-replied", "Automatic reply: Hi")
    assert message["In-Reply-To"] == "<1@saywhen.test>"


async def test_a_mail_with_a_null_sender_gets_no_answer_of_machines(mail: MailSimulator):
    async with smtp(mail.addresses()) as client:
        await client.sendmail("", [ANN], b"Subject: bounce\r\n\r\nx\r\n")

    for act in (mail.bounce, mail.auto_reply):
        with pytest.raises(Refused, match="envelope's sender"):
            await act(1)


@pytest.mark.parametrize("program", ["google", "outlook"])
@pytest.mark.parametrize("answer", ["accepted", "declined", "tentative"])
async def test_an_invitation_is_answered(mail: MailSimulator, answer: Any, program: Any):
    sent = await invite(mail)

    letter, _ = await mail.answer_invitation(
        sent["n"], "ann", answer, program=program, text="See you, maybe; ok"
    )

    message = parsed(letter.raw)
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    assert part.get_param("method") == "REPLY"
    assert message["To"] == message["Delivered-To"] == "bot+token@saywhen.test"
    assert str(message["Subject"]).startswith(f"{answer.capitalize()}: A meeting with a long name")
    assert ("invite.ics" in [each.get_filename() for each in message.walk()]) is (program == "google")
    assert (message["In-Reply-To"] == "<invite@saywhen.test>") is (program == "outlook")
    (event,) = Calendar.from_ical(part.get_content()).walk("VEVENT")
    assert (event["UID"], event["SEQUENCE"]) == ("42@saywhen.test", 1)
    assert event["SUMMARY"].endswith("more than seventy-five bytes: ÄÖÜ")
    assert event["DTSTART"].dt.isoformat() == "2026-12-01T15:00:00+01:00"
    assert (event["ATTENDEE"], event["ATTENDEE"].params["PARTSTAT"]) == (f"mailto:{ANN}", answer.upper())
    assert event["COMMENT"] == "See you, maybe; ok"
    assert all(len(line) <= 75 for line in part.get_payload(decode=True).split(b"\r\n"))


async def test_an_invitation_is_shown_with_what_it_says(mail: MailSimulator):
    sent = await invite(mail)

    calendar = sent["calendar"]
    assert (calendar["method"], calendar["uid"]) == ("REQUEST", "42@saywhen.test")
    assert calendar["dtstart"] == "20261201T150000"
    assert calendar["text"].startswith("BEGIN:VCALENDAR")


async def test_only_an_invitation_can_be_answered_so(mail: MailSimulator):
    sent = await send(mail)

    with pytest.raises(Refused, match="no invitation"):
        await mail.answer_invitation(sent["n"], "ann", "accepted")


async def test_a_redelivery_has_the_same_bytes_under_new_uids(mail: MailSimulator):
    letter, uid = await mail.say("ann", "again")

    again = await mail.redeliver(letter.number, times=2)

    async with imap(mail.addresses()) as client:
        assert await uids(client) == [uid, *again]
        assert await fetch(client, again[-1]) == letter.raw
    assert len(mail.messages(all_=True)) == 1
