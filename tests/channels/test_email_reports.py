"""What mail systems report: of which mail of ours, about whom, and what became of it."""

# ruff: noqa: E501 - tables read better with a line for each case

import pytest

from channels.email.mail import Bounce
from channels.email.reading import read
from tests.channels.mail_kit import PAYLOADS
from tests.channels.mail_torture import multipart

OURS = "<sw.abc@example.net>"


def dsn(*recipients: str, returned: str = f"Message-ID: {OURS}\r\nSubject: hi\r\n") -> bytes:
    blocks = "\r\n".join(("Reporting-MTA: dns; mx.example.org\r\n", *recipients))
    return multipart(
        b"Content-Type: text/plain\r\n\r\nIt did not arrive.",
        f"Content-Type: message/delivery-status\r\n\r\n{blocks}".encode(),
        f"Content-Type: text/rfc822-headers\r\n\r\n{returned}".encode(),
        kind=b"report",
        more=b"; report-type=delivery-status",
    )


def block(action: str = "failed", status: str = "5.1.1", more: str = "") -> str:
    return f"Final-Recipient: rfc822; Ann@Example.org\r\nAction: {action}\r\nStatus: {status}\r\n{more}"


def test_a_delivery_report_says_of_which_mail_about_whom_and_what():
    mail = read(dsn(block(more="Diagnostic-Code: smtp; 550 5.1.1 no such\r\n user\r\n")))

    assert mail.report == "delivery"
    assert mail.automatic == "it is a report about delivery (a bounce)"
    assert mail.bounces == (
        Bounce("failed", OURS, "ann@example.org", "5.1.1", "smtp; 550 5.1.1 no such user"),
    )
    assert (mail.text, mail.attachments) == ("It did not arrive.", ())


@pytest.mark.parametrize("action", ["failed", "delayed", "delivered", "relayed", "expanded"])
def test_what_became_of_it_is_one_of_five(action: str):
    (bounce,) = read(dsn(block(action.title() + " (comment)"))).bounces

    assert bounce.action == action


@pytest.mark.parametrize(
    ("status", "action"), [("5.0.0", "failed"), ("4.4.1", "delayed"), ("2.0.0", "delivered"), ("", "failed")]
)
def test_without_a_known_word_the_status_says_it(status: str, action: str):
    (bounce,) = read(dsn(block("other", status))).bounces

    assert bounce.action == action


def test_every_recipient_is_told_apart():
    other = "Final-Recipient: rfc822;bob@example.org\r\nAction: delayed\r\nStatus: 4.2.2\r\n"

    mail = read(dsn(block(), other))

    assert [(one.recipient, one.action) for one in mail.bounces] == [
        ("ann@example.org", "failed"),
        ("bob@example.org", "delayed"),
    ]


def test_a_vague_status_gives_way_to_that_of_the_diagnosis():
    (bounce,) = read(dsn(block(status="5.0.0", more="Diagnostic-Code: smtp; 550 5.7.1 go away\r\n"))).bounces

    assert bounce.status == "5.7.1"


@pytest.mark.parametrize(
    "returned", ["", "Subject: hi\r\n", "Message-ID: <>\r\n", "\x00\xff", "X: " + "a" * 300_000]
)
def test_a_report_without_the_original_names_no_mail(returned: str):
    (bounce,) = read(dsn(block(), returned=returned)).bounces

    assert bounce.message_id == ""


def test_a_read_receipt_is_no_bounce():
    raw = multipart(
        b"Content-Type: text/plain\r\n\r\nRead.",
        f"Content-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: {OURS}\r\n".encode(),
        kind=b"report", more=b"; report-type=disposition-notification",
    )  # fmt: skip

    mail = read(raw)

    assert (mail.report, mail.bounces, mail.automatic) == ("disposition", (), "it is a read receipt")


def test_a_complaint_is_no_bounce():
    mail = read((PAYLOADS / "sisimai/arf-01.eml").read_bytes())

    assert (mail.report, mail.bounces, mail.automatic) == ("feedback", (), "it is a complaint about abuse")


def test_a_report_that_does_not_say_of_what_is_known_by_its_parts():
    raw = multipart(
        b"\r\nRead.", b"Content-Type: message/disposition-notification\r\n\r\nx: y\r\n", kind=b"report"
    )

    assert read(raw).report == "disposition"


def test_a_person_who_sends_a_report_along_reports_nothing():
    raw = multipart(
        b"Content-Type: text/plain\r\n\r\nLook what I got.",
        f"Content-Type: message/delivery-status\r\n\r\n{block()}".encode(),
        f"Content-Type: message/rfc822\r\n\r\nMessage-ID: {OURS}\r\n\r\nhi".encode(),
    )

    mail = read(raw)

    assert (mail.report, mail.bounces, mail.automatic) == ("", (), "")
    assert len(mail.attachments) == 2


REAL = {
    # by the standard
    "lhost-postfix-04": ("failed", "<A8F82EDD-E518-4F5C-8C70-BC4EFF24AB9F@example.ne.jp>", "kijitora@example.co.jp", "5.1.1"),
    "lhost-sendmail-37": ("failed", "<792B14FF-0B1A-4127-B644-0A876D88A36C@example.jp>", "kijitora@nyaan.example.com", "5.1.1"),
    "lhost-office365-09": ("failed", "", "azumakuniyuki@example.ne.jp", "5.1.351"),
    "lhost-exchange2007-01": ("failed", "", "mikeneko@example.co.jp", "5.1.1"),
    "rfc3464-28": ("delivered", "<20151025071802.22CC00222233@neko-222-2222.vs.example.ne.jp>", "kijitora@neko.example.jp", "2.1.5"),
    "rfc3464-60": ("failed", "<CAByYQsEX6bB+d2sbUd8WPqcEJcxaSNmzSe4mO0fLoAF56Wdo4Q@mail.gmail.com>", "kijitora@example.jp", "5.1.8"),
    "lhost-opensmtpd-06": ("delayed", "<201612140903.uBE938DJ094645@nyaan.example.jp>", "nekochan@libsisimai.org", "4.4.7"),
    # in words
    "lhost-exim-34": ("failed", "<neko222-nyaaan-22@neko.example.com>", "kijitora@example.net", "5.7.1"),
    "lhost-gmail-05": ("failed", "<106A231A-B504-44EF-9BF2-8A382AB84E80@gmail.com>", "shironeko@example.jp", "5.7.1"),
    "lhost-googlegroups-05": ("failed", "<E624406D-3C12-4CE2-A37B-C3A15EA6CF1D@example.jp>", "libsisimai@googlegroups.com", ""),
    "lhost-qmail-12": ("failed", "<20240624085001.44409.qmail@nq.example.jp>", "nyaan@example.org", "5.4.4"),
    "lhost-qmail-22": ("failed", "<20240626062258.63355.qmail@email.example.jp>", "pseudo-local-part-of-each-esp@outlook.com", "5.7.509"),
    "lhost-mailru-09": ("failed", "<1527065153.467209091@f56.i.mail.ru>", "kijitora@example.jp", "5.1.8"),
    "lhost-yahoo-12": ("failed", "<295209069.4014733.1528961176672@mail.yahoo.com>", "kijitora@example.jp", "5.1.8"),
    "lhost-zoho-05": ("failed", "<14a3e1f7f3c.110ef7cb910716.7530578479836940184@zoho.example.com>", "kijitora@7jo.example.jp", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_a_real_bounce_is_understood(name: str):
    mail = read((PAYLOADS / f"sisimai/{name}.eml").read_bytes())

    (bounce,) = mail.bounces

    assert (bounce.action, bounce.message_id, bounce.recipient, bounce.status) == REAL[name]
    assert mail.report == "delivery"


def test_a_bounce_about_many_names_each():
    mail = read((PAYLOADS / "mikel-mail/multi_address_bounce1.eml").read_bytes())

    assert len({bounce.recipient for bounce in mail.bounces}) == 5
    assert {bounce.action for bounce in mail.bounces} == {"failed"}


def test_a_warning_in_words_is_a_delay():
    raw = (
        b"From: Mail Delivery System <mailer-daemon@example.org>\r\nSubject: Warning: message 1 delayed 24 hours\r\n"
        b"X-Failed-Recipients: ann@example.org\r\n\r\nA message has not yet been delivered.\r\n"
        b"------ This is a copy of the message. ------\r\n\r\nMessage-ID: <sw.abc@example.net>\r\n"
    )

    (bounce,) = read(raw).bounces

    assert (bounce.action, bounce.message_id, bounce.recipient) == ("delayed", OURS, "ann@example.org")
