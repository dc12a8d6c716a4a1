"""What leaves as a mail: read back with another reader, it says what was to be said, and no header more."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, default
from html import unescape
from typing import Any

import pytest
from hypothesis import given, strategies as st
from icalendar import Calendar

from bot.errors import SendFailed
from bot.events import Invite
from channels.email import ids, markup
from channels.email.mail import Mailbox
from channels.email.quotes import MARKER
from channels.email.writing import Letter, compose

NOW = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
TOKEN = ids.token(bytes(range(16)))
ID = ids.message_id(TOKEN, "t1:4:0", "saywhen.test")
BOT = Mailbox("bot@saywhen.test", "Saywhen")
ANN = Mailbox("ann@example.org", "Ann")
LETTER = Letter(
    sender=BOT, to=(ANN,), subject="Re: The fair", text="It is on **Tuesday**.", message_id=ID, date=NOW
)
INVITE = Invite(
    uid=ids.invite_uid(TOKEN, "t1:c4"),
    title="Budget, and; more",
    starts_at=datetime(2026, 12, 1, 15, 0, tzinfo=timezone(timedelta(hours=1))),
    minutes=45,
    timezone="Europe/Berlin",
)
HEADERS = {
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
    "x-auto-response-suppress", "x-loop", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip

NASTY = st.text(
    alphabet=st.sampled_from('a é日\r\n\x00\x0b\x0c\x1c\x85\u2028\u2029\u202e\ud800=?_@<>,;:"\\()')
    | st.characters()
)
SMUGGLED = "x\r\nBcc: eve@evil.test\r\n\r\n<b>hi"
ENCODED = "=?utf-8?q?x=0D=0ABcc:_eve@evil.test?="


def read(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def written(**changes: Any) -> EmailMessage:
    return read(compose(replace(LETTER, **changes)))


def preformatted(mail: EmailMessage) -> str:
    shown = re.search(r"<pre style=\"white-space:pre-wrap\">(.*?)</pre>", body(mail, "html"), re.DOTALL)
    assert shown
    return unescape(shown[1])


def calendar_of(mail: EmailMessage) -> Calendar:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    assert isinstance(calendar, Calendar)
    return calendar


# ---------------------------------------------------------------- what it says


def test_a_reply_has_the_headers_that_a_conversation_needs():
    mail = written(
        cc=(Mailbox("bob@example.org", "Müller, Bob"),),
        in_reply_to="<2@example.org>",
        references=("<1@example.org>", "<2@example.org>"),
        reply_to=ids.reply_address(BOT.address, TOKEN),
    )

    assert {name.lower(): str(value) for name, value in mail.items()} == {
        "from": "Saywhen <bot@saywhen.test>",
        "to": "Ann <ann@example.org>",
        "cc": '"Müller, Bob" <bob@example.org>',
        "reply-to": f"Saywhen <bot+{TOKEN}@saywhen.test>",
        "subject": "Re: The fair",
        "date": "Sat, 28 Nov 2026 14:30:00 +0000",
        "message-id": ID,
        "in-reply-to": "<2@example.org>",
        "references": "<1@example.org> <2@example.org>",
        "auto-submitted": "auto-replied",
        "x-auto-response-suppress": "DR, RN, NRN, OOF, AutoReply",
        "x-loop": "bot@saywhen.test",
        "mime-version": "1.0",
        "content-type": mail["content-type"],
    }


def test_a_mail_that_answers_nobody_says_that_it_came_by_itself():
    assert written(auto="generated")["Auto-Submitted"] == "auto-generated"


def test_an_undeliverable_mail_may_still_come_back():
    assert "NDR" not in re.split(", ", written()["X-Auto-Response-Suppress"])
    assert "All" not in written()["X-Auto-Response-Suppress"]


def test_the_text_and_its_html_say_the_same():
    mail = written(text="It is on **Tuesday**.\n\n- at [the fair](https://fair.test/a?b=1&c=2)\n- `x < y`")

    assert mail.get_content_type() == "multipart/alternative"
    assert body(mail) == (
        "It is on **Tuesday**.\n\n- at [the fair](https://fair.test/a?b=1&c=2)\n- `x < y`\n"
    )
    assert body(mail, "html") == (
        '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"></head>\n<body dir="auto">\n'
        "<p>It is on <strong>Tuesday</strong>.</p>\n<ul>\n"
        '<li>at <a href="https://fair.test/a?b=1&amp;c=2">the fair</a></li>\n'
        "<li><code>x &lt; y</code></li>\n</ul>\n"
        "</body>\n</html>\n"
    )


def test_the_line_to_answer_above_stands_first_in_a_request_and_in_nothing_else():
    mail = written(exact=True)

    assert MARKER not in body(written())
    assert MARKER not in body(written(), "html")

    assert body(mail).startswith(f"{MARKER}\n")
    assert f'<body dir="auto">\n<p>{MARKER}</p>' in body(mail, "html")


@pytest.mark.parametrize(
    "contact", ["", "Write to help@example.org or call +1 555 0100.", "A & <b>B</b>\r\nC"]
)
def test_somebody_outside_is_told_what_answers_and_how_to_reach_a_person(contact: str):
    mail = written(automated=True, contact=contact)

    way = {"": "To reach a person, say so in your answer."}.get(contact, " ".join(contact.split()))
    assert body(mail).endswith(f"\n\nThis mail was written by an automated assistant. {way}\n")
    assert "This mail was written by an automated assistant." in body(mail, "html")
    assert "<b>B" not in body(mail, "html")
    assert "automated assistant" not in body(written(contact=contact))


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=300))
def test_any_text_arrives_whole(text: str):
    assert body(written(text=text)) == f"{text}\n"


@pytest.mark.parametrize(
    "text",
    ["x" * 50_000, "日" * 20_000, "🎉" * 20_000, "a b " * 20_000, ".\n..\n.", "From me\nFrom you",
     " lead\ntrail  \n\tx", "--=_x\n--", "é" * 998, "=\n=3D\n=20"],
)  # fmt: skip
def test_texts_at_the_edges_arrive_whole(text: str):
    assert body(written(text=text)) == f"{text}\n"


def test_line_ends_are_one_kind_and_what_nobody_sees_is_gone():
    text = "a\r\nb\rc\u2028d\x85e\x00\u202ef\u200b\ufeff\ud800"

    assert body(written(text=text)) == "a\nb\nc\nd\nef\n"


# ---------------------------------------------------------------- HTML that does nothing


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>", "<img src=https://evil.test/x.png>", "<b onclick=x>b</b>", "<!-- hidden -->",
        "<style>p{display:none}</style>", '<iframe src="https://evil.test">', "a <u>b</u> c",
    ],
)  # fmt: skip
def test_html_in_the_text_is_text(markdown: str):
    html = body(written(text=markdown), "html")

    for tag in ("<script", "<img", "<b ", "<!--", "<style", "<iframe", "<u>"):
        assert tag not in html
    assert "&lt;" in html


@pytest.mark.parametrize(
    "scheme",
    ["javascript:", "data:text/html,", "file:///", "vbscript:", "//", "ftp://", "tel:", "cid:", "JaVaScRiPt:",
     "&#106;avascript:"],
)  # fmt: skip
def test_only_the_web_and_addresses_are_linked(scheme: str):
    html = body(written(text=f"[click]({scheme}x) ![see]({scheme}y) <{scheme}z>"), "html")

    assert "<a" not in html
    assert "click" in html


@pytest.mark.parametrize("url", ["https://x.test/a", "http://x.test", "mailto:ann@x.test", "HTTPS://X.test"])
def test_such_a_link_is_one(url: str):
    assert f'<a href="{url}">see</a>' in body(written(text=f"[see]({url})"), "html")


def test_an_image_is_a_link_and_nothing_is_fetched():
    html = body(
        written(
            text="![a *cat*](https://x.test/c.png) ![](https://x.test/d.png) [![in](https://x.test/e)](https://x.test/f)"
        ),
        "html",
    )

    assert "<img" not in html
    assert '<a href="https://x.test/c.png">a cat</a>' in html
    assert '<a href="https://x.test/d.png">image</a>' in html
    assert '<a href="https://x.test/f">in (https://x.test/e)</a>' in html


@given(st.text(alphabet="a<>![]()`*_&\"'\n \t#|-:/~=xhtps.javscrip", max_size=200))
def test_no_markdown_brings_a_tag_or_an_attribute_of_its_own(text: str):
    html = body(written(text=text), "html")

    assert set(re.findall(r"<([a-zA-Z0-9]+)", html)) <= {
        "html", "head", "meta", "body", "p", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "a",
        "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert set(re.findall(r"<a ([a-z]+)=", html)) <= {"href"}
    assert not re.findall(r'href="(?!https?:|mailto:)', html)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["[", "![", "*a ", "`", "> ", "- ", "](", "<a", "_*", "![a](https://x.test)", "|a", "&"]
)
def test_no_text_makes_writing_slow(piece: str):
    assert compose(replace(LETTER, text=piece * (markup.LONG // len(piece))))


def test_what_is_longer_than_any_person_writes_is_shown_as_it_is():
    text = "**a**\n" * 20_000

    assert text.strip() in body(written(text=text), "html")


# ---------------------------------------------------------------- requests


REQUEST = 'send_email\nbody: "  **now**  [x](https://evil.test)"\n\tto: "a@b.c"\n\nanswer: OK 123456  '


def test_a_request_is_shown_as_it_is_in_both_bodies():
    mail = written(text=REQUEST, exact=True, auto="generated")

    assert body(mail) == f"{MARKER}\n\n{REQUEST}\n"
    assert preformatted(mail) == REQUEST
    assert "<a" not in body(mail, "html")
    plain = mail.get_body(("plain",))
    assert plain
    assert "format" not in str(plain["Content-Type"])


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.just("\n"), max_size=200))
def test_every_character_of_a_request_arrives(text: str):
    mail = written(text=text, exact=True)

    assert body(mail) == "\n\n".join(filter(None, (MARKER, text))) + "\n"
    assert preformatted(mail) == text


def test_no_tag_in_a_request_is_one():
    text = '<b>pay</b> </pre><img src="https://evil.test"> &amp; &lt;'
    mail = written(text=text, exact=True)

    assert preformatted(mail) == text
    assert "<b>" not in body(mail, "html")
    assert "<img" not in body(mail, "html")


@pytest.mark.parametrize(
    "char",
    ["\x00", "\r", "\x1b", "\u200b", "\u202e", "\u2028", "\U000e0041", "\u2063", "\ufeff", "\ud800", "\ue000", "\x85"],
)  # fmt: skip
def test_a_request_with_a_character_that_nobody_sees_is_not_asked(char: str):
    with pytest.raises(SendFailed, match="does not show") as failed:
        compose(replace(LETTER, text=f"pay {char}100", exact=True))

    assert failed.value.kind == "final"


# ---------------------------------------------------------------- nothing gets into a header


@given(st.data())
def test_whatever_comes_in_the_headers_are_ours_and_single(data: st.DataObject):
    nasty = st.one_of(NASTY, st.sampled_from([SMUGGLED, ENCODED]), NASTY.map(lambda text: f"<{text}@x>"))
    letter = replace(
        LETTER,
        sender=Mailbox(BOT.address, data.draw(nasty)),
        to=(Mailbox(ANN.address, data.draw(nasty)), Mailbox("bob@example.org", data.draw(nasty))),
        subject=data.draw(nasty),
        text=data.draw(nasty),
        in_reply_to=data.draw(nasty),
        references=tuple(data.draw(st.lists(nasty, max_size=5))),
        automated=data.draw(st.booleans()),
        contact=data.draw(nasty),
        invite=INVITE.model_copy(update={"title": data.draw(nasty)}) if data.draw(st.booleans()) else None,
    )

    raw = compose(letter)

    assert raw.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.split(b":")[0].decode().lower() for line in re.split(rb"\r\n(?![ \t])", head)]
    assert set(names) <= HEADERS
    assert len(names) == len(set(names))
    mail = read(raw)
    assert [(each.username, each.domain) for each in mail["To"].addresses] == [
        ("ann", "example.org"),
        ("bob", "example.org"),
    ]
    assert [each.addr_spec for each in mail["From"].addresses] == [BOT.address]
    for name, value in mail.items():
        assert not re.search(r"[\r\n\x00]", str(value)), name


def test_an_encoded_word_in_a_subject_is_only_text():
    """The library alone would decode it, and write a line end."""
    mail = written(subject=ENCODED)

    assert mail["Subject"] == ENCODED
    assert mail["Bcc"] is None
    by_library = EmailMessage(policy=SMTP)
    by_library["Subject"] = ENCODED
    assert "\n" in str(by_library["Subject"]) or str(by_library["Subject"]) != ENCODED


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=120))
def test_a_subject_arrives_as_it_is(subject: str):
    assert str(written(subject=subject)["Subject"]) == " ".join(subject.split())


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=100))
def test_a_name_arrives_as_it_is(name: str):
    mail = email.message_from_bytes(compose(replace(LETTER, to=(Mailbox(ANN.address, name),))))

    to = " ".join(mail["To"].split())

    words, _, bracketed = to.rpartition("<")
    assert str(make_header(decode_header(words.strip()))) == " ".join(name.split())
    assert bracketed.rstrip(">") == ANN.address


@pytest.mark.parametrize(
    "address",
    ["", "ann", "@x.test", "ann@", "a b@x.test", "ann@x.test\r\nBcc: eve@x.test", "ann@x.test, eve@x.test",
     "<ann@x.test>", "ann@x.test>", "ann@-x.test", "ann@x..test", ".ann@x.test", "jürgen@x.test",
     "ann@süß.test", "ann@x.test\n",
     "a" * 65 + "@x.test", "ann@" + "a." * 130 + "test", '"a"@x.test', "ann@x.test\x00", "a@b@c.test"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["to", "cc"])
def test_what_is_no_address_is_not_written_to(field: str, address: str):
    with pytest.raises(SendFailed, match="no address") as failed:
        written(**{field: (Mailbox(address),)})

    assert failed.value.kind == "final"


def test_a_mail_to_nobody_is_none():
    with pytest.raises(SendFailed, match="nobody"):
        written(to=())


def test_many_ids_keep_the_first_and_the_last():
    many = tuple(f"<{number}@example.org>" for number in range(100))

    kept = str(written(references=many)["References"]).split()

    assert (len(kept), kept[0], kept[1], kept[-1]) == (20, many[0], many[81], many[-1])


def test_what_is_no_id_is_left_out():
    bad = (
        "<a b@x>",
        "<>",
        "a@b",
        "<a@b",
        "<" + "a" * 1000 + "@b>",
        "<a@b>\r\nBcc: eve@evil.test",
        "<é@b>",
        "<a><b>",
    )

    mail = written(references=(*bad, "<ok@x.test>"), in_reply_to="<a@b>\r\nX: y")

    assert str(mail["References"]) == "<ok@x.test>"
    assert mail["In-Reply-To"] is None


# ---------------------------------------------------------------- invitations


def test_an_invitation_can_be_answered_by_a_calendar():
    mail = written(invite=INVITE, subject="Budget")

    event = calendar_of(mail).walk("VEVENT")[0]

    assert calendar_of(mail)["METHOD"] == "REQUEST"
    assert (event["UID"], event["SEQUENCE"], str(event["SUMMARY"])) == (INVITE.uid, 0, INVITE.title)
    assert event["DTSTART"].dt == INVITE.starts_at
    assert event["DTEND"].dt == INVITE.starts_at + timedelta(minutes=45)
    assert event["DTSTAMP"].dt == NOW
    assert (str(event["ORGANIZER"]), event["ORGANIZER"].params["CN"]) == (
        "mailto:bot@saywhen.test",
        "Saywhen",
    )
    assert str(event["ATTENDEE"]) == "mailto:ann@example.org"
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"
    assert event["ATTENDEE"].params["PARTSTAT"] == "NEEDS-ACTION"


def test_it_stands_beside_the_text_and_as_a_file():
    mail = written(invite=INVITE)

    assert mail.get_content_type() == "multipart/mixed"
    alternative, file = mail.iter_parts()
    assert [part.get_content_type() for part in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    assert [*alternative.iter_parts()][2].get_param("method") == "REQUEST"
    assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
    assert Calendar.from_ical(file.get_content()) == calendar_of(mail)


@given(NASTY, NASTY)
def test_no_title_or_name_brings_a_line_of_its_own_into_a_calendar(title: str, name: str):
    mail = written(
        invite=INVITE.model_copy(update={"title": title}), to=(Mailbox(ANN.address, name),), text=title
    )

    (event,) = calendar_of(mail).walk("VEVENT")

    assert set(event) == {
        "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "ORGANIZER", "ATTENDEE", "SEQUENCE", "STATUS"
    }  # fmt: skip
    assert str(event["ATTENDEE"]) == "mailto:ann@example.org"


# ---------------------------------------------------------------- always the same


@pytest.mark.parametrize(
    "letter", [LETTER, replace(LETTER, invite=INVITE), replace(LETTER, text="日本語" * 50)]
)
def test_the_same_letter_gives_the_same_bytes(letter: Letter):
    assert compose(letter) == compose(replace(letter))


def test_another_mail_has_other_boundaries():
    def boundary(id_: str) -> str | None:
        return written(message_id=id_).get_boundary()

    assert boundary(ID) == boundary(ID)
    assert boundary(ID) != boundary("<other@saywhen.test>")


def test_a_body_cannot_hold_a_boundary():
    boundary = written().get_boundary()

    mail = written(text=f"a\n--{boundary}\nContent-Type: text/html\n\n<b>x</b>\n--{boundary}--\n")

    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert f"--{boundary}--" in body(mail)
