from collections import Counter
from itertools import product

import pytest

from bot.codes import ALPHABET, LENGTH, Keys, matches

KEYS = Keys(bytes(range(32)))
RESERVED = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "START",
    "YES",
    "UNSTOP",
    "HELP",
    "INFO",
]


def spelled(number):
    symbols = ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        symbols += ALPHABET[digit]
    return symbols


def test_the_alphabet_has_no_two_symbols_that_are_taken_for_one_another():
    pairs = ("0O", "0D", "1I", "1L", "IL", "5S", "8B", "UV", "2Z", "OQ")
    alphabet = set(ALPHABET)

    confusing = [pair for pair in pairs if set(pair) <= alphabet]

    assert len(ALPHABET) == len(alphabet) == 23
    assert confusing == []
    assert not alphabet & set("AEIOU")


def test_a_code_has_six_symbols_with_a_digit_and_a_letter():
    for number in range(3_000):
        code = KEYS.code("approval", f"a{number}", "carol", "sms")

        assert len(code) == 6
        assert set(code) <= set(ALPHABET)
        assert any(map(str.isdigit, code))
        assert any(map(str.isalpha, code))
        assert code not in RESERVED


def test_a_code_is_the_same_whenever_and_wherever_it_is_derived():
    # Fixed: an upgrade must not make the codes void that people have on their phones.
    assert Keys(bytes(range(32))).code("approval", "a1", "carol", "sms") == "F2RHMW"


def test_every_part_makes_another_code_handle_and_token():
    parts = [("approval", "question"), ("a1", "a2"), ("carol", "dave"), ("sms", "slack")]

    codes = {KEYS.code(*chosen) for chosen in product(*parts)}
    handles = {KEYS.handle(*chosen) for chosen in product(*parts[:3])}

    assert len(codes) == 16
    assert len(handles) == 8
    assert KEYS.token("a1") != KEYS.token("a2")
    assert Keys(bytes(32)).code("approval", "a1", "carol", "sms") not in codes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("approval", "a1", "carol", "sms"), ("approval", "a", "1carol", "sms")),
        (("approval", "a1", "carol", "sms"), ("approval", "a1", "carols", "ms")),
        (("approval", 'a","b', "c", "sms"), ("approval", "a", 'b","c', "sms")),
        (("approval", "a1", "Jose\u0301", "sms"), ("approval", "a1", "José", "sms")),
        (("approval", "a1", "\ud83d\ude00", "sms"), ("approval", "a1", "😀", "sms")),
    ],
)
def test_parts_do_not_run_into_each_other(one, other):
    assert KEYS.code(*one) != KEYS.code(*other)
    assert KEYS.handle(*one[:3]) != KEYS.handle(*other[:3]) or one[:3] == other[:3]


def test_ten_thousand_guesses_do_not_hit():
    code = KEYS.code("approval", "a1", "carol", "sms")
    elsewhere = Keys(b"\1" * 32)

    counted = [spelled(number * 14_803 + 7) for number in range(5_000)]
    drawn = [elsewhere.code("approval", str(number), "carol", "sms") for number in range(5_000)]
    hits = [guess for guess in counted + drawn if matches(code, guess)]

    assert len(set(counted + drawn)) > 9_990
    assert hits == []


def test_the_codes_of_other_people_requests_and_channels_are_of_no_use():
    code = KEYS.code("approval", "a1", "carol", "sms")

    others = {
        KEYS.code("approval", f"a{number}", person, channel)
        for number in range(2, 1_000)
        for person in ("carol", "dave")
        for channel in ("sms", "slack", "email")
    }

    assert code not in others
    assert len(others) >= 5_988 - 3  # 0.14 pairs are to be expected


def test_every_symbol_is_as_likely_as_any_other_of_its_kind():
    codes = [KEYS.code("approval", f"a{number}", "carol", "sms") for number in range(20_000)]

    found = Counter("".join(codes))
    at_first = Counter(code[0] for code in codes)

    # Every code has a digit and a letter, so a digit is a little likelier than a letter.
    for kind in ("234679", "CDFGHJKMNPQRTVWXY"):
        mean = sum(found[symbol] for symbol in kind) / len(kind)
        assert all(abs(found[symbol] - mean) < 0.06 * mean for symbol in kind)
        assert all(at_first[symbol] > 700 for symbol in kind)


def test_the_numbers_in_the_docstring_are_right():
    possible = 23**6 - 17**6 - 6**6

    assert possible == 123_851_664
    assert round(possible / 5 / 1e6, 1) == 24.8
    assert round(possible / 15 / 1e6, 1) == 8.3
    assert round(possible / 5 / 20 / 1e6, 1) == 1.2
    assert round(possible / (20 * 19 / 2), -4) == 650_000


@pytest.mark.parametrize("given", ["7k3pwx", "7K3PWX", "7K3pwX"])
def test_letter_case_does_not_matter(given):
    assert matches("7K3PWX", given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "7K3PW",
        "7K3PWXX",
        "7K3PWY",
        " 7K3PWX",
        "7K3PWX\n",
        "7\u212a3PWX",
        "7К3РWХ",
        "７Ｋ３ＰＷＸ",
        "\ud800",
    ],
)
def test_anything_else_does_not_match(given):
    assert not matches("7K3PWX", given)


def test_the_capital_of_no_other_character_is_taken_for_a_letter():
    assert not matches("7K3PFF", "7K3Pﬀ")  # its capitals are FF


def test_a_handle_gives_back_its_request_for_its_person_and_kind_only():
    handle = KEYS.handle("approval", "t1:7.x", "carol")

    assert KEYS.check_handle(handle, "approval", "carol") == "t1:7.x"
    assert KEYS.check_handle(handle, "question", "carol") is None
    assert KEYS.check_handle(handle, "approval", "dave") is None
    assert Keys(bytes(32)).check_handle(handle, "approval", "carol") is None
    assert len(handle.removeprefix("t1:7.x.")) == 32


def test_an_altered_handle_is_refused_wherever_it_is_altered():
    handle = KEYS.handle("approval", "a1", "carol")

    altered = [
        handle[:place] + char + handle[place + 1 :]
        for place in range(len(handle))
        for char in "0a.\0é\ud800"
        if handle[place] != char
    ]
    cut = [handle[:place] for place in range(len(handle))]
    more = [
        handle + "0",
        "0" + handle,
        handle.upper(),
        f"a1.{handle[3:].upper()}",
        f" {handle}",
        f"{handle}\n",
        "",
        ".",
        "a1",
        "a1.",
    ]

    for wrong in altered + cut + more:
        assert KEYS.check_handle(wrong, "approval", "carol") is None


def test_a_token_is_long_and_safe_in_an_address():
    token = KEYS.token("task1")

    assert len(bytes.fromhex(token)) * 8 == 160
    assert set(token) <= set("0123456789abcdef")  # so it spells no reserved word either
    assert matches(token, token)
    assert not matches(token, KEYS.token("task2"))


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes, found 31"):
        Keys(bytes(31))


def test_the_secret_is_not_in_the_text_of_the_keys():
    assert "secret" not in repr(Keys(b"secret" * 6))
