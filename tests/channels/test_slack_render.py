"""What leaves for Slack: the model's Markdown in Slack's markup, harmless, in parts that fit."""

import re

import pytest
from hypothesis import example, given, settings, strategies as st

from bot.events import Outgoing
from bot.ports import Part
from channels.slack.mrkdwn import LONG
from channels.slack.parts import LIMIT, render, split

LINK = re.compile(r"<((?:https?://|mailto:)[^|<>\s]+)\|([^<>]*)>", re.IGNORECASE)
ENTITY = re.compile(r"&(amp|lt|gt);")


def whole(markdown: str) -> str:
    (text,) = split(markdown)
    return text


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def live(text: str) -> list[str]:
    """What Slack would act on in a text: mentions, broadcasts, anything else in angle brackets."""
    rest = LINK.sub(lambda link: link[2], text)
    rest = re.sub("^> ", "", rest, flags=re.MULTILINE)
    bare = re.findall(r"&(?!(?:amp|lt|gt);)", rest)
    names = re.findall(r"(?<![\w.+-])[@\uff20](?:everyone|here|channel)\b", rest, re.IGNORECASE)
    urls = "".join(link[1] for link in LINK.finditer(text))
    return [
        *re.findall("[<>]", rest),
        *bare,
        *names,
        *re.findall(r"(?<!\w)@(?:everyone|here|channel)\b", urls),
    ]


def read(text: str) -> str:
    return ENTITY.sub(lambda found: {"amp": "&", "lt": "<", "gt": ">"}[found[1]], text).replace("\u200b", "")


def visible(parts: list[str]) -> str:
    """The letters and digits a person sees, in order."""
    shown = LINK.sub(lambda link: link[2], "\n".join(parts))
    return "".join(char for char in read(shown) if char.isalnum())


# ---------------------------------------------------------------- markup


@pytest.mark.parametrize(
    ("markdown", "slack"),
    [
        ("**bold** and *it* and _it_ and ~~gone~~", "*bold* and _it_ and _it_ and ~gone~"),
        ("***both***", "*_both_*"),
        ("**a *b* c**", "*a* *_b_* *c*"),
        ("foo**bar**baz", "foo\u200b*bar*\u200bbaz"),
        ("snake_case_name 2 * 3", "snake_case_name 2 * 3"),
        ("# A *big* title", "*A* *_big_* *title*"),
        ("`a < b`", "`a &lt; b`"),
        ("`` a`b ``", "a`b"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("- a\n- b\n  - c\n- d", "• a\n• b\n    • c\n• d"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("1. a\n\n   more\n2. b", "1. a\n\n  more\n2. b"),
        ("- \n- a", "• \n• a"),
        ("> a\n> b", "> a\n> b"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("```py\nx = '<b>'\n\ny\n```", "```\nx = '&lt;b&gt;'\n\ny\n```"),
        ("    indented", "```\nindented\n```"),
        ("| a | long |\n|---|---|\n| 漢字 | **1** |", "```\na    | long\n-----+-----\n漢字 | 1\n```"),
        ("[docs](https://x.example/?a=1&b=2)", "<https://x.example/?a=1&amp;b=2|docs>"),
        ("[**b** `c`](https://x.example)", "<https://x.example|b c>"),
        ("<https://x.example>", "<https://x.example|https://x.example>"),
        ("![a cat](https://x.example/c.png)", "<https://x.example/c.png|a cat>"),
        ("![](https://x.example/c.png)", "<https://x.example/c.png|image>"),
        ("[mail](mailto:a@x.example)", "<mailto:a@x.example|mail>"),
        ("[ftp](ftp://x.example)", "ftp (ftp://x.example)"),
        ("[js](javascript:alert)", "[js](javascript:alert)"),
        ("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
        ("[a]: https://x.example", "[a]: https://x.example"),
    ],
)
def test_markdown_becomes_slacks_markup(markdown: str, slack: str):
    assert whole(markdown) == slack


def test_an_address_cannot_break_out_of_its_link():
    text = whole("[x](<https://x.example/|y> <!channel>)")

    assert live(text) == []


MENTIONS = [
    "<!channel>", "<!here|here>", "<@U1>", "<!subteam^S1>", "<#C1>", "@everyone", "@here", "@channel",
    "@Channel", "\uff20everyone",
]  # fmt: skip
PLACES = [
    "{}", "**{}**", "`{}`", "```\n{}\n```", "[{}](https://x.example)", "# {}", "> {}", "- {}",
    "| {} |\n|---|\n| {} |", "![{}](https://x.example)", "\\{}", "[x](https://x.example/{})",
    "<https://x.example/{}>", "&lt;{}", "a{}",
]  # fmt: skip


@pytest.mark.parametrize("mention", MENTIONS)
@pytest.mark.parametrize("where", PLACES)
def test_no_mention_is_live_anywhere(mention: str, where: str):
    text = whole(where.format(mention, mention))

    assert live(text) == []


def test_a_mail_address_stays_as_it_is():
    assert whole("write to bob@here.example") == "write to bob@here.example"


# ---------------------------------------------------------------- parts


def parts_of(text: str, link: str = "") -> tuple[Part, ...]:
    return render("ob1", Outgoing(text=text, destination="T1/C1/9.0", link=link))


def test_a_part_carries_what_post_message_needs():
    (part,) = parts_of("hi")

    assert (part.outbox_id, part.number, part.count, part.text) == ("ob1", 1, 1, "hi")
    assert part.body == {
        "channel": "C1",
        "thread_ts": "9.0",
        "mrkdwn": True,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "saywhen_reply", "event_payload": {"id": "ob1", "part": 1}},
    }


def test_the_top_level_of_a_dm_has_no_thread():
    (part,) = render("ob1", Outgoing(text="hi", destination="T1/D1"))

    assert part.body["channel"] == "D1"
    assert "thread_ts" not in part.body


def test_the_last_part_ends_with_the_link():
    *before, last = parts_of("word " * 2_000, link="https://x.example/t?a&b")

    assert last.text.endswith("\n\n<https://x.example/t?a&amp;b|what happened here>")
    assert not any("what happened here" in part.text for part in before)
    assert all(units(part.text) <= LIMIT for part in (*before, last))


def test_a_link_that_is_no_address_is_left_out():
    assert parts_of("hi", link="javascript:x")[0].text == "hi"


def test_nothing_to_say_is_no_part():
    assert parts_of(" \n ") == ()


@pytest.mark.parametrize("length", [LIMIT - 30, LIMIT, LIMIT + 1, 2 * LIMIT + 1])
@pytest.mark.parametrize("letter", ["x", "&", "<", "😀", "👩‍👩‍👧", "e\u0301", "🇩🇪", "`", "@"])
def test_one_long_word_is_cut_into_whole_characters(letter: str, length: int):
    parts = split("a" + letter * length + "a")

    shown = [read(part) for part in parts]
    assert all(units(part) <= LIMIT for part in parts)
    assert "".join(shown) == "a" + letter * length + "a"
    assert all(piece.startswith((letter, "a")) for piece in shown)


def test_text_is_cut_between_paragraphs_if_it_can():
    parts = split("\n\n".join(["word " * 200] * 6))

    assert all(part.startswith("word") and len(part) > LIMIT / 2 for part in parts[:-1])
    assert {part.count("word") % 200 for part in parts} == {0}


def test_an_open_fence_is_closed_and_opened_again():
    parts = split("before\n```\n" + "line of code\n" * 1_000)

    assert len(parts) > 3
    assert all(part.count("```") == 2 for part in parts)
    assert visible(parts) == visible(["before" + "line of code" * 1_000])


def test_a_megabyte_is_shown_as_it_is():
    parts = split("**word** " * (1_000_000 // 9))

    assert LONG < 1_000_000
    assert all(units(part) <= LIMIT for part in parts)
    assert visible(parts) == "word" * (1_000_000 // 9)


MARKS = [
    "**", "*", "_", "~~", "`", "```\n", "\n```", "\n\n", "\n", "- ", "1. ", "> ", "# ", "    ", "---\n",
    "| a | b |\n|---|---|\n", "<!channel>", "<@U1>", "@here", "&amp;", "&#64;here", "<", ">", "|", "&", "\\",
    "[", "![", ")",
    "](https://x.example/a|b)", "](", "<https://x.example/|y>", "[r]: https://x.example\n", "word ",
    "longer words go here ", "😀", "\u200d", "\ud800",
]  # fmt: skip
MARKDOWN = st.lists(st.text(max_size=30) | st.sampled_from(MARKS), max_size=60).map("".join)


@settings(deadline=None)
@given(MARKDOWN)
@example("``" + "`` `a` ``")
@example("*`*`*")
def test_whatever_the_model_writes_is_harmless_and_fits(markdown: str):
    parts = split(markdown, link="https://x.example/t")

    assert [found for part in parts for found in live(part)] == []
    assert all(units(part) <= LIMIT for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert all(part.strip() for part in parts)


@settings(deadline=None)
@given(MARKDOWN.map(lambda text: text * 4), st.integers(100, 400))
def test_parts_show_together_what_one_would(markdown: str, limit: int):
    parts = split(markdown, limit=limit)

    assert all(units(part) <= limit for part in parts)
    assert visible(parts) == visible(split(markdown, limit=10**6))
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert [found for part in parts for found in live(part)] == []


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N", "Zs", "So", "Mn")), max_size=800), st.integers(60, 200))
def test_no_letter_of_plain_text_is_lost(text: str, limit: int):
    assert visible(split(text, limit=limit)) == visible([text])
