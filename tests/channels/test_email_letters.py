"""Which letter is written: to whom, under which subject, as the answer to what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.events import Invite, Outgoing, RequestFor
from channels.email import ids
from channels.email.letters import Before, House, bare_subject, letter, subject_of
from channels.email.mail import Mailbox
from channels.email.writing import Letter, compose

NOW = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
TOKEN = ids.token(bytes(range(16)))
ANN = "ann@example.org"
HOUSE = House(us=Mailbox("bot@saywhen.test", "Saywhen"), others_of_ours=("help@saywhen.test",))
MAIL = Before(
    message_id="<2@example.org>",
    references=("<1@example.org>",),
    subject="The fair",
    from_=ANN,
    to=("bot@saywhen.test", "bob@example.org"),
    cc=("cleo@example.org",),
)
REPLY = Outgoing(text="On Tuesday.", channel="email", account="bot@saywhen.test", destination=ANN)
REQUEST = RequestFor(kind="approval", id="a1", person="ann")
FIELDS = st.sampled_from(["message_id", "references", "subject", "from", "to", "cc", "reply_to"])
INVITE = Invite(uid="t1:c4", title="Budget", starts_at=NOW, minutes=30, timezone="UTC")


def written(
    outgoing: Outgoing = REPLY, before: Before | None = MAIL, house: House = HOUSE, **more: Any
) -> Letter:
    return letter(outgoing, outbox_id="t1:4:0", token=TOKEN, house=house, before=before, date=NOW, **more)


def to(letter: Letter) -> list[str]:
    return [each.address for each in letter.to]


def copies(letter: Letter) -> list[str]:
    return [each.address for each in letter.cc]


# ---------------------------------------------------------------- in which conversation


def test_a_reply_continues_the_conversation():
    reply = written()

    assert (reply.in_reply_to, reply.references) == (
        "<2@example.org>",
        ("<1@example.org>", "<2@example.org>"),
    )
    assert (reply.subject, reply.auto, to(reply)) == ("Re: The fair", "replied", [ANN])
    assert (reply.sender, reply.date) == (HOUSE.us, NOW)


def test_every_try_to_send_it_has_the_same_id():
    assert written().message_id == written().message_id == ids.message_id(TOKEN, "t1:4:0", "saywhen.test")


def test_a_mail_of_our_own_begins_one():
    first = written(before=None)

    assert (first.in_reply_to, first.references, first.auto) == ("", (), "generated")
    assert first.subject == "On Tuesday."


def test_the_second_of_our_own_hangs_on_the_first():
    first = ids.message_id(TOKEN, "t1:2:0", "saywhen.test")

    second = written(before=Before(message_id=first, subject="Budget", ours=True))

    assert (second.in_reply_to, second.references) == (first, (first,))
    assert (second.subject, second.auto) == ("Re: Budget", "generated")


def test_a_mail_never_answers_itself():
    first = written(before=None)

    assert written(before=Before(message_id=first.message_id, subject="x", ours=True)) == first


def test_of_many_references_the_first_and_the_last_are_kept():
    many = tuple(f"<{number}@example.org>" for number in range(500))

    kept = written(before=replace(MAIL, references=many)).references

    assert (len(kept), kept[0], kept[-1]) == (20, many[0], "<2@example.org>")


@pytest.mark.parametrize(
    "bad", ["", "no id", "<a b@c>", "<a@b>\r\nBcc: eve@evil.test", "<" + "a" * 2000 + ">"]
)
def test_a_mail_without_a_proper_id_is_answered_all_the_same(bad: str):
    reply = written(before=replace(MAIL, message_id=bad))

    assert (reply.in_reply_to, reply.references) == ("", ("<1@example.org>",))
    assert compose(reply)


def test_a_notice_and_a_request_say_that_they_came_by_themselves():
    assert written(REPLY.model_copy(update={"kind": "notice"})).auto == "generated"
    assert written(REPLY.model_copy(update={"request": REQUEST})).auto == "generated"


# ---------------------------------------------------------------- to whom


@pytest.mark.parametrize(
    ("reply_to", "proven", "goes_to"),
    [
        ((), True, ANN),
        (("desk@example.org",), True, "desk@example.org"),
        (("desk@other.test",), True, "desk@other.test"),
        (("desk@example.org",), False, ANN),
        (("eve@evil.test",), False, ANN),
        (("desk@example.org", "eve@evil.test"), True, ANN),
        (("bot@saywhen.test",), True, ANN),
        (("help+x@saywhen.test",), True, ANN),
    ],
)
def test_only_a_proven_sender_chooses_where_the_answer_goes(
    reply_to: tuple[str, ...], proven: bool, goes_to: str
):
    assert to(written(before=replace(MAIL, reply_to=reply_to, proven=proven))) == [goes_to]


def test_somebody_elses_reply_to_changes_nothing():
    bob = REPLY.model_copy(update={"destination": "bob@example.org"})

    assert to(written(bob, replace(MAIL, reply_to=("desk@example.org",), proven=True))) == ["bob@example.org"]


def test_copies_stay_only_where_that_is_configured():
    assert copies(written()) == []
    assert copies(written(house=replace(HOUSE, reply_all=True))) == ["bob@example.org", "cleo@example.org"]


def test_we_and_whom_it_is_for_get_no_copy_and_nobody_gets_two():
    everybody = ("BOT@saywhen.test", f"bot+{TOKEN}@saywhen.test", "help@saywhen.test", ANN, "Bob@example.org")

    reply = written(before=replace(MAIL, to=everybody, cc=everybody), house=replace(HOUSE, reply_all=True))

    assert copies(reply) == ["bob@example.org"]


def test_only_so_many_get_a_copy():
    many = tuple(f"p{number}@example.org" for number in range(1000))

    assert len(copies(written(before=replace(MAIL, cc=many), house=replace(HOUSE, reply_all=True)))) == 20


def test_answers_come_back_with_the_token_where_plus_addressing_works():
    assert written().reply_to == ""
    assert written(house=replace(HOUSE, plus=True)).reply_to == f"bot+{TOKEN}@saywhen.test"


# ---------------------------------------------------------------- about what


@pytest.mark.parametrize(
    "subject",
    ["The fair", "Re: The fair", "RE: Re: re:The fair", "AW: The fair", "SV: VS: The fair", "Re[2]: The fair",
     "Re (3): The fair", "Antw.: The fair".replace(".", ""), "回复：The fair", "Отв: The fair", "  Re :  The fair ",
     "Re:\r\n The fair", "RE: AW: SV: Antw: Odp: YNT: RES: The fair"],
)  # fmt: skip
def test_an_answer_has_one_re(subject: str):
    assert written(before=replace(MAIL, subject=subject)).subject == "Re: The fair"


@pytest.mark.parametrize(
    "subject", ["Fwd: The fair", "Regarding: it", "Ref: 12", "Are: you", "re the fair", "[list] Re: it"]
)
def test_other_words_stay(subject: str):
    assert bare_subject(subject) == subject


def test_a_mail_without_a_subject_gets_an_answer_with_one():
    assert written(before=replace(MAIL, subject="Re: ")).subject == "Re: (no subject)"


def test_a_subject_of_its_own_comes_first():
    assert written(REPLY.model_copy(update={"subject": "Your\r\nBudget"})).subject == "Your Budget"


@pytest.mark.parametrize(
    ("text", "subject"),
    [("# **Budget** for 2027\n\nmore", "Budget for 2027"), ("\n\n- `x` first\n- y", "x first"), ("> 1. so", "so"),
     ("", "(no subject)"), ("***", "(no subject)"), ("a_b and c*d", "a_b and c*d"), ("\x00\u202e\r\n", "(no subject)")],
)  # fmt: skip
def test_without_one_the_text_says_what_it_is_about(text: str, subject: str):
    assert subject_of(Outgoing(text=text), None) == subject


def test_a_long_subject_is_cut_at_a_word():
    subject = subject_of(Outgoing(text="word " * 100), None)

    assert len(subject) <= 120
    assert subject.endswith("word...")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_any_subject_is_one_short_line(own: str, text: str, theirs: str):
    for outgoing in (Outgoing(text=text, subject=own), Outgoing(text=text)):
        for before in (None, replace(MAIL, subject=theirs)):
            subject = subject_of(outgoing, before)

            assert 0 < len(subject) <= 120
            assert subject.isprintable() or not set(subject) & set("\r\n\x00")
            assert len(subject.splitlines()) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["Re: ", "re[", "re(1", "*", "> ", "1. ", " ", "_a", "`"])
def test_no_subject_makes_it_slow(piece: str):
    long = piece * 100_000

    assert subject_of(Outgoing(text=long, subject=long), None)
    assert subject_of(Outgoing(text=long), replace(MAIL, subject=long))
    assert subject_of(Outgoing(text=long), None)


# ---------------------------------------------------------------- what it says


def test_somebody_outside_is_told_once_what_answers():
    house = replace(HOUSE, contact="Write to help@saywhen.test.")

    assert written(house=house, introduce=True).automated
    assert written(house=house, introduce=True).contact == "Write to help@saywhen.test."
    assert not written(house=house).automated


def test_a_request_is_shown_as_it_is():
    asked = Outgoing(
        text="pay\n  **100**",
        destination=ANN,
        request=REQUEST,
        link="https://bot.test/threads/1",
        kind="notice",
    )

    request = written(asked, introduce=True)

    assert (request.exact, request.text, request.automated) == (True, "pay\n  **100**", False)


def test_a_notice_has_its_link_and_a_reply_to_anybody_has_not():
    link = {"link": "https://bot.test/threads/1"}

    assert written(REPLY.model_copy(update=link)).text == "On Tuesday."
    assert written(REPLY.model_copy(update={**link, "kind": "notice"})).text.endswith(
        "\n\nWhat happened here: <https://bot.test/threads/1>"
    )
    assert written(REPLY.model_copy(update={"link": "javascript:x", "kind": "notice"})).text == "On Tuesday."


def test_an_invitation_carries_the_token_and_keeps_its_identity():
    first, again = (written(REPLY.model_copy(update={"invite": INVITE})).invite for _ in range(2))

    assert first
    assert first == again
    assert ids.token_of_uid(first.uid) == TOKEN
    assert first.starts_at + timedelta(minutes=first.minutes) == NOW + timedelta(minutes=30)


# ---------------------------------------------------------------- what is known of the mail


def test_what_the_log_keeps_of_a_mail_is_read_back():
    ref = {
        "message_id": "<2@example.org>", "references": ["<1@example.org>"], "subject": "The fair", "from": ANN,
        "to": ("bot@saywhen.test", "bob@example.org"), "cc": ["cleo@example.org"], "reply_to": "",
    }  # fmt: skip

    assert Before.of(ref) == MAIL


@given(
    st.dictionaries(
        FIELDS, st.none() | st.integers() | st.text() | st.lists(st.none() | st.text(), max_size=4)
    )
)
def test_whatever_the_log_keeps_can_be_answered(ref: dict[str, object]):
    before = Before.of(ref, proven=True)

    assert compose(replace(written(before=before), to=(Mailbox(ANN),)))
