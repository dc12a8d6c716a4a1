"""A reply as a text message: plain, at most three segments, cut where people would cut; requests untouched."""

import re

import pytest
from hypothesis import given, strategies as st

from bot.errors import SendFailed
from bot.events import Outgoing, RequestFor
from channels.sms.events import KEYWORDS
from channels.sms.plain import plain
from channels.sms.segments import MOST_SEGMENTS, TO_GSM, cheapest, segments
from channels.sms.texts import CUT, HIDDEN, MORE, fits, shortened
from tests.channels.sms_kit import ANN, channel_to

LINK = "https://bot.example.org/threads/0198"
WORDS = st.lists(
    st.sampled_from(["word", "Straße", "“quoted”", "it’s", "—", "€5", "жизнь", "😀", "👨‍👩‍👧", "🇩🇪", "\n", "\n\n",
                     "x" * 90]),
    max_size=300,
).map(" ".join)  # fmt: skip
TEXTS = WORDS | st.text(max_size=1500)
LINKS = st.sampled_from(["", LINK, "https://example.org/" + "a" * 600, "javascript:alert(1)", "not a link"])


def rendered(text: str, *, link: str = "", request: RequestFor | None = None) -> list[str]:
    outgoing = Outgoing(text=text, link=link, request=request, channel="sms", destination=ANN)
    return [part.text for part in channel_to().render("t1:4:0", outgoing)]


# ---------------------------------------------------------------- plain text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("Done.", "Done."),
        ("**bold**, *thin*, ~~gone~~ and `code`", "bold, thin, gone and code"),
        ("# Title\n\nBody", "Title\n\nBody"),
        ("- one\n- two\n  - three\n\n1. first\n2. second", "- one\n- two\n  - three\n\n1. first\n2. second"),
        ("3. third\n4. fourth", "3. third\n4. fourth"),
        ("[docs](https://a.example/x)", "docs (https://a.example/x)"),
        ("<https://a.example>", "https://a.example"),
        ("[**ann**](mailto:ann@a.example)", "ann (ann@a.example)"),
        ("![a cat](https://a.example/c.png)", "a cat (https://a.example/c.png)"),
        ("> said\n> so\n\nyes", "> said\n> so\n\nyes"),
        ("```py\nx = [1]\n\ny = `2`\n```", "x = [1]\n\ny = `2`"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2"),
        ("one\ntwo", "one\ntwo"),
        ("above\n\n---\n\nbelow", "above\n\n---\n\nbelow"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("AT&amp;T <b>", "AT&T <b>"),
        ("[a]: https://a.example", "[a]: https://a.example"),
    ],
)
def test_markdown_becomes_what_a_phone_can_show(markdown: str, text: str):
    assert plain(markdown) == text


def test_control_characters_never_go_out_however_they_are_written():
    (text,) = rendered("a\x07b\x00c&#7;d\te\r\nf\x85g\u202eh\u200bi")

    assert text == "abc\ufffdd e\nfghi"


# ---------------------------------------------------------------- cutting


@pytest.mark.parametrize("size", [458, 459])
def test_what_fits_goes_out_whole_without_a_link(size: int):
    assert rendered("a" * size, link=LINK) == ["a" * size]


def test_what_does_not_fit_ends_at_a_word_with_the_link():
    (text,) = rendered("word " * 200, link=LINK)

    assert text.endswith(f"word... more: {LINK}")
    assert segments(text) == 3
    assert segments(text.replace("word...", "word word...", 1)) == 4


def test_without_a_link_it_says_that_it_was_cut():
    (text,) = rendered("word " * 200)

    assert text.endswith("word... (cut; ask for the rest)")


def test_a_link_that_leaves_no_room_is_left_out():
    (text,) = rendered("word " * 200, link="https://example.org/" + "a" * 600)

    assert text.endswith(CUT)


@pytest.mark.parametrize(
    "text", ["x" * 50_000, "😀" * 5_000, "ж" * 1_000_000, "👨‍👩‍👧" * 500, "a\u0301" * 10_000, "🇩🇪" * 300]
)
def test_however_long_it_is_one_message_is_made_of_it(text: str):
    (found,) = rendered(text)

    kept = found.removesuffix(CUT)
    assert found != kept
    assert segments(found) == 3
    assert text.startswith(kept)
    assert not re.match("[\u0300-\u036f\u200d\U0001f3fb-\U0001f3ff]", text[len(kept) :])
    assert not kept.endswith("\u200d")
    assert sum(map("🇩🇪".__contains__, kept)) % 2 == 0


@given(TEXTS, LINKS)
def test_a_reply_is_at_most_one_message_of_three_segments(text: str, link: str):
    found = shortened(text, link=link)

    assert segments(found) <= MOST_SEGMENTS
    assert not HIDDEN.search(found)
    assert cheapest(found) == found


@given(TEXTS, LINKS)
def test_what_is_cut_is_the_beginning_and_says_so(text: str, link: str):
    whole = made_plain(plain(cleaned(text)))
    found = made_plain(shortened(text, link=link))

    if found != whole:
        pointer = CUT if found.endswith(CUT) else MORE + link
        assert found.endswith(pointer)
        assert found != pointer
        assert whole.startswith(found.removesuffix(pointer))


def cleaned(text: str) -> str:
    return HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")).strip()


def made_plain(text: str) -> str:
    return cleaned(text).translate(TO_GSM)


def test_nothing_to_say_is_no_message():
    assert rendered("  \n") == []


# ---------------------------------------------------------------- requests

REQUEST = RequestFor(kind="approval", id="a1", person="dora", decisions=("approve", "reject"))


@given(st.text(max_size=800))
def test_a_request_goes_out_as_it_is_or_not_at_all(text: str):
    if not text.strip():
        return
    if fits(text):
        assert rendered(text, link=LINK, request=REQUEST) == [text]
    else:
        with pytest.raises(SendFailed):
            rendered(text, link=LINK, request=REQUEST)


def test_a_request_keeps_every_mark():
    text = "Pay **“Acme”** 5\u00a0€ — `rm -rf`?\n\nOK 7K3PWX  or  NO 7K3PWX"

    assert rendered(text, link=LINK, request=REQUEST) == [text]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * 460, "4 text messages"),
        ("ж" * 202, "4 text messages"),
        ("a\x07", "not show"),
        ("a\u202eb", "not show"),
    ],
)
def test_a_request_that_cannot_be_shown_whole_is_refused_for_good(text: str, words: str):
    assert not fits(text)

    with pytest.raises(SendFailed, match=words) as failed:
        rendered(text, request=REQUEST)
    assert failed.value.kind == "final"


def test_the_channel_says_what_fits():
    assert channel_to().fits("x" * 459)
    assert not channel_to().fits("x" * 460)


def test_our_own_words_are_none_that_twilio_acts_on():
    said = set(re.findall(r"[A-Z]+", f"{MORE} {CUT}".upper()))

    assert not said & set(KEYWORDS)
