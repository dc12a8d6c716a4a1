"""Where a reply goes: to the place that all of a thread read, or to whoever wrote, on channels that are like mail."""

import pytest

from bot.ending import reply_places
from bot.rules import Rules
from bot.thread import Thread

RULES = Rules({}, accounts={"email": "bot@us.example", "slack": "T1"}, answers_sender=frozenset({"email"}))
SLACK = Thread("t", channel="slack", account="T1", destination="C1")
MAIL = Thread("t", channel="email", account="bot@us.example", destination="ann@us.example")


@pytest.mark.parametrize(
    ("thread", "by", "person", "expected"),
    [
        (SLACK, "slack:U1", "ann", (("slack", "T1", "C1"),)),
        (SLACK, "", "", (("slack", "T1", "C1"),)),
        (MAIL, "email:ann@us.example", "ann", (("email", "bot@us.example", "ann@us.example"),)),
        (MAIL, "email:bob@else.example", "", (("email", "bot@us.example", "bob@else.example"),)),
        (
            SLACK,
            "email:carol@us.example",
            "carol",
            (("slack", "T1", "C1"), ("email", "bot@us.example", "carol@us.example")),
        ),
        # A stranger's answer to a mail that a thread sent: what is said there is not for them.
        (SLACK, "email:sarah@else.example", "", (("slack", "T1", "C1"),)),
    ],
)
def test_it_follows_who_wrote_and_where(thread, by, person, expected):
    assert reply_places(thread, RULES, by, person) == expected


def test_a_channel_that_is_off_now_is_no_place_to_answer():
    rules = Rules({}, answers_sender=frozenset({"email"}))

    assert reply_places(SLACK, rules, "email:carol@us.example", "carol") == (("slack", "T1", "C1"),)
