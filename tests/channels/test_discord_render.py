"""Answers as Discord shows them: whole, in parts that it takes, and without calling anybody."""

import re

import pytest
from hypothesis import given, settings, strategies as st

from bot.events import Outgoing
from channels.discord import markdown
from channels.discord.markdown import FENCE, GAP, to_discord
from channels.discord.parts import LIMIT, nonce, render, split

LIVE = re.compile(r"@(?:everyone|here)\b|<@[!&]?\d", re.IGNORECASE)


def squeezed(text: str) -> str:
    """Without what a cut may add or take: white space and the lines of fences."""
    return re.sub(r"\s|```[\w+.#-]*(?=\n|$)", "", text)


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Hello there.", "Hello there."),
        ("# Title\n\n## Two\n\n### Three", "# Title\n\n## Two\n\n### Three"),
        ("#### Four\n\ntext", "**Four**\n\ntext"),
        ("look ![a cat](https://x.example/c.png)", "look [a cat](https://x.example/c.png)"),
        ("```python\nx = 1\n```", "```python\nx = 1\n```"),
        ("~~~\nx\n~~~", "```\nx\n```"),
        ("````\na ``` b\n````", f"```\na `{GAP}`{GAP}` b\n```"),
        ("never closed:\n```sh\nls", "never closed:\n```sh\nls\n```"),
        ("three ``` in a sentence", f"three `{GAP}`{GAP}` in a sentence"),
        ("a\r\nb", "a\nb"),
        ("  \n ", ""),
        ("```not a language\nx\n```", "```\nnot a language\nx\n```"),
        ("- one\n  ```py\n  x\n  ```\n- two", "- one\n```py\nx\n```\n- two"),
    ],
)
def test_markdown_that_discord_does_not_know_is_written_in_what_it_does(given: str, shown: str):
    assert to_discord(given) == shown


def test_a_table_stands_in_columns():
    table = "| name | n |\n|---|---|\n| ann | 1 |\n| bob | 22 |"

    assert to_discord(table) == "```\nname | n\n-----+---\nann  | 1\nbob  | 22\n```"


def test_a_table_that_is_too_wide_is_a_list():
    wide = f"| name | text |\n|---|---|\n| ann | {'word ' * 30}|"

    assert to_discord(wide).startswith("- **name**: ann\n  **text**: word")


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@here!",
        "hi <@200>, <@!200> and <@&3>",
        "\uff20everyone",
        "`@everyone`",
        "```\n@here <@1>\n```",
        "@Everyone",
    ],
)
def test_no_mention_is_live(text: str):
    assert not LIVE.search(to_discord(text).replace("\uff20", "@"))


@pytest.mark.parametrize("text", ["mail ann@example.org", "@hereford", "5 < @ 6", "<#12> <t:0>"])
def test_what_is_no_mention_stays(text: str):
    assert to_discord(text) == text


def test_a_short_answer_is_one_part_and_an_empty_one_none():
    assert [part.text for part in render("ob1", Outgoing(text="hi"))] == ["hi"]
    assert render("ob1", Outgoing(text=" \n ")) == ()


def test_parts_are_numbered_and_each_has_a_nonce_of_its_own():
    first, second = render("ob1", Outgoing(text="word " * 500))

    assert (first.number, first.count, second.number) == (1, 2, 2)
    assert first.body["nonce"] != second.body["nonce"]
    assert (
        first.body["nonce"] == nonce("ob1", 1) == render("ob1", Outgoing(text="word " * 500))[0].body["nonce"]
    )
    assert len(nonce("x" * 500, 10)) == 25


def test_the_link_ends_the_last_part_and_shows_no_preview():
    url = "https://bot.example/threads/t1"

    assert split("hi", link=url) == [f"hi\n\n[what happened here](<{url}>)"]
    assert split("x" * LIMIT, link=url)[1] == f"[what happened here](<{url}>)"
    assert split("hi", link="javascript:alert(1)") == ["hi"]


def test_a_fence_goes_on_in_the_next_part_in_its_language():
    code = "".join(f"line_{number} = {number}\n" for number in range(300))

    parts = split(to_discord(f"Look:\n\n```python\n{code}```\n\nDone."))

    assert all(part.count(FENCE) % 2 == 0 for part in parts)
    assert all(part.startswith("```python\n") for part in parts[1:])
    assert "".join(line for part in parts for line in part.splitlines(keepends=True) if "=" in line) == code
    assert parts[-1].endswith("\n```\n\nDone.")


def test_a_fence_is_not_begun_at_the_end_of_a_part():
    text = to_discord("x" * 1_985 + "\n```python\ny = 1\n```")

    assert split(text) == ["x" * 1_985 + "\n", "```python\ny = 1\n```"]


@pytest.mark.parametrize("size", range(60, 130))
def test_no_part_has_a_fence_with_nothing_in_it(size: int):
    code = "\n".join("y" * 9 for _ in range(size // 10)) + "z" * (size % 10)

    parts = split(to_discord(f"{'word ' * 12}\n```py\n{code}\n```\nafter {'word ' * 30}"), limit=120)

    assert not [part for part in parts if re.search(r"```(?:py)?\n+```", part)]


def test_a_family_is_not_torn_apart():
    family = "👩‍👩‍👧‍👦"

    parts = split(family * 400)

    assert "".join(parts) == family * 400
    assert all(part == family * (len(part) // len(family)) for part in parts)


def test_a_flag_and_an_accent_stay_with_what_they_belong_to():
    assert all(part.count("🇩") == part.count("🇪") for part in split("🇩🇪" * 1_500))
    assert not any(part.startswith("\u0301") for part in split("e\u0301" * 1_500))


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_at_the_limit(size: int):
    parts = split("x" * size)

    assert [len(part) <= LIMIT for part in parts] == [True] * (1 if size <= LIMIT else 2)


def test_a_very_long_answer_is_no_trouble():
    text = "word " * 40_000

    assert squeezed("\n".join(split(to_discord(text)))) == squeezed(text)


def test_very_much_white_space_makes_no_empty_part():
    text = to_discord(f"a{chr(10) * 9_000}b{' ' * 9_000}c")

    assert all(part.strip() for part in split(text))
    assert squeezed(text) == "abc"


# ---------------------------------------------------------------- properties

PIECES = st.sampled_from(
    [
        "word ", "x" * 90, "\n", "\n\n", "```", "```py\n", "\n```\n", "~~~\n", "    code\n", "- item\n", "| a | b |\n",
        "|---|---|\n", "@everyone ", "<@12>", "<@&3>", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "`", "\\", "> ", "# ", "#### h\n",
        "[a](https://x.example)", "![i](https://x.example)", "\t", "\u200d", "\ufeff", "\U0010ffff",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)


@given(TEXTS, st.integers(120, 300))
@settings(max_examples=120, deadline=None)
def test_parts_fit_lose_nothing_and_close_their_fences(text: str, limit: int):
    written = to_discord(text)

    parts = split(written, limit=limit)

    assert all(0 < len(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert all(part.count(FENCE) % 2 == 0 for part in parts)
    assert squeezed("\n".join(parts)) == squeezed(written)
    assert not any(LIVE.search(part) for part in parts)


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_the_words_of_an_answer_all_reach_the_reader(text: str):
    written = to_discord(text)

    assert [written.count(word) for word in ("word", "item", "code")] == [
        text.count(word) for word in ("word", "item", "code")
    ]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=400), st.integers(120, 200))
@settings(max_examples=60, deadline=None)
def test_prose_is_the_same_text_when_the_parts_are_joined(text: str, limit: int):
    prose = re.sub(r"[`~|]", "", markdown.harmless(text)).strip()

    assert "".join(split(prose, limit=limit)) == prose
