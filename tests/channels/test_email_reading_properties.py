"""Whatever bytes come, `read` raises nothing but Unreadable, and says the same twice."""

import pytest
from hypothesis import given, settings, strategies as st

from bot.files import shown_name
from channels.email.headers import decoded, parameters
from channels.email.html import shown
from channels.email.reading import Unreadable, read
from tests.channels.mail_kit import REAL, check

PIECES = [
    b"\r\n", b"\n", b"\r\n\r\n", b"From: a@b.c", b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--", b"--",
    b"Content-Type: text/html", b"Content-Type: text/calendar; method=REPLY", b"Content-Transfer-Encoding: base64",
    b"Content-Type: message/delivery-status", b"Content-Type: multipart/report", b"Content-Type: multipart/alternative",
    b"Content-Type: application/ms-tnef", b"=?utf-8?q?", b"?=", b"<div style='display:none'>", b"<blockquote>", b"</p>",
    b"filename*0*=", b'"', b";", b"=", b"\x00", b"\xff", b"PK\x03\x04", b"\x78\x9f\x3e\x22", b"> ", b"BEGIN:VCALENDAR",
]  # fmt: skip
BYTES = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=40).map(b"".join),
)
MAILS = [raw for path in REAL if len(raw := path.read_bytes()) < 6_000]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real mail with some pieces cut out, put in, or put elsewhere."""
    raw = draw(st.sampled_from(MAILS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 60)))
        raw = raw[:start] + draw(BYTES) + raw[end:]
    return raw


@settings(deadline=None)
@given(raw=st.one_of(BYTES, BYTES.map(b"From: a@b.c\r\n".__add__), mutated()))
def test_reading_raises_nothing_else(raw: bytes):
    try:
        mail = read(raw)
    except Unreadable:
        return

    check(mail)
    assert mail == read(raw)


@given(name=st.text(max_size=300))
def test_a_name_that_is_shown_hides_nothing(name: str):
    assert shown_name(shown_name(name)) == shown_name(name)
    assert 0 < len(shown_name(name)) <= 100


@given(value=st.one_of(st.text(), st.text(alphabet="=?utf-8qbQB_ ;*'\"\\%0")))
def test_a_header_is_decoded_to_one_line(value: str):
    _, found = parameters(value)

    for text in (decoded(value), *map(decoded, found.values())):
        assert "\n" not in text


TAGS = [
    "<", ">", "<div>", "</div>", "<p style=", "'", '"', "display:none", "font-size:0", "color:#fff", "<table><td>",
    "<pre>", "<blockquote>", "<div class=gmail_quote>", "<li>", "<a href=http://x>", "&amp;", "text ", "<!--", "-->",
    "<script>",
]  # fmt: skip


@settings(deadline=None)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(TAGS), max_size=60).map("".join)))
def test_any_html_is_text(text: str):
    seen = shown(text)

    assert shown(text) == seen
    assert "\x00" not in seen.text + seen.quoted


def test_lone_surrogates_do_no_harm():
    assert shown("a\ud800b").text == "ab"
    with pytest.raises(Unreadable):
        read(b"\xed\xa0\x80")
