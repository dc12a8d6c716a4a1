"""Shows the exact arguments of a call to the person who decides: readable, complete, and read back exactly.

The first line is the tool's name, then comes one line for each argument, sorted by name: `name: <JSON>`. If a name
is no plain name (or is `args`), one line `args: {...}` has them all. `parse_shown` reads the arguments back and
accepts no text that `shown` would not write, so whoever knows the hash of the text knows the arguments.

Line ends inside of values are escaped (`\\n`), as JSON has it; so no value can fake another line. Printable ASCII
is shown as it is. Everything else is shown as it is only if this page says so, and else escaped (`\\u202e`):

- Letters of other scripts, Latin ones with accents, pictures (emoji) and a few marks are shown:
  money, arrows, dashes, single quotes, the quotes and stops of Chinese and Japanese.
- Never shown: what cannot be seen or does not stand for itself: control, format, private and unassigned characters,
  spaces other than the ASCII one, what NFKC changes, single Hangul parts, and marks that combine with a letter. So
  an accent is shown only where it is one character with its letter, and NFC and NFD can be told apart. (The price:
  vowel signs of Indic scripts, Thai and pointed Hebrew are escaped.)
- Cyrillic, Greek and Armenian look like Latin. They are shown in a string that has no Latin letter, none of the
  other two, and at least one letter that resembles no Latin one. In a string with ASCII digits a word of them is
  not shown if it has a digit or only letters that resemble digits ("5O0"). The same holds for the few look-alikes
  in other scripts and for digits of other scripts.
- Scripts not named here (Cherokee, Coptic, Lisu, ...) and Latin letters that look like ASCII ones are never shown.
- Letters written from right to left reorder what stands beside them. They are shown only in an argument that is a
  string by itself, without Latin letters.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import JsonValue

from bot.canonical import text_hash


class NotShown(ValueError):
    """This text does not show the arguments of a call."""


def shown(tool: str, args: Mapping[str, JsonValue]) -> str:
    """The call as an approver reads it; raises ValueError for what JSON cannot hold."""
    name = tool if _TOOL.fullmatch(tool) else _json(tool)
    if all(_NAME.fullmatch(arg) and arg != "args" for arg in args):
        return "\n".join([name, *(f"{arg}: {_json(args[arg])}" for arg in sorted(args))])
    return f"{name}\nargs: {_json(dict(args))}"


def parse_shown(text: str) -> dict[str, JsonValue]:
    """The arguments that the text shows; raises NotShown for any text that `shown` did not write."""
    first, *lines = text.split("\n")
    try:
        args = _parse(lines)
        tool = json.loads(first) if first.startswith('"') else first
        exact = shown(tool, args) == text
    except (ValueError, TypeError, RecursionError) as error:
        raise NotShown(f"not the text of a call: {type(error).__name__}") from error
    if not exact:
        raise NotShown("not the text of a call: it would be written differently")
    return args


def shown_hash(text: str) -> str:
    """What identifies the text that an approver saw."""
    return text_hash(text)


def _parse(lines: list[str]) -> dict[str, JsonValue]:
    args: dict[str, JsonValue] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        args[name] = json.loads(value)
    whole = args.get("args")
    return whole if isinstance(whole, dict) else args


# ---------------------------------------------------------------- one value

_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")
_WORD = re.compile(r"\\(?:u[0-9a-f]{4}|.)|[^\W_]+|.", re.DOTALL)


def _json(value: JsonValue) -> str:
    """The value as JSON in one line without anything that cannot be seen or told apart."""
    alone = isinstance(value, str)
    return _STRING.sub(lambda found: _string(found[0], alone=alone), _ENCODER.encode(value))


def _string(literal: str, *, alone: bool) -> str:
    if literal.isascii() and "\x7f" not in literal:
        return literal
    rule = _rule(_ESCAPE.sub("", literal), alone=alone)
    return "".join(_word(word, rule) for word in _WORD.findall(literal))


def _word(word: str, rule: "_Rule") -> str:
    if word.isascii() and word != "\x7f":
        return word
    counted = rule.digits and (any(map(_is_digit, word)) or all(map(_is_like_digit, word)))
    return "".join(char if rule.shows(char, counted=counted) else _escaped(char) for char in word)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


# ---------------------------------------------------------------- what is shown

Kind = Literal["hidden", "plain", "latin", "apart", "look-alike", "CYRILLIC", "GREEK", "ARMENIAN"]

_ALPHABETS: Mapping[Kind, str] = {
    "CYRILLIC": "ДЖИЙЛФЦЧШЩЪЫЭЮЯЂЃЄЇЉЊЋЎҐҒҖҚҢҰҺӘӢӨдджийлфцчшщъыэюяђєїљњћґғҗқңәөӣ",
    "GREEK": "ΓΔΘΛΞΠΣΦΨΩδζθλξπφψΏ",
    "ARMENIAN": "ԲԴԺԽԾՁՃՇՉՋԹՓՖբդժխծկձճշչպջֆ",
}
"""The alphabets that look like Latin, and their letters that resemble no Latin one."""

_APART = (
    "CJK UNIFIED IDEOGRAPH", "HIRAGANA LETTER", "KATAKANA LETTER", "KATAKANA-HIRAGANA PROLONGED",
    "IDEOGRAPHIC ITERATION", "BOPOMOFO LETTER", "HANGUL SYLLABLE", "ARABIC LETTER", "HEBREW LETTER",
    "DEVANAGARI LETTER", "BENGALI LETTER", "GURMUKHI LETTER", "GUJARATI LETTER", "ORIYA LETTER", "TAMIL LETTER",
    "TELUGU LETTER", "KANNADA LETTER", "MALAYALAM LETTER", "SINHALA LETTER", "THAI CHARACTER", "LAO LETTER",
    "TIBETAN LETTER", "MYANMAR LETTER", "KHMER LETTER", "GEORGIAN LETTER", "ETHIOPIC SYLLABLE",
)  # fmt: skip
_LOOK_ALIKES = frozenset("ଠഠടഽჿყხဝငဂዐሀፐ一丨丿丶口ノロニハוןסטاهہەھ؟،ॽ")  # noqa: RUF001
_LIKE_DIGITS = frozenset("ОоЗзбІіӀӏЧΟοΙιΊίՕօ") | _LOOK_ALIKES
_LATIN = frozenset("ÆæÐðØøÞþßẞĐđĦħŁłŊŋŒœŦŧƏə")
_MARKS = frozenset("–—’‘«»¿¡§©®°·÷±¢£¥€₦₩₪₫₱₴₸₹₺₽→←↑↓、。「」『』・〜〈〉《》【】।")  # noqa: RUF001
_PICTURES = (
    range(0x2600, 0x2758), range(0x2761, 0x2794), range(0x1F300, 0x1F650), range(0x1F680, 0x1F700),
    range(0x1F900, 0x1FB00),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one string allows."""

    own: bool  # look-alikes may be shown
    right_to_left: bool
    digits: bool

    def shows(self, char: str, *, counted: bool) -> bool:
        """Whether the character is shown as it is; `counted` words have digits, or what resembles them."""
        kind = _kind(char)
        if kind in ("hidden", "plain", "latin"):
            return kind != "hidden"
        if unicodedata.bidirectional(char) in ("R", "AL", "AN") and not self.right_to_left:
            return False
        if kind == "apart":
            return True
        return self.own and (not counted or char in _ALPHABETS.get(kind, ""))


def _rule(string: str, *, alone: bool) -> _Rule:
    kinds = {char: _kind(char) for char in set(string)}
    latin = "latin" in kinds.values()
    alphabets = _ALPHABETS.keys() & set(kinds.values())
    clear = any(char in _ALPHABETS[kind] for char, kind in kinds.items() if kind in alphabets)
    return _Rule(
        own=not latin and (clear and len(alphabets) == 1 if alphabets else "apart" in kinds.values()),
        right_to_left=alone and not latin,
        digits=any(map(_is_digit, kinds)),
    )


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9"


def _is_like_digit(char: str) -> bool:
    return char in _LIKE_DIGITS or char.isdecimal()


@lru_cache(maxsize=4096)
def _kind(char: str) -> Kind:
    if char.isascii():
        return "latin" if char.isalpha() else "plain" if char.isprintable() else "hidden"
    if char in _MARKS:
        return "plain"
    if char in _LOOK_ALIKES:
        return "look-alike"
    if unicodedata.normalize("NFKC", char) != char:
        return "hidden"
    match unicodedata.category(char):
        case "So" | "Sk":
            return "plain" if any(ord(char) in pictures for pictures in _PICTURES) else "hidden"
        case "Lu" | "Ll" | "Lo" | "Lm":
            return _letter(char)
        case "Nd":
            return "look-alike"
        case _:
            return "hidden"


def _letter(char: str) -> Kind:
    name = unicodedata.name(char, "")
    if char in _LATIN or (name.startswith("LATIN ") and unicodedata.normalize("NFD", char)[0].isascii()):
        return "latin"
    if name.startswith(_APART):
        return "apart"
    for alphabet in _ALPHABETS:
        if name.startswith(f"{alphabet} "):
            return alphabet
    return "hidden"
