import re

import pytest
from hypothesis import example, given, settings, strategies as st

from bot.codes import ALPHABET
from bot.grammar import Answer, Approve, Reject, Unclear, codes_in, read, without_codes

CODE = "7K3PWX"
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

# ---------------------------------------------------------------- what decides

APPROVALS = [
    "OK 7K3PWX", "ok 7k3pwx", "Ok 7K3pwx", "oK 7K3PWX", " OK  7K3PWX ", "OK\t7K3PWX\n", "\r\nOK\r\n7K3PWX\r\n",
    "OK 7K3PWX.", "ok 7k3pwx. ", "OK 7K3PWX .\n", "ＯＫ　７Ｋ３ＰＷＸ", "ｏｋ ７ｋ３ｐｗｘ", "OK 7K3PWX．",
]  # fmt: skip

REJECTIONS = {
    "NO 7K3PWX": "",
    "no 7k3pwx": "",
    "No 7K3PWX.": "",
    " NO\n7K3PWX \n": "",
    "NO 7K3PWX because the tests fail": "the tests fail",
    "no 7k3pwx Because: the tests fail": "the tests fail",
    "NO 7K3PWX, wait until Monday.": "wait until Monday.",
    "NO 7K3PWX: too late": "too late",
    "NO 7K3PWX:too late": "too late",
    "NO 7K3PWX, because   it is  late ": "it is  late",
    "NO 7K3PWX. Because of Bob": "of Bob",
    "NO 7K3PWX because": "",
    "NO 7K3PWX becausetests": "becausetests",
    "NO 7K3PWX but OK": "but OK",
    "NO 7K3PWX use tag v1.2\nand tell Ann": "use tag v1.2\nand tell Ann",
    "NO 7K3PWX слишком поздно": "слишком поздно",
    "ＮＯ　７Ｋ３ＰＷＸ　ＴＯＯ　ＬＡＴＥ": "ＴＯＯ　ＬＡＴＥ",
    "NO 7K3PWX STOP": "STOP",
}

ANSWERS = {
    "7K3PWX 2": "2",
    "7k3pwx the blue one": "the blue one",
    "7K3PWX: staging": "staging",
    "7K3PWX, both\nof them": "both\nof them",
    " 7K3PWX\n1. ": "1.",
    "７Ｋ３ＰＷＸ　２": "２",
    "7K3PWX OK": "OK",
    "7K3PWX yes": "yes",
    "7K3PWX 👍": "👍",
}


@pytest.mark.parametrize("text", APPROVALS)
def test_ok_and_the_code_approves(text):
    assert read(text) == Approve(CODE)


@pytest.mark.parametrize("text", REJECTIONS)
def test_no_and_the_code_rejects_with_the_comment_as_it_was_written(text):
    assert read(text) == Reject(CODE, REJECTIONS[text])


@pytest.mark.parametrize("text", ANSWERS)
def test_the_code_first_answers_a_question(text):
    assert read(text) == Answer(CODE, ANSWERS[text])


# ---------------------------------------------------------------- what looks like it and does not

WITH_THE_CODE = [
    # the code with another word, or more than the word
    "YES 7K3PWX", "Y 7K3PWX", "YEP 7K3PWX", "K 7K3PWX", "OKAY 7K3PWX", "OKE 7K3PWX", "O K 7K3PWX", "0K 7K3PWX",
    "OK OK 7K3PWX", "OK NO 7K3PWX", "NO OK 7K3PWX", "NOT OK 7K3PWX", "OKNO 7K3PWX", "NOPE 7K3PWX", "N0 7K3PWX",
    "APPROVE 7K3PWX", "approved 7K3PWX", "REJECT 7K3PWX", "CONFIRM 7K3PWX", "GO 7K3PWX", "+1 7K3PWX", "👍 7K3PWX",
    "I say OK 7K3PWX", "please OK 7K3PWX", "Re: OK 7K3PWX", "Fwd: OK 7K3PWX", "bot OK 7K3PWX", "/OK 7K3PWX",
    "<@U123> OK 7K3PWX", "ok, 7K3PWX", "ok: 7K3PWX", "ok. 7K3PWX", "OK-7K3PWX", "OK#7K3PWX", "OK/7K3PWX",
    "OK7K3PWX", "NO7K3PWX", "OK (7K3PWX)", "OK [7K3PWX]", "OK <7K3PWX>", "OK <code> 7K3PWX", "OK *7K3PWX*",
    "*OK 7K3PWX*", "_OK 7K3PWX_", "`OK 7K3PWX`", '"OK 7K3PWX"', "'OK 7K3PWX'", "“OK 7K3PWX”", "(OK 7K3PWX)",
    # something after it
    "OK 7K3PWX but change the tag", "OK 7K3PWX?", "OK 7K3PWX!", "OK 7K3PWX ?", "OK 7K3PWX..", "OK 7K3PWX...",
    "OK 7K3PWX. Thanks", "OK 7K3PWX thanks", "OK 7K3PWX, go", "OK 7K3PWX 👍", "OK 7K3PWX then NO", "OK 7K3PWX :)",
    "OK 7K3PWX\nSent from my iPhone", "OK 7K3PWX\n--\nCarol", "OK 7K3PWX if the tests pass", "OK 7K3PWX tomorrow",
    "OK 7K3PWX aber nur staging", "OK 7K3PWX mais demain", "OK 7K3PWX pero no hoy", "OK 7K3PWX но завтра",
    "OK 7K3PWX except prod", "OK 7K3PWX not", "OK 7K3PWX;", "OK 7K3PWX,", "OK 7K3PWX:", "OK 7K3PWX。",
    # the code elsewhere, twice, or another one besides
    "7K3PWX", "7K3PWX.", "7K3PWX?", "7K3PWX!", "7K3PWX?!", "is it OK 7K3PWX", "the code is 7K3PWX", "code 7K3PWX",
    "OK 7K3PWX 7K3PWX", "OK 7K3PWX OK 7K3PWX", "OK 7K3PWX OK 4C9DFG", "OK 7K3PWX 4C9DFG", "OK 7K3PWX and 4C9DFG",
    "NO 7K3PWX I meant OK 7K3PWX", "NO 7K3PWX, OK 4C9DFG", "7K3PWX 7K3PWX", "7K3PWX 4C9DFG", "NO 7K3PWX\nOK4C9DFG",
    "4C9DFG OK 7K3PWX", "OK\n7K3PWX\n7K3PWX", "NO OK 7K3PWX 4C9DFG",
    # quoted and forwarded
    "> OK 7K3PWX", ">OK 7K3PWX", "＞ OK 7K3PWX", "OK 7K3PWX\n> Reply OK 7K3PWX", "> > OK 7K3PWX\nlooks fine",
    "NO 7K3PWX no\n> deploy?", "7K3PWX 2\n> which one?", "NO 7K3PWX x\r> deploy?", "NO 7K3PWX\n \t> quoted",
    "On Mon, Carol wrote:\n> OK 7K3PWX", "---- Forwarded ----\nOK 7K3PWX", "Carol: OK 7K3PWX", "| OK 7K3PWX",
    "Ann asks: may I deploy? Reply OK 7K3PWX or NO 7K3PWX with a reason, please, until noon",
    # comments that are none
    "NO 7K3PWX?", "NO 7K3PWX!", "NO 7K3PWX ?", "NO 7K3PWX ...", "NO 7K3PWX 👍", "NO 7K3PWX 👎", "NO 7K3PWX-",
    "NO 7K3PWX \u200b", "NO 7K3PWXX", "NO 7K3PWX5",
    # reserved words of the carrier
    "STOP 7K3PWX", "CANCEL 7K3PWX", "END 7K3PWX", "QUIT 7K3PWX", "START 7K3PWX", "UNSTOP 7K3PWX", "HELP 7K3PWX",
    "INFO 7K3PWX", "STOPALL 7K3PWX", "UNSUBSCRIBE 7K3PWX",
    # other languages
    "JA 7K3PWX", "OUI 7K3PWX", "SI 7K3PWX", "DA 7K3PWX", "はい 7K3PWX", "好 7K3PWX", "да 7K3PWX", "нет 7K3PWX",
    "네 7K3PWX", "نعم 7K3PWX", "כן 7K3PWX", "हाँ 7K3PWX", "ναι 7K3PWX", "NEIN 7K3PWX", "NON 7K3PWX",
]  # fmt: skip

DISGUISED = [
    # homoglyphs in the word, in the code, in both
    "ОK 7K3PWX", "OК 7K3PWX", "ОК 7K3PWX", "ΟΚ 7K3PWX", "O\u212a 7K3PWX", "NО 7K3PWX", "ΝΟ 7K3PWX", "Օk 7K3PWX",
    "OK 7К3PWX", "OK 7K3РWX", "OK 7K3PWХ", "OK 7\u212a3PWX", "OK 7Κ3PWX", "OK 7K3ᏢWX", "OK 7KЗPWX", "ОК 7К3РWХ",
    "𝐎𝐊 7K3PWX", "OK 𝟕𝐊𝟑𝐏𝐖𝐗", "OK ７𝐊3PWX", "ⓄⓀ 7K3PWX", "🅾🅺 7K3PWX", "OK ⁷K³PWX", "OK ٧K٣PWX", "OK 7K౩PWX",
    "\U0001f197 7K3PWX", "OK\u0301 7K3PWX", "OK 7K3PWX\u0301", "OK 7\u0301K3PWX", "OK 7K3PWX\ufe0f",
    # invisible and bidirectional characters
    "O\u200bK 7K3PWX", "OK\u200b 7K3PWX", "OK \u200b7K3PWX", "OK 7K3\u200bPWX", "OK 7K3PWX\u200b", "\u200bOK 7K3PWX",
    "OK\u200d 7K3PWX", "OK 7K3\u200cPWX", "\ufeffOK 7K3PWX", "OK 7K3PWX\ufeff", "OK \u00ad7K3PWX", "OK 7K3\u00adPWX",
    "\u202eXWP3K7 KO", "\u202eOK 7K3PWX", "OK \u202e7K3PWX\u202c", "OK \u20667K3PWX\u2069", "\u200fOK 7K3PWX",
    "OK 7K3PWX\u200e", "OK\u061c 7K3PWX", "OK 7K3\u2060PWX", "OK 7K3PWX\U000e0001", "OK 7K3PWX\u180e",
    # spaces that are none of ours, and control characters
    "OK\u00a07K3PWX", "OK\u20037K3PWX", "OK\u202f7K3PWX", "OK\u20287K3PWX", "OK\u00857K3PWX", "OK\x0b7K3PWX",
    "OK\x0c7K3PWX", "OK\x1f7K3PWX", "OK\x007K3PWX", "OK 7K3PWX\x00", "\x00OK 7K3PWX", "OK 7K3PWX\x7f", "OK\x087K3PWX",
    "OK 7K3PWX\u2028", "OK 7K3PWX\ud800", "OK 7K3\x00PWX", "NO\u00a07K3PWX", "NO\u200b 7K3PWX", "NО 7K3PWX no",
]  # fmt: skip

WITHOUT_A_CODE = [
    "ok", "OK", "Ok.", "ok!", "ok?", "OK 👍", "okay", "okie dokie", "k", "kk", "y", "n", "yes", "YES", "Yes!", "yes?",
    "yes but change the tag", "yep", "yeah", "yup", "sure", "sure thing", "fine", "go", "go ahead", "do it",
    "ship it", "ship it 🚀", "lgtm", "LGTM!!", "looks good", "sounds good to me", "approved", "approve", "I approve",
    "accept", "confirm", "confirmed", "please go ahead", "yes please", "ok thanks", "ok cool", "of course",
    "no", "No.", "no!", "nope", "nah", "no thanks", "not ok", "do not", "don't", "don’t do it", "reject", "rejected",
    "deny", "denied", "never", "cancel", "cancel it", "CANCEL", "abort", "stop it", "ok no", "no wait ok",
    "👍", "👍🏽", "👎🏿", "✅", "❌", "🆗", "👌🏻", "💯", "👍👍👍", ":+1:", ":thumbsup:", ":white_check_mark:",
    "+1", "-1",
    "ja", "Ja bitte", "jo passt", "nein", "oui", "d'accord", "non", "sí", "si claro", "vale", "da", "да", "ок", "нет",
    "хорошо", "так", "ні", "tak", "nie", "sim", "não", "ano", "evet", "hayır", "igen", "kyllä", "ei", "ναι", "όχι",
    "はい", "はい、お願いします", "いいえ", "承認", "好", "好的。", "同意", "不行", "네", "아니요", "हाँ", "नहीं",
    "नहीं।", "نعم", "لا", "כן", "לא", "ใช่", "có", "không",
    # said aloud, spelled, torn apart, mistyped
    "oh kay 4 8", "okay seven k three p w x", "OK 7 K 3 P W X", "ok 7k3 pwx", "OK 7-K-3-P-W-X", "OK 7K3-PWX",
    "ok seven k 3 pwx", "OK 7K3PW", "OK 7K3PWXX", "OK 7K3PWO", "OK code", "OK <code>", "OK CODE.", "ok 123456",
    "ok 234679", "OK CRYPTX", "no 7", "ＯＫ", "𝐎𝐊", "o\u200bk", "*ok*", "> ok", '"yes"', "(ok)", "- ok", "ok\n\nCarol",
]  # fmt: skip

AMBIGUOUS = WITH_THE_CODE + DISGUISED + WITHOUT_A_CODE


def test_the_corpus_is_large_and_has_no_text_twice():
    assert len(AMBIGUOUS) == len(set(AMBIGUOUS)) >= 350


def test_no_ambiguous_text_decides():
    decided = [text for text in AMBIGUOUS if isinstance(read(text), Approve | Reject | Answer)]

    assert decided == []


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_looks_like_a_decision_is_asked_again(text):
    assert isinstance(read(text), Unclear)


@pytest.mark.parametrize("word", RESERVED)
@pytest.mark.parametrize("form", ["{}", "{}.", "{} 7K3PWX", "7K3PWX{}", "OK {}", "NO {}"])
def test_the_words_that_the_carrier_keeps_for_itself_decide_nothing(word, form):
    for text in (form.format(word), form.format(word).lower()):
        assert read(text) is None or isinstance(read(text), Unclear)


def test_what_is_shaped_like_a_code_is_told_once_each_and_in_capitals():
    assert read("ok 7k3pwx or 4C9DFG, or 7K3PWX?") == Unclear(("7K3PWX", "4C9DFG"))
    assert read("OK7k3pwx") == Unclear(("7K3PWX",))
    assert read("ok thanks") == Unclear(())


@pytest.mark.parametrize("text", ["7\u200bK3PWX", "𝟕𝐊𝟑𝐏𝐖𝐗", "7K3\u00adPWX", "7K\u03013PWX"])
def test_a_disguised_code_is_an_attempt_but_no_guess(text):
    assert read(text) == Unclear()


ORDINARY = [
    "", " \n", "?", "!!", "hello", "Yesterday I was in Linz", "Yesterday...", "Nobody told me", "Okapi are nice",
    "no idea what you mean about the invoice, can you explain?", "Nothing yet", "Gold is up", "Is it ok?",
    "ok so I looked at the report and there are two things", "What is this?", "who asked for that", "Janet called",
    "No, I have not seen the report that you sent on Monday", "yes I know, Bob told me about it this morning",
    "Siehst du das auch?", "Nächste Woche", "Danke", "the deploy starts at 5", "INV-2034 is paid", "call 123456",
    "deploy staging please", "k8s is down", "+15 points", "y'all come", "наверное", "нетто 5", "好久不见", "いいえば",
    "abcdef", "CRYPTX", "234679", "A7K3PWX", "7K3PWXA", "7K3PWX7K3PWX", "é7K3PWX",
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text):
    assert read(text) is None


def test_up_to_six_words_are_unclear_for_their_first_one_and_seven_are_not():
    assert read("no that is not what I") == Unclear()
    assert read("no that is not what I meant") is None


# ---------------------------------------------------------------- against a second definition

_SYMBOLS = "[234679CDFGHJKMNPQRTVWXYcdfghjkmnpqrtvwxy]"
_FULL = {chr(0xFF00 + n - 0x20): chr(n) for n in range(0x21, 0x7F)} | {"\u3000": " "}


def reference(text):
    """The same grammar written another way: by cutting the text at its spaces."""
    plain = "".join(_FULL.get(char, char) for char in text)
    line = " ".join(word for word in re.split("[ \t\r\n]", plain) if word)
    found = re.match(rf"(ok |no |)({_SYMBOLS}{{6}})( ?[,:]| ?\.(?= |$)| |$)(.*)", line, re.I | re.A | re.S)
    if found is None or found[2].isdigit() or found[2].isalpha():
        return None
    match found[1].lower(), found[3].strip(), found[4].strip():
        case "ok ", "" | ".", "":
            return "approve"
        case "no ", _, _ if not _has_quoted_line(plain):
            return "reject"
        case "", _, answer if answer and not _has_quoted_line(plain):
            return "answer"
    return None


def _has_quoted_line(text):
    return any(line.strip(" \t").startswith(">") for line in re.split("[\r\n]", text))


PIECES = st.sampled_from(
    [
        "OK", "ok", "NO", "no", "Ok", "YES", "7K3PWX", "7k3pwx", "4C9DFG", "７Ｋ３ＰＷＸ", "ＯＫ", "234679", "CRYPTX",
        " ", " ", " ", "  ", "\t", "\n", "\r\n", "\u3000", ".", ",", ":", "?", "!", ">", "because", "but", "2", "👍",
        "\u200b", "\u00a0", "К", "\u212a", "\u0301", "\x00", "x", "because the tests fail",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=7).map("".join) | st.text(max_size=30)
NEAR = st.tuples(
    st.sampled_from(APPROVALS + list(REJECTIONS) + list(ANSWERS)),
    st.integers(0, 40),
    st.characters(),
    st.booleans(),
).map(lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + drawn[3] :])


@settings(max_examples=3_000)
@example("OK 7K3PWX\u212a")
@given(TEXTS | NEAR)
def test_whatever_decides_also_fits_the_grammar_as_written_a_second_time(text):
    found = read(text)

    decided = {Approve: "approve", Reject: "reject", Answer: "answer"}.get(type(found))

    assert decided in (None, reference(text))


@settings(max_examples=500)
@given(
    st.text(ALPHABET, min_size=6, max_size=6).filter(lambda code: not code.isdigit() and not code.isalpha()),
    st.text(" \t\r\n", max_size=4),
    st.text(" \t\r\n", min_size=1, max_size=4),
    st.sampled_from(["OK", "ok", "Ok"]),
    st.sampled_from(["", "."]),
)
def test_every_code_approves_with_any_spaces_and_letter_case(code, around, between, word, dot):
    assert read(f"{around}{word}{between}{code.lower()}{dot}{around}") == Approve(code)
    assert reference(f"{around}{word}{between}{code}{dot}{around}") == "approve"


@settings(max_examples=500)
@given(st.text(max_size=60))
def test_a_comment_is_kept_as_it_was_written(comment):
    found = read(f"NO 7K3PWX, {comment}")

    if isinstance(found, Reject) and not comment.strip().lower().startswith("because"):
        assert found.reason == comment.strip()


# ---------------------------------------------------------------- codes in what others wrote


def test_of_what_is_shaped_like_a_code_only_real_ones_are_taken_out():
    text = "> OK 7K3PWX\n> or no 7k3pwx.\nHP4427 and ＯＫ　７Ｋ３ＰＷＸ, not 7K3PWXA"

    assert codes_in(text) == ["7K3PWX", "7K3PWX", "HP4427", "7K3PWX"]
    assert without_codes(text, {CODE}) == "> OK [code]\n> or no [code].\nHP4427 and ＯＫ　[code], not 7K3PWXA"


@given(st.text(), st.sets(st.text(ALPHABET, min_size=6, max_size=6)))
def test_text_without_a_code_stays_as_it_is(text: str, codes: set[str]) -> None:
    assert codes_in(text) or without_codes(text, codes) == text
