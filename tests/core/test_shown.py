import random
import re
import time
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st

from bot.canonical import canonical, digest, text_hash
from bot.shown import NotShown, parse_shown, shown, shown_hash

# ---------------------------------------------------------------- shown = executed

HARD = [
    "\x00", "\x07\x1b[2J\x7f\x80\x9f", "\n", "\r\n", "\u2028\u2029\x85", "\u202eabc\u202c", "\u2066x\u2069\u200f",
    "a\u200bb\u200c\u200d\u2060\ufeff\u00ad", "\u034f\u115f\u1160\u3164\uffa0\u2800", "\U000e0041\U000e007f\U000e0100",
    "é e\u0301 한 \u1112\u1161\u11ab \u212b Å A\u030a", "a" + "\u0301" * 50, "ｆｕｌｌ", "ﬁ ① ²",
    "👨\u200d👩\u200d👧 👍🏽 ❤\ufe0f 🇦🇹", "pаypal", "аррӏе", "Привет", "Καλημέρα", "שלום", "مرحبا", "हिन्दी", "日本語",
    "\ue000\uf8ff\U0010ffff\ufffe", "\u0378",
    "\\u0430", "\\", '"', '", "to": "x', "\\n", "\u00a0\u3000\u2003", "x\nto: \"+4366\"", "1 ООО 5кг", "٣ ৪",
]  # fmt: skip

STRINGS = (
    st.text(max_size=8)
    | st.lists(st.sampled_from(HARD), max_size=3).map("".join)
    | st.text('abc 015OО\u0301е\u200b\u202eшד\n"\\\x00', max_size=8)
)
SCALARS = (
    STRINGS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(min_value=10**15, max_value=10**40)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(["to", "text", "amount", "a_1", "_", "z"]) | st.from_regex(
    r"[a-z_][a-z0-9_]{0,5}", fullmatch=True
)
ODD_NAMES = STRINGS | st.sampled_from(["args", "To", "a b", "a: 1", "to\ntext", "", "1a", "té", "tо"])
ARGS = st.dictionaries(NAMES, VALUES, max_size=4) | st.dictionaries(NAMES | ODD_NAMES, VALUES, max_size=3)

_LINE = re.compile(r"[a-z_][a-z0-9_]*: (?s:.+)")


def check(tool, args):
    """What an approver reads stands for exactly these arguments, is visible, and no line of it is another's."""
    text = shown(tool, args)
    lines = text.split("\n")

    assert digest(parse_shown(text)) == digest(args)
    assert shown_hash(text) == text_hash(text)
    assert all(char.isprintable() for line in lines for char in line)
    assert text.splitlines() == lines
    assert unicodedata.normalize("NFKC", text) == text
    assert all(unicodedata.category(char)[0] not in "CM" for line in lines for char in line)
    assert not re.search(r"\s", text.replace(" ", "").replace("\n", ""))
    names = [line.partition(": ")[0] for line in lines[1:]]
    assert all(map(_LINE.fullmatch, lines[1:]))
    assert names == sorted(args) or (names == ["args"] and set(args) & {"args", *filter(_odd, args)})


def _odd(name):
    return not re.fullmatch("[a-z_][a-z0-9_]*", name)


@settings(max_examples=300)
@given(ARGS)
def test_what_is_shown_reads_back_as_what_runs(args):
    check("send_message", args)


def test_ten_thousand_random_arguments_are_shown_as_they_run():
    dice = random.Random(3)

    for _ in range(10_000):
        check(
            "send_message", {dice.choice(RANDOM_NAMES): random_value(dice) for _ in range(dice.randint(1, 3))}
        )


RANDOM_NAMES = ["to", "text", "amount", "a_1", "_", "args", "To", "tо", "to\ntext", ""]


def random_value(dice, depth=0):
    match dice.randint(0, 9 if depth < 3 else 7):
        case 0:
            return dice.choice([None, True, False, 0, -0.0, 10**30])
        case 1:
            return dice.choice([dice.randint(-(10**9), 10**9), dice.random(), dice.uniform(-1e30, 1e30)])
        case 2 | 3:
            return "".join(dice.choices(HARD, k=dice.randint(0, 4)))
        case 4 | 5 | 6:
            return "".join(random_char(dice) for _ in range(dice.randint(0, 12)))
        case 7:
            return "".join(dice.choices('abc 015OОеشд\n"\\\x00\u0301\u200b', k=dice.randint(0, 12)))
        case 8:
            return [random_value(dice, depth + 1) for _ in range(dice.randint(0, 3))]
        case _:
            return {dice.choice(HARD): random_value(dice, depth + 1) for _ in range(dice.randint(0, 3))}


def random_char(dice):
    most = dice.choice([0x7F, 0x7FF, 0x33FF, 0xD7FF, 0x1FFFF, 0x10FFFF])
    number = dice.randint(0, most)
    return chr(number) if not 0xD800 <= number < 0xE000 else "\ufffd"


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_tool_name_is_one_line_that_can_be_seen(tool):
    check(tool, {"to": "bob"})


@pytest.mark.parametrize("value", [*HARD, "".join(HARD)])
def test_hard_texts_read_back_as_they_were(value):
    check("send_message", {"text": value})
    check("send_message", {"text": [value, {value: value}]})
    check("send_message", {value: value})


@pytest.mark.parametrize(
    "piece", ["a", "\x00", "Привет ", "é", "e\u0301", "\u202e", "😀", '"\\', "ab\n", "1О "]
)
def test_a_hundred_kilobytes_are_shown_in_full_and_at_once(piece):
    args = {"text": piece * (100_000 // len(piece.encode()))}
    before = time.process_time()

    check("send_message", args)

    assert time.process_time() - before < 2


def test_every_character_but_the_great_blocks_of_the_east_reads_back_as_it_was():
    ranges = (
        range(0x3400),
        range(0xA000, 0xAC00),
        range(0xF8F0, 0x17000),
        range(0x1B000, 0x20000),
        range(0xE0000, 0xE0200),
    )

    for chars in ranges:
        for start in range(0, len(chars), 1_024):
            check("t", {"x": [chr(n) for n in chars[start : start + 1_024]]})


def test_a_lone_surrogate_can_be_shown():
    text = shown("send_message", {"text": "a\ud800b"})

    assert text == 'send_message\ntext: "a\\ud800b"'
    assert parse_shown(text) == {"text": "a\ud800b"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": float("-inf")}])
def test_what_json_cannot_hold_is_not_shown(value):
    with pytest.raises(ValueError, match="JSON"):
        shown("send_message", {"x": value})


# ---------------------------------------------------------------- reading back


@pytest.mark.parametrize(
    "text",
    [
        "", "t\n", "t\nx", "t\nx: ", "t\nx:1", "t\nx:  1", "t\nx: 1 ", "t\nx: 1\nx: 2", "t\ny: 1\nx: 2", "t\nx: 1\n",
        "t\n\nx: 1", "t u\nx: 1", 't\nx: {"b": 1, "a": 2}', 't\nx: {"a": 1, "a": 2}', 't\nx: [1,2]', "t\nx: NaN",
        "t\nX: 1", 't\nargs: {"x": 1}', "t\nargs: 1", 't\nargs: {"X": 1}\nb: 2', "t\nx: 01", "t\nx: 1.50", "t\r\nx: 1",
        't\nx: "\\u0061"', 't\nx: "\u200b"', 't\nx: "e\u0301"', 't\nx: "\\u200B"',
        '"t"\nx: 1', "t\nx: " + "[" * 100_000,
    ],
)  # fmt: skip
def test_a_text_that_would_be_written_differently_is_refused(text):
    with pytest.raises(NotShown):
        parse_shown(text)


@settings(max_examples=200)
@given(ARGS.map(lambda args: shown("t", args)), st.data())
def test_a_text_with_one_character_changed_shows_something_else_or_nothing(text, data):
    place = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.characters())
    changed = text[:place] + char + text[place + 1 :]

    try:
        args = parse_shown(changed)
    except NotShown:
        return

    same_tool = changed.split("\n")[0] == "t"
    assert changed == text or not same_tool or canonical(args) != canonical(parse_shown(text))
