"""What other servers report becomes what the log says of a message: once, and of nobody else's."""

from dataclasses import replace

import pytest

from bot.events import DeliveryReported, Incoming
from channels.email import ids
from channels.email.bounces import Origin, reports
from channels.email.mail import Bounce

THREAD = "0198c0de-0000-7000-8000-000000000001"
OUTBOX = f"{THREAD}:12:0"
ANN = "ann@example.org"
ID = ids.message_id(ids.token(bytes(16)), OUTBOX, "saywhen.test")
ORIGIN = Origin(THREAD, OUTBOX, ANN)
FAILED = Bounce("failed", ID, ANN, "5.1.1", "smtp; 550 5.1.1 <ann@example.org>: no such user")


def outbox_of(message_id: str, origin: Origin = ORIGIN) -> Origin | None:
    return origin if message_id == ID else None


def told(*bounces: Bounce, origin: Origin = ORIGIN) -> list[Incoming]:
    return list(reports(bounces, outbox_of=lambda id_: outbox_of(id_, origin)))


def report(bounce: Bounce, origin: Origin = ORIGIN) -> DeliveryReported:
    (incoming,) = told(bounce, origin=origin)
    assert isinstance(incoming.data, DeliveryReported)
    return incoming.data


def test_a_mail_that_came_back_is_reported_for_its_message_of_its_thread():
    (incoming,) = told(FAILED)

    assert incoming.data == DeliveryReported(
        outbox_id=OUTBOX,
        part_number=1,
        parts=1,
        status="undelivered",
        provider_id=ID,
        error="there is no such address smtp; 550 5.1.1 <(address)>: no such user",
        unreachable=True,
        address=ANN,
    )
    assert (incoming.channel, incoming.thread_id, incoming.correlation) == ("email", THREAD, OUTBOX)


def test_a_mail_that_arrived_is_reported_too():
    data = report(replace(FAILED, action="delivered", status="2.0.0", diagnostic=""))

    assert (data.status, data.error, data.unreachable, data.address) == ("delivered", "", False, "")


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded"])
def test_what_is_still_under_way_is_no_news(action: str):
    assert told(Bounce(action, ID, ANN, "4.4.1")) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("message_id", ["", "<other@example.org>"])
def test_a_bounce_of_somebody_elses_mail_says_nothing(message_id: str):
    assert told(replace(FAILED, message_id=message_id)) == []


@pytest.mark.parametrize(
    ("status", "words", "unreachable"),
    [
        ("5.1.1", "no such address", True), ("5.1.2", "no such domain", True), ("5.1.10", "takes no mail", True),
        ("5.1.6", "moved away", True), ("5.2.1", "disabled", True), ("5.2.2", "full", False), ("5.7.1", "rule", False),
        ("5.4.4", "way there is broken", False), ("4.4.7", "way there is broken", False),
        ("5.1.8", "our own domain", False), ("5.3.4", "too big", False),
        ("", "nobody says why", False), ("5.99.99", "(5.99.99)", False),
        ("junk", "junk", False),
    ],
)  # fmt: skip
def test_each_status_has_its_words_and_only_some_close_an_address(status: str, words: str, unreachable: bool):
    data = report(replace(FAILED, status=status, diagnostic=""))

    assert words in data.error
    assert (data.unreachable, data.address) == (unreachable, ANN if unreachable else "")


def test_a_status_may_stand_in_the_other_servers_words_only():
    assert report(replace(FAILED, status="")).unreachable
    assert not report(replace(FAILED, status="", diagnostic="it is 15.1.1.2 or 5.1.1.9")).unreachable


def test_an_address_that_it_is_forwarded_to_does_not_close_the_one_we_know():
    data = report(replace(FAILED, recipient="ann@elsewhere.test"))

    assert (data.status, data.unreachable) == ("undelivered", False)


@pytest.mark.parametrize("recipient", ["", "ANN@Example.org"])
def test_a_report_that_names_nobody_or_the_same_address_is_about_it(recipient: str):
    assert report(replace(FAILED, recipient=recipient)).unreachable


@pytest.mark.parametrize("action", ["failed", "delivered"])
def test_what_becomes_of_a_copy_says_nothing_about_the_message(action: str):
    with_copy = replace(ORIGIN, copies=("Bob@example.org",))

    assert told(Bounce(action, ID, "bob@example.org", "5.1.1"), origin=with_copy) == []  # type: ignore[arg-type]


def test_the_same_report_is_the_same_input_and_another_is_not():
    again, other = replace(FAILED, diagnostic="in other words"), replace(FAILED, action="delivered")

    keys = [incoming.dedupe for incoming in told(FAILED, again, other)]

    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("email:report:")


def test_other_servers_words_are_short_and_name_nobody():
    data = report(replace(FAILED, diagnostic=f"\r\n\x00\u202e{ANN} and eve+x@evil.test " + "x" * 5000))

    assert len(data.error) < 400
    assert "@" not in data.error
    assert data.error.isprintable()
