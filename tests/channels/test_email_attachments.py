"""Files that came along: what they are called, and which of them nobody should open."""

import hashlib
import time
import tracemalloc

import pytest

from bot.files import attachment, shown_name
from channels.email.mail import CalendarReply
from channels.email.reading import read
from tests.channels.mail_torture import (
    HEAD,
    docx,
    file,
    gzip_bomb,
    gzip_endless,
    multipart,
    plain,
    png,
    tnef,
    winmail,
    zip_bomb,
    zip_encrypted,
    zip_of,
    zip_overlapping,
)

TEXT = b"Content-Type: text/plain\r\n\r\nhello"
RELATION = (
    b'<Relationships><Relationship Type="http://x/%s" Target="%s" TargetMode="External"/></Relationships>'
)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\cmd.txt", "cmd.txt"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ann\\offer.doc", "offer.doc"),
        ("folder/", "folder"),
        ("..", "attachment"),
        ("", "attachment"),
        ("   ", "attachment"),
        ("\x00\x01", "attachment"),
        ("a\x00b.txt", "a b.txt"),
        ("a\r\nb.txt", "a  b.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("in\u200bvis\u00adible.txt", "invisible.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("AUX ", "_AUX"),
        ("console.txt", "console.txt"),
        (".bashrc", "bashrc"),
        ("stream.txt:evil.exe", "stream.txt_evil.exe"),
        ('a<b>|"*?.txt', "a_b_____.txt"),
        ("name. . .", "name"),
        ("u\u0308ber.txt", "über.txt"),
        ("レポート.pdf", "レポート.pdf"),
        ("x" * 10_000 + ".pdf", "x" * 96 + ".pdf"),
        ("\ud800.txt", "txt"),
    ],
)
def test_a_name_is_shown_without_anything_that_hides_or_means_something(name: str, shown: str):
    assert shown_name(name) == shown


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b"attachment; filename==?utf-8?q?gr=C3=BCn.txt?=", "grün.txt"),
        (b'attachment; filename="=?utf-8?b?Z3LDvG4udHh0?="', "grün.txt"),
        (b"attachment; filename*=utf-8''gr%C3%BCn.txt", "grün.txt"),
        (b"attachment; filename*=iso-8859-1'de'gr%FCn.txt", "grün.txt"),
        (b"attachment; filename*0=long; filename*1=name.txt", "longname.txt"),
        (b"attachment; filename*1=b.txt; filename*0*=utf-8''%C3%BC", "üb.txt"),
        (b"attachment; filename*=utf-8''%2e%2e%2fetc%2fpasswd", "passwd"),
        (b'attachment; filename="a;b.txt"', "a_b.txt".replace("_", ";")),
        (b'attachment; filename="say \\"hi\\".txt"', "say _hi_.txt"),
        (b"attachment; filename=two words.txt", "two words.txt"),
        ("attachment; filename=grün.txt".encode(), "grün.txt"),
        (b"attachment", "attachment"),
    ],
)
def test_a_name_is_read_however_it_is_written(header: bytes, shown: str):
    raw = multipart(
        TEXT, b"Content-Type: application/pdf\r\nContent-Disposition: " + header + b"\r\n\r\n%PDF-1.4"
    )

    (found,) = read(raw).attachments

    assert found.name == shown


def test_two_files_of_one_name_are_told_apart_by_their_content():
    one, two = read(multipart(file(b"one"), file(b"two"))).attachments

    assert one.name == two.name == "f.bin"
    assert (one.digest, two.digest) == (
        hashlib.sha256(b"one").hexdigest(),
        hashlib.sha256(b"two").hexdigest(),
    )
    assert (one.size, two.size) == (3, 3)


def test_a_mail_that_is_attached_has_its_subject_for_a_name():
    inner = b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?Angebot_5/2?=\r\nFrom: a@b.c\r\n\r\nx"

    (found,) = read(multipart(TEXT, inner)).attachments

    assert (found.name, found.content_type) == ("Angebot 5-2.eml", "message/rfc822")


# ---------------------------------------------------------------- what must not be opened


def refused(content: bytes, name: str = "f.bin", kind: str = "application/octet-stream") -> str:
    return attachment(content, name=name, content_type=kind).refused


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (zip_bomb(), "times larger"),
        (zip_overlapping(), "times larger"),
        (zip_of({"a.txt": bytes(2 << 20), "b.txt": bytes(range(256)) * 400}), "times larger"),
        (zip_encrypted(), "it is encrypted"),
        (zip_of({"inner.zip": b"x"}), "another archive"),
        (zip_of({"inner.dat": zip_of({"a": b"b"})}, method=0), "another archive"),
        (zip_of({"setup.exe": b"MZ"}), "a program"),
        (zip_of({"word/vbaProject.bin": b"x"}), "macros"),
        (docx(RELATION % (b"attachedTemplate", b"http://evil.example/t.dotm")), "from outside"),
        (docx(RELATION % (b"image", b"file://evil/x.png")), "from outside"),
        (b"PK\x03\x04 no table of contents", "broken"),
        (b"PK\x03\x04" + b"PK\x05\x06" + b"\xff" * 18, "broken"),
        (gzip_bomb(), "times larger"),
        (gzip_bomb(2 << 20), "times larger"),
        (b"\x1f\x8b garbage", "broken"),
        (png(60_000, 60_000), "60000 x 60000"),
        (b"GIF89a" + b"\xff\xff\xff\xff", "65535 x 65535"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff", "65535 x 65535"),
        (b"MZ\x90\x00", "a program"),
        (b"\x7fELF", "a program"),
        (b"7z\xbc\xaf\x27\x1c", "never opened"),
        (b"Rar!\x1a\x07\x01", "never opened"),
        (png(10, 10) + zip_of({"a": b"b"}), "something else at once"),
        (b"%PDF-1.4 x /Encrypt 5 0 R", "encrypted"),
    ],
)
def test_what_must_not_be_opened_says_why(content: bytes, why: str):
    assert why in refused(content)


@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        (zip_of({"a": b"b"}), "image/png", "it is called image/png, but it is application/zip"),
        (b"%PDF-1.4", "image/jpeg", "it is called image/jpeg, but it is application/pdf"),
        (png(10, 10), "application/pdf", "it is called application/pdf, but it is image/png"),
        (b"<html>", "image/png", "it is called image/png, but it is none"),
    ],
)
def test_what_is_something_else_than_it_says_is_refused(content: bytes, kind: str, why: str):
    assert refused(content, kind=kind) == why


@pytest.mark.parametrize("name", ["a.exe", "photo.jpg.scr", "x.JS", "run.bat", "a.lnk"])
def test_a_program_is_known_by_its_name(name: str):
    assert refused(b"anything", name=name) == "it is a program"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/octet-stream"),
        (b"hello", "text/plain"),
        (zip_of({"a.txt": b"hello" * 100}), "application/zip"),
        (docx(RELATION % (b"hyperlink", b"https://example.org")), "application/vnd.openxmlformats-x"),
        (png(4_000, 3_000), "image/png"),
        (b"%PDF-1.4 hello\n%%EOF", "application/pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    ],
)
def test_ordinary_files_are_not_refused(content: bytes, kind: str):
    assert refused(content, kind=kind) == ""


def test_a_file_without_a_type_has_that_of_its_first_bytes():
    assert (
        attachment(png(1, 1), name="x", content_type="application/octet-stream").content_type == "image/png"
    )
    assert attachment(b"%PDF-1.4", name="x", content_type="application/pdf").content_type == "application/pdf"


def test_looking_at_bombs_costs_little_memory():
    bombs = [zip_overlapping(), gzip_bomb(60 << 20), zip_bomb()]
    tracemalloc.start()

    found = [*map(refused, bombs)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert all(found)
    assert most < 8 << 20


def test_a_bomb_is_not_unpacked_to_its_end():
    bomb = gzip_endless()
    began = time.process_time()

    assert "large" in refused(bomb)

    assert time.process_time() - began < 1


# ---------------------------------------------------------------- winmail.dat


def test_what_is_in_a_winmail_dat_is_attached_instead_of_it():
    raw = plain(winmail(), b"Content-Type: application/ms-tnef; name=winmail.dat")

    mail = read(raw)

    assert mail.text == "The text in Outlook's envelope"
    assert [(one.name, one.content_type) for one in mail.attachments] == [("offer.pdf", "application/pdf")]


def test_names_in_a_winmail_dat_are_cleaned_too():
    raw = multipart(TEXT, file(winmail(b"..\\..\\x\x01y.exe", b"MZ"), b"winmail.dat", b"application/ms-tnef"))

    (found,) = read(raw).attachments

    assert (found.name, found.refused) == ("x y.exe", "it is a program")
    assert read(raw).text == "hello"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        winmail()[:60],
        tnef(*[(2, 0x9002, 6, b"")] * 3_000),
        tnef(signature=1),
        winmail(content=bytes(16 << 20)),
    ],
)
def test_a_winmail_dat_that_cannot_be_read_is_a_file_and_that_is_said(content: bytes):
    mail = read(multipart(TEXT, file(content, b"winmail.dat", b"application/ms-tnef")))

    assert [one.name for one in mail.attachments] == ["winmail.dat"]
    assert any("winmail.dat" in note for note in mail.dropped)
    assert mail.text == "hello"


# ---------------------------------------------------------------- invitations


def answer(partstat: str = "ACCEPTED", more: str = "", method: str = "REPLY") -> bytes:
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:meeting-1@example.net\r\n"
        f"ATTENDEE;CN=Ann;PARTSTAT={partstat}:MAILTO:Ann@Example.org\r\nSUMMARY:Talk about\r\n  plans\r\n"
        f"{more}DTSTART:20250401T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


def calendar(content: bytes, method: bytes = b"REPLY") -> bytes:
    return b"Content-Type: text/calendar; charset=utf-8; method=" + method + b"\r\n\r\n" + content


@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_an_answer_to_an_invitation_says_who_and_what(partstat: str):
    raw = multipart(TEXT, calendar(answer(partstat, "COMMENT:see you\\, Ann\r\n")), kind=b"alternative")

    mail = read(raw)

    assert mail.calendar == CalendarReply(
        uid="meeting-1@example.net",
        attendee="ann@example.org",
        partstat=partstat,  # type: ignore[arg-type]  # one of the three
        summary="Talk about plans",
        comment="see you, Ann",
    )
    assert (mail.text, mail.attachments) == ("hello", ())


def test_an_answer_is_found_although_it_is_automatic():
    mail = read(HEAD + b"Auto-Submitted: auto-replied\r\n" + calendar(answer()))

    assert mail.automatic
    assert mail.calendar is not None


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "PUBLISH", "COUNTER"])
def test_another_calendar_entry_is_a_file_and_that_is_said(method: str):
    mail = read(multipart(TEXT, calendar(answer(method=method), method.encode())))

    assert mail.calendar is None
    assert [one.name for one in mail.attachments] == ["invitation.ics"]
    assert any(method in note for note in mail.dropped)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR",
        answer() + b"x" * 65_536,
        answer().replace(b"ATTENDEE", b"X-NOBODY"),
        answer(more="ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org\r\n"),
        answer().replace(b"MAILTO:", b"https://"),
        b"\xff\xfe" * 400,
    ],
)
def test_an_answer_that_cannot_be_read_is_a_file_and_that_is_said(content: bytes):
    mail = read(multipart(TEXT, calendar(content)))

    assert mail.calendar is None
    assert len(mail.attachments) == 1
    assert mail.dropped


def test_a_word_that_is_no_answer_is_none():
    mail = read(multipart(TEXT, calendar(answer("MAYBE"))))

    assert mail.calendar is not None
    assert mail.calendar.partstat == "NEEDS-ACTION"
