"""What a text means, before anybody reads it: words that opt out come first."""

import pytest
from hypothesis import given, strategies as st

from bot.events import Block, ContactReported, ControlRequested, MessageReceived, Sender
from channels.sms.events import KEYWORDS, Inbound, Media, parse
from simulators.twilio import NUMBER
from tests.channels.sms_kit import ANN, SID

MEDIA = "/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"


def from_ann(text: str, **more: object) -> Inbound:
    return Inbound(SID, ANN, text, **more)  # type: ignore[arg-type]  # whatever a test wants to change


def test_a_text_is_a_message_of_the_person_at_that_number():
    (incoming,) = parse(from_ann("hi\x00 there 👋", raw=b"raw"), our=NUMBER)

    assert incoming.data == MessageReceived(
        place=f"sms:{SID}",
        blocks=(Block(source="person", text="hi\x00 there 👋"),),
        sender=Sender(channel="sms", address=ANN, proof="provider"),
        display=ANN,
        raw=incoming.data.raw,
    )
    assert (incoming.channel, incoming.account, incoming.conversation) == ("sms", NUMBER, ANN)
    assert (incoming.destination, incoming.dedupe, incoming.direct) == (ANN, f"sms:{SID}", True)
    assert incoming.raw == b"raw"


def test_attachments_are_named_and_not_fetched():
    media = (Media(MEDIA, "image/jpeg"), Media(MEDIA, "application/pdf"))

    (incoming,) = parse(from_ann("", media=media), our=NUMBER)

    assert incoming.data.blocks == (
        Block(source="attachment", kind="image", name="image/jpeg", ref=MEDIA),
        Block(source="attachment", kind="file", name="application/pdf", ref=MEDIA),
    )


@pytest.mark.parametrize(
    "word", ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "stop", " Stop \n", "quit"]
)
def test_a_word_that_opts_out_stops_the_conversation(word: str):
    stop, gone = parse(from_ann(word), our=NUMBER)

    assert stop.data == ControlRequested(action="stop", by=f"sms:{ANN}")
    assert gone.data == ContactReported(address=ANN, reachable=False, why="opted out by text")
    assert [i.dedupe for i in (stop, gone)] == [f"sms:{SID}:stop", f"sms:{SID}:contact"]
    assert {(i.account, i.conversation) for i in (stop, gone)} == {(NUMBER, ANN)}


@pytest.mark.parametrize("word", ["START", "YES", "UNSTOP", "yes", "\tStart"])
def test_a_word_that_opts_in_is_no_answer_to_anything(word: str):
    (back,) = parse(from_ann(word), our=NUMBER)

    assert back.data == ContactReported(address=ANN, reachable=True, why="opted in by text")


@pytest.mark.parametrize("word", ["HELP", "INFO", "help "])
def test_what_twilio_answers_itself_is_not_stored(word: str):
    assert parse(from_ann(word), our=NUMBER) == ()


@pytest.mark.parametrize(
    "text", ["stop it", "STOP.", "please stop", "yes please", "OK 7K3PWX", "NO 7K3PWX", "ſtop", "no"]
)
def test_more_than_the_word_is_a_message(text: str):
    (incoming,) = parse(from_ann(text), our=NUMBER)

    assert isinstance(incoming.data, MessageReceived)


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        ("STOP", [ControlRequested, ContactReported]),
        ("START", [ContactReported]),
        ("HELP", []),
        ("", [MessageReceived]),
        ("ELSE", [MessageReceived]),
    ],
)
def test_twilio_knows_the_words_of_the_account_better(told: str, kinds: list[type]):
    assert [type(i.data) for i in parse(from_ann("arrêt", opt_out=told), our=NUMBER)] == kinds


@pytest.mark.parametrize(
    "sender", ["", "12345", "Acme", "whatsapp:+15550100001", "+15550100001;x", "+0123456789", NUMBER]
)
def test_who_is_no_telephone_or_is_ourselves_is_not_heard(sender: str):
    assert parse(Inbound(SID, sender, "hi"), our=NUMBER) == ()


@given(st.text())
def test_no_text_breaks_it_and_no_reserved_word_gets_through(text: str):
    found = parse(from_ann(text), our=NUMBER)

    reserved = text.strip().isascii() and text.strip().upper() in KEYWORDS
    assert any(isinstance(i.data, MessageReceived) for i in found) is not reserved
