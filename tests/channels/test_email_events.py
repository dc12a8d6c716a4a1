"""A mail as an input: whose it is, where it belongs, and what of it the model gets to see."""

import base64

from bot.events import MessageReceived
from channels.email.events import Arrival, incoming, place
from channels.email.proof import ProofRule, prove
from channels.email.reading import read
from tests.channels.mail_torture import TEXT, file, multipart, plain, png

US = "bot@example.com"


def received(raw: bytes, *, thread_id: str = "") -> MessageReceived:
    mail = read(raw)
    arrival = Arrival(
        mail, US, sender=mail.from_[0].address, proof=prove(mail, ProofRule()), thread_id=thread_id
    )
    found = incoming(arrival, place(mail))
    assert isinstance(found.data, MessageReceived)
    return found.data


def test_a_picture_is_looked_at_and_a_text_file_is_read():
    raw = multipart(
        TEXT,
        file(png(7, 9), b"cat.png", b"image/png"),
        file(b"a,b\r\n1,2\r\n", b"table.csv", b"text/csv"),
        file(b"MZ\x90", b"setup.exe", b"application/octet-stream"),
    )

    picture, table, program = (block for block in received(raw).blocks if block.source == "attachment")

    assert (picture.kind, picture.media_type, picture.name) == ("image", "image/png", "cat.png")
    assert base64.b64decode(picture.data) == png(7, 9)
    assert table.text.endswith("a,b\n1,2\n")
    assert (program.data, program.ref != "") == ("", True)
    assert "not shown: it is a program" in program.text


def test_the_subject_is_told_where_a_conversation_begins_and_not_again():
    assert subjects(received(plain())) == ["hi"]
    assert subjects(received(plain(), thread_id="t1")) == []
    assert subjects(received(plain().replace(b"Subject: hi", b"Subject: Re: hi"))) == []


def subjects(data: MessageReceived) -> list[str]:
    return [block.text for block in data.blocks if block.name == "subject"]


def test_without_a_proof_it_is_said_what_is_missing():
    data = received(plain(b"hello"))

    assert data.sender.proof == "none"
    assert "nothing is configured that could prove" in data.sender.unproven


def test_the_same_mail_has_the_same_place_by_whichever_way_it_comes():
    first = read(plain(b"hello", b"Received: from a"))
    again = read(plain(b"hello", b"Received: from b", b"X-Spam: no"))
    other = read(plain(b"hello!", b"Received: from a"))

    assert place(first) == place(again) != place(other)
