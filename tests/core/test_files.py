"""Files that people send: what the model looks at or reads, and what stays a reference."""

import base64

import pytest
from hypothesis import given, strategies as st

from bot.files import LARGEST_READ, Attachment, attachment, is_read, unread
from bot.files.looking import dimensions
from bot.files.shown import MOST_TOGETHER, blocks
from tests.channels.mail_torture import png

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
GIF = b"GIF89a" + (7).to_bytes(2, "little") + (9).to_bytes(2, "little") + b"\0\0\0;"
JPEG = (
    b"\xff\xd8"
    + b"\xff\xc0\x00\x11\x08"
    + (9).to_bytes(2, "big")
    + (7).to_bytes(2, "big")
    + b"\0" * 20
    + b"\xff\xd9"
)


def webp(chunk: bytes, body: bytes) -> bytes:
    content = b"WEBP" + chunk + len(body).to_bytes(4, "little") + body
    return b"RIFF" + len(content).to_bytes(4, "little") + content


LOSSY = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + (7).to_bytes(2, "little") + (9).to_bytes(2, "little"))
LOSSLESS = webp(b"VP8L", b"\x2f" + (6 | 8 << 14).to_bytes(4, "little"))
EXTENDED = webp(b"VP8X", b"\0\0\0\0" + (6).to_bytes(3, "little") + (8).to_bytes(3, "little"))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(7, 9), "image/png"),
        (GIF, "image/gif"),
        (JPEG, "image/jpeg"),
        (LOSSY, "image/webp"),
        (LOSSLESS, "image/webp"),
        (EXTENDED, "image/webp"),
    ],
)
def test_a_picture_is_looked_at(content: bytes, kind: str):
    seen = attachment(content, name="a.bin", content_type="application/octet-stream")

    assert dimensions(content, kind) == (7, 9)
    assert (seen.content_type, seen.refused) == (kind, "")
    assert base64.b64decode(seen.data) == content


def test_a_pdf_is_looked_at():
    (block,) = blocks([attachment(PDF, name="plan.pdf", content_type="application/pdf")])

    assert (block.kind, block.name, block.media_type) == ("file", "plan.pdf", "application/pdf")
    assert base64.b64decode(block.data) == PDF


@pytest.mark.parametrize(
    ("content", "name", "kind", "why"),
    [
        (png(7, 9)[:-12], "a.png", "image/png", "not all of it arrived"),
        (PDF[:-7], "a.pdf", "application/pdf", "not all of it arrived"),
        (png(8_001, 2), "a.png", "image/png", "8001 x 2 pixels"),
        (png(0, 2), "a.png", "image/png", "0 x 2 pixels"),
        (png(1, 1)[:-12] + bytes(LARGEST_READ) + png(1, 1)[-12:], "a.png", "image/png", "larger than 3,750,000 bytes"),
        (PDF + b"/Encrypt %%EOF", "a.pdf", "application/pdf", "encrypted"),
        (PDF, "a.png", "image/png", "it is called image/png, but it is application/pdf"),
        (b"MZ\x90", "cat.png", "image/png", "it is a program"),
        (b"a" * 200_001, "a.txt", "text/plain", "more than 200,000 bytes"),
        (b"caf\xe9", "a.txt", "text/plain", "no text in UTF-8"),
        (b"a\0b", "a.csv", "text/csv", "it is no text"),
    ],
)  # fmt: skip
def test_what_the_api_would_refuse_or_nobody_should_open_stays_closed(
    content: bytes, name: str, kind: str, why: str
):
    seen = attachment(content, name=name, content_type=kind)
    (block,) = blocks([seen])

    assert why in seen.refused
    assert (seen.data, seen.text, block.data, block.media_type) == ("", "", "", "")
    assert f"not shown: {seen.refused}" in block.text


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        ("a,b\r\n1,ü\r\n".encode(), "a.csv", "text/csv; charset=utf-8"),
        (b"\xef\xbb\xbfa,b\n1,\xc3\xbc\n", "a.csv", "application/octet-stream"),
        ("a,b\n1,ü\n".encode("utf-16"), "a.txt", "text/plain"),
        ("\u202ea,b\n1,\U000e0041ü\n".encode(), "a.log", ""),
    ],
)
def test_text_is_read_without_what_nobody_saw(content: bytes, name: str, kind: str):
    (block,) = blocks([attachment(content, name=name, content_type=kind)])

    assert block.text.endswith("\na,b\n1,ü\n")
    assert (block.source, block.kind, block.data) == ("attachment", "file", "")


@pytest.mark.parametrize("kind", ["text/html", "text/rtf", "text/calendar", "application/zip", "video/mp4"])
def test_other_kinds_are_references(kind: str):
    seen = attachment(b"hello", name="a", content_type=kind)

    assert (seen.text, seen.data, seen.refused) == ("", "", "")
    assert not is_read(name="a", content_type=kind, size=5)


def test_the_files_of_one_message_together_have_a_limit():
    part = "A" * (MOST_TOGETHER // 2 - 1)
    files = [Attachment(str(n), f"{n}.png", "image/png", 9, data=part) for n in range(3)]

    shown = blocks(files)

    assert [bool(block.data) for block in shown] == [True, True, False]
    assert "with the other files it is too much" in shown[2].text
    assert [block.ref for block in shown] == ["0", "1", "2"]


def test_a_file_that_could_not_be_had_is_named_with_the_reason():
    (block,) = blocks(
        [unread(name="../a.png", content_type="image/png", size=4_096, why="no answer")], ["F1"]
    )

    assert (block.kind, block.name, block.ref) == ("image", "a.png", "F1")
    assert block.text == "image/png; 4 KB; not shown: no answer"


@pytest.mark.parametrize(
    ("name", "kind", "size", "read"),
    [
        ("a.png", "image/png", LARGEST_READ, True),
        ("a.png", "image/png", LARGEST_READ + 1, False),
        ("a.svg", "image/svg+xml", 10, False),
        ("a.pdf", "application/x-pdf", 10, True),
        ("a.py", "application/octet-stream", 10, True),
        ("a.py", "text/x-python", 200_001, False),
        ("a.exe", "application/octet-stream", 10, False),
        ("a.json", "application/json; charset=utf-8", 10, True),
    ],
)
def test_what_is_worth_fetching(name: str, kind: str, size: int, read: bool):
    assert is_read(name=name, content_type=kind, size=size) is read


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_whatever_arrives_is_a_block(content: bytes, name: str, kind: str):
    heads = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBPVP8L",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"%PDF-",
    )
    for head in heads:
        (block,) = blocks([attachment(head + content, name=name, content_type=kind)])

        assert block.source == "attachment"
        assert block.name
        assert not (block.data and block.text.count("not shown"))
