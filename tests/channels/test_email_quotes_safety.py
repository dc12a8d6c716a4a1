"""M04, U03: no yes is read out of a quote, no text is lost, and no text takes longer than its length."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import process_time

import pytest
from hypothesis import given, settings, strategies as st

from channels.email.quotes import MARKER, split

WHOLE = bool(os.environ.get("PROOF"))
MANY = settings(max_examples=2000 if WHOLE else 100)
CODE = "OK 7K3PWX"
WORDS = st.sampled_from(
    ["yes", "please", "book", "it", "Tea?", "No.", "On", "he wrote:", "3 May 2026", "a@x.org", "-", "ü"]
)
LINES = st.lists(WORDS, max_size=8).map(" ".join)
TEXTS = st.lists(LINES, max_size=8)
OURS = (
    "Dear Ann, shall I book the flight to Lisbon on Monday at ten for two people, as you have asked?\n"
    "It costs 420 euros. Answer with one of these lines:\n\nOK 7K3PWX\n\nNO 7K3PWX\n\nYour assistant"
)
ANNOUNCED = [
    "On Sun, 3 May 2026 at 10:00, Bot <bot@x.org> wrote:",
    "On Sun, 3 May 2026 at 10:00,\nBot\n<bot@x.org> wrote:",
    "Am So., 3. Mai 2026 um 10:00 Uhr schrieb Bot <bot@x.org>:",
    "Le dim. 3 mai 2026 à 10:00, Bot <bot@x.org> a écrit :",
    "2026年5月3日(日) 10:00 Bot <bot@x.org>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "---------- Forwarded message ---------",
    "Begin forwarded message:",
    "From: Bot <bot@x.org>\nSent: Sunday\nTo: Ann\nSubject: Flight",
    "*From:* Bot\n*Sent:* Sunday\n*To:* Ann\n*Subject:* Flight",
    "________________________________\nVon: Bot\nGesendet: Sonntag\nAn: Ann\nBetreff: Flug",
    "差出人: Bot <bot@x.org>\n送信日時: 2026年5月3日\n宛先: Ann\n件名: x",
    MARKER,
    f"*{MARKER}*",
]
"""None of these needs a mark on the lines below it."""

MARKS = st.sampled_from([">", "> ", ">> ", "> > ", " > ", "\t>", "\u200b> ", "\xa0> "])


def put_in(lines: list[str], at: int) -> list[str]:
    """The lines with the code among them."""
    at %= len(lines) + 1
    return [*lines[:at], CODE, *lines[at:]]


def approves(new: str) -> bool:
    return any(line.strip() == CODE for line in new.splitlines())


def unmarked(new: str) -> list[str]:
    return [line for line in new.splitlines() if CODE in line and not line.startswith(">")]


@MANY
@given(TEXTS, TEXTS, st.integers(0, 20), st.sampled_from(ANNOUNCED), st.sampled_from(["", "\n", "\n\n"]))
def test_no_code_below_an_announcement_is_new(
    said: list[str], quoted: list[str], at: int, announced: str, gap: str
) -> None:
    text = "\n".join([*said, "", announced + gap, "Dear Ann,", *put_in(quoted, at)])

    assert not unmarked(split(text).new)


@MANY
@given(
    TEXTS,
    TEXTS,
    TEXTS,
    st.integers(0, 20),
    st.sampled_from([">", "> ", ">> ", "> > ", " > ", "\t>", "\u200b> ", "\xa0> "]),
)
def test_no_code_in_a_marked_line_is_new_without_its_mark(
    above: list[str], quoted: list[str], below: list[str], at: int, mark: str
) -> None:
    text = "\n".join([*above, *(mark + line for line in put_in(quoted, at)), *below])

    found = split(text)

    assert not unmarked(found.new)
    assert found.inline or CODE not in found.new


@MANY
@given(TEXTS, TEXTS, st.integers(2, 30), st.sampled_from(["", "    ", "> ", "\t"]), st.booleans())
def test_no_code_in_our_own_text_is_new_however_it_is_wrapped(
    above: list[str], below: list[str], width: int, indent: str, wrapped: bool
) -> None:
    words = OURS.split()
    rows = [" ".join(words[at : at + width]) for at in range(0, len(words), width)]
    quoted = rows if wrapped else OURS.split("\n")
    text = "\n".join([*above, *(indent + line for line in quoted), *below])

    assert not unmarked(split(text, ours=["other", OURS]).new)


@MANY
@given(TEXTS)
def test_a_code_that_stands_alone_on_top_is_always_new(below: list[str]) -> None:
    quoted = "\n".join(f"> {line}" for line in below)

    for text in (
        f"{CODE}\n\n{ANNOUNCED[0]}\n{quoted}",
        f"{CODE}\n\n{ANNOUNCED[9]}\n\n{OURS}",
        f"{CODE}\n{quoted}",
        CODE,
    ):
        assert approves(split(text, ours=[OURS]).new)


PIECES = st.sampled_from(
    [
        *ANNOUNCED,
        *("> ", ">", "-- ", "--", "\n", "\r\n", "\r", "\u2028", "\0", "\ud800", "e\u0301" * 20),
        OURS,
        CODE,
    ]
)


@MANY
@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, LINES), max_size=30).map("\n".join)), st.booleans())
def test_every_sign_of_a_mail_is_in_one_of_the_parts(text: str, known: bool) -> None:
    found = split(text, ours=[OURS] if known else [])

    assert signs(found.new + found.quoted + found.signature) == signs(text)


def signs(text: str) -> Counter[str]:
    """All but spaces and marks of quoting, which may be added."""
    return Counter(sign for sign in text if not sign.isspace() and sign != ">")


NEAR_MISSES = {
    "marks": "> ",
    "marked lines": ">\n",
    "hyphens": "-",
    "lines of a hyphen": "-\n",
    "signatures": "--\n",
    "underscores": "_",
    "lines of underscores": "_" * 32 + "\n",
    "announcements": "On 3 May 2026 at 10:00, Bob <b@x.org> wrot:\n",
    "openers": "On 3 May 2026 at 10:00,\n",
    "colons": ":\n",
    "verbs": "wrote:\n",
    "one long announcement": "On 3 May 2026 Bob wrote ",
    "labels": "From: \n",
    "other labels": "Subject: x\n\n",
    "separators": "-----Original Messag-----\n",
    "answers": "> a\nb\n",
    "addresses": "On 1 " + "a@" * 145 + ":\n",
    "telephones": "Sent from my \n",
    "blank lines": "\n",
    "ideograms": "好",
    "markers": "- - - ^ - -\n",
    "combining signs": "e" + "\u0323\u0301" * 100 + "\n",
    "our words": "shall I book the flight ",
}
SIZE = 500_000 if WHOLE else 30_000


@pytest.mark.parametrize("unit", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_twice_the_text_takes_twice_the_time(unit: str) -> None:
    texts = [(unit * (length // len(unit) + 1))[:length] for length in (SIZE, 2 * SIZE)]

    def linear() -> bool:
        once, twice = (seconds(partial(split, text, ours=[OURS])) for text in texts)
        return twice < 3 * once + 0.005

    assert any(linear() for _ in range(5))  # a busy machine may spoil some of them


def seconds(run: Callable[[], object]) -> float:
    """The best of two, of this process alone."""
    times = []
    for _ in range(2):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)
