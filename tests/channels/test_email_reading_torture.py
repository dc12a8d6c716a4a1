"""Nothing that a mail holds gets past `read`: it is read or refused, within two seconds."""

import time

import pytest

from channels.email.reading import Unreadable, read
from tests.channels.mail_kit import PAYLOADS, REAL, SECONDS, check
from tests.channels.mail_torture import MAILS, file, multipart, winmail

SMALL = [
    (PAYLOADS / "mikel-mail/email_with_similar_boundaries.eml").read_bytes(),
    (PAYLOADS / "mikel-mail/attachment_content_disposition.eml").read_bytes(),
    (PAYLOADS / "mikel-mail/japanese_iso_2022.eml").read_bytes(),
    (PAYLOADS / "mikel-mail/multipart_report_multiple_status.eml").read_bytes()[-1_500:],
    multipart(
        b"Content-Type: text/html\r\n\r\n<p>a<b>c</p><blockquote>d",
        file(winmail(), b"winmail.dat", b"application/ms-tnef"),
        b"Content-Type: text/calendar; method=REPLY\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        b"ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c\r\nEND:VEVENT\r\nEND:VCALENDAR",
    ),
]


def test_there_are_enough_of_them():
    assert len(MAILS) >= 43
    assert 50 <= len(REAL) <= 60


def _read(raw: bytes) -> str:
    """Why it is refused, "" if it is not."""
    try:
        check(read(raw))
    except Unreadable as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_made_to_hurt_is_read_or_refused(name: str):
    raw = MAILS[name]()
    began = time.process_time()

    refused = _read(raw)

    assert "\n" not in refused
    # The process that reads has less: twice, for a busy machine.
    assert time.process_time() - began < 2 * SECONDS


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_mail_is_read(path):
    began = time.process_time()

    mail = read(path.read_bytes())

    check(mail)
    assert mail == read(path.read_bytes())
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("which", range(len(SMALL)))
def test_a_mail_may_end_anywhere(which: int):
    raw = SMALL[which]

    for end in range(len(raw) + 1):
        try:
            mail = read(raw[:end])
        except Unreadable:
            continue
        if end % 16 == 0:
            check(mail)


def _seconds(raw: bytes) -> float:
    began = time.process_time()
    read(raw)
    return time.process_time() - began


@pytest.mark.parametrize("unit", [b"<div><p>x", b"<a href=x>y", b'<td "x', b"&lt;<br>", b"<li><font size=1>"])
def test_twice_the_html_takes_about_twice_the_time(unit: bytes):
    kind = b"From: a@b.c\r\nContent-Type: text/html\r\n\r\n"

    once, twice = (min(_seconds(kind + unit * many) for _ in range(2)) for many in (4_000, 8_000))

    assert twice < 4 * once + 0.05
