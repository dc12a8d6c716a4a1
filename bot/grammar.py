"""Reads what a person wrote as a decision, or does not: only an exact small grammar decides.

    OK <code>                 approves; spaces and one final dot may follow, nothing else
    NO <code> [<comment>]     rejects; the comment may begin with "because", "," or ":", which is left out
    <code> <answer>           answers a question; what the answer means is for whoever asked

Any letter case; any spaces, tabs and line ends around and between the words; after the code of a rejection or an
answer also one comma, colon or dot. Fullwidth forms of ASCII count as ASCII, because Asian keyboards write them.
Nothing else that is not ASCII counts as anything: look-alikes of other scripts and invisible characters spoil the
word or the code. A code has six characters of the alphabet, with a digit and a letter.

Never a decision: a text with two codes or with one code twice; one with a quoted line (">"); a rejection whose
comment has no letter or digit ("?", a thumbs-up); a code or a word alone; any other word (YES is Twilio's).

What does not decide is `Unclear` if it looks like an attempt:
- it has something shaped like a code, standing alone or right after OK or NO, in a text of any length (also one
  that only looks like it for its invisible characters or variants of ASCII); or
- it begins with a word or sign of yes or no (`_WORDS`; quotes, stars and the like before it do not count) and has
  at most six words. Three or more single characters in a row ("7 K 3 P W X") count as one word.

So "ok thanks" is unclear, and "no idea what you mean about the invoice" is ordinary text, as is "Yesterday ...".
Only ask about `Unclear` where the person has something to decide on that channel. Its `code_like` are guesses:
compare them only if each wrong one counts as a wrong try, or the answer tells a guesser what is right.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from bot.codes import ALPHABET, LENGTH

MOST_WORDS = 6  # of a text that is unclear for its first word alone

Control = Literal["stop", "pause", "resume"]


@dataclass(frozen=True, slots=True)
class Approve:
    """An exact yes."""

    code: str


@dataclass(frozen=True, slots=True)
class Reject:
    """An exact no, with the person's comment as they wrote it."""

    code: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answers to a question. To an approval it says nothing, not even if the text is "OK"."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Decides nothing but looks as if it were meant to; `code_like` is what is shaped like a code, in capitals."""

    code_like: tuple[str, ...] = ()


Reading = Approve | Reject | Answer | Unclear

_SPACE = r"[ \t\r\n]"
_SYMBOL = f"[{ALPHABET}{ALPHABET.lower()}]"
_CODE = rf"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z]){_SYMBOL}{{{LENGTH}}}(?![^\W_])"
_AFTER = rf"(?:{_SPACE}*[,:]|{_SPACE}*\.(?={_SPACE}|\Z)|(?={_SPACE}|\Z))"

_APPROVE = re.compile(rf"{_SPACE}*[Oo][Kk]{_SPACE}+({_CODE}){_SPACE}*(?:\.{_SPACE}*)?")
_REJECT = re.compile(rf"{_SPACE}*[Nn][Oo]{_SPACE}+({_CODE}){_AFTER}(.*)", re.DOTALL)
_ANSWER = re.compile(rf"{_SPACE}*({_CODE}){_AFTER}(.*)", re.DOTALL)
_CODE_LIKE = re.compile(rf"(?<![^\W_])(?:[Oo][Kk]|[Nn][Oo])?({_CODE})")
_QUOTED = re.compile(r"(?:\A|[\r\n])[ \t]*>")
_BECAUSE = re.compile(r"because(?!\w)\s*[,:]?\s*", re.IGNORECASE)
_CONTROL = re.compile(
    rf"{_SPACE}*(?:<@!?[A-Z0-9]+(?:\|[^<>\n]*)?>[,:]?{_SPACE}*|@[A-Za-z0-9._-]+[,:]?{_SPACE}+)?"
    rf"([Ss][Tt][Oo][Pp]|[Pp][Aa][Uu][Ss][Ee]|[Rr][Ee][Ss][Uu][Mm][Ee]){_SPACE}*(?:[.!]{_SPACE}*)?"
)

_WIDE = {0xFF01 + n: chr(0x21 + n) for n in range(94)} | {0x3000: " "}


def read(text: str) -> Reading | None:
    """What the text decides; `Unclear` if it may have been meant to decide; None for ordinary text."""
    folded = text.translate(_WIDE)  # one character for one, so places in it are places in the text
    codes = codes_in(text)
    if len(codes) == 1 and not _QUOTED.search(folded) and (decision := _decision(text, folded, codes[0])):
        return decision
    if codes or _begins_like_a_decision(folded) or _CODE_LIKE.search(_loose(text)):
        return Unclear(tuple(dict.fromkeys(codes)))
    return None


def codes_in(text: str) -> list[str]:
    """Whatever is shaped like a code, in capitals."""
    return [found[1].upper() for found in _CODE_LIKE.finditer(text.translate(_WIDE))]


def without_codes(text: str, codes: Collection[str]) -> str:
    """The text with a word for each of these codes."""
    kept, end = [], 0
    for found in _CODE_LIKE.finditer(text.translate(_WIDE)):
        if found[1].upper() in codes:
            kept += [text[end : found.start(1)], "[code]"]
            end = found.end(1)
    return "".join((*kept, text[end:]))


def control(text: str) -> Control | None:
    """The one word that steers the bot, if the whole message is that word, with or without a mention before it."""
    found = _CONTROL.fullmatch(text.translate(_WIDE))
    return cast(Control, found[1].lower()) if found else None


def _decision(text: str, folded: str, code: str) -> Approve | Reject | Answer | None:
    if _APPROVE.fullmatch(folded):
        return Approve(code)
    if found := _REJECT.fullmatch(folded):
        reason = _without_because(text[found.start(2) :].strip())
        return Reject(code, reason) if not reason or any(map(str.isalnum, reason)) else None
    if (found := _ANSWER.fullmatch(folded)) and (answer := text[found.start(2) :].strip()):
        return Answer(code, answer)
    return None


def _without_because(comment: str) -> str:
    lead = _BECAUSE.match(comment)
    return comment[lead.end() :] if lead else comment


# ---------------------------------------------------------------- what looks like an attempt

# "stop" and "cancel" stand here as words that people use for no; they never decide.
_WORDS = """
    ok|okay|okey|okie|okej|oke|oki|oh kay|o k|k|kk|yes|y|yep|yeah|yup|ya|aye|ja|jo|oui|ouais|si|sí|da|sim|tak|ano|
    evet|igen|kyllä|vale|claro|bien|gut|passt|daccord|d'accord|n|no|nope|nah|nay|nein|nee|ne|non|não|nao|nej|nie|
    ei|hayır|hayir|never|don't|dont|do not|not ok|approve|approved|approving|approval|accept|accepted|agree|agreed|
    reject|rejected|rejecting|decline|declined|deny|denied|refuse|refused|cancel|cancelled|canceled|abort|stop|
    go|go ahead|go for it|do it|please do|proceed|confirm|confirmed|sure|fine|correct|right|absolutely|
    of course|definitely|lgtm|looks good|sounds good|all good|ship it|i approve|i agree|i accept|i reject|i deny|
    i confirm|please approve|please reject|please go ahead|yes please|no thanks|permission granted|
    genehmigt|einverstanden|abgelehnt|freigegeben|approuvé|aprobado|rechazado|
    +1|-1|thumbsup|thumbs up|thumbsdown|thumbs down|white_check_mark|heavy_check_mark|ok_hand|
    ок|окей|да|ага|нет|не|хорошо|согласен|одобряю|так|ні|ναι|οκ|όχι|はい|いいえ|いいよ|了解|承認|承認します|却下|
    是|是的|好|好的|可以|同意|不|不是|不行|不同意|否|否決|네|예|응|아니요|아니오|좋아요|승인|हाँ|हां|नहीं|ठीक है|
    نعم|لا|موافق|כן|לא|בסדר|ใช่|ไม่|ตกลง|có|được|không
"""  # noqa: RUF001
_SIGNS = "👍👎👌🙆🙅✅☑✔✓❌✖✗❎🆗🆖🚫⛔🛑💯🫡🤝✋🤚🙏🟢🔴⭕🤙👏🙌"
_MOST_READ = 200  # for the first word


def _loose(text: str) -> str:
    """Folded as far as it goes, for what may have been meant: no case, no variants, no marks, nothing invisible."""
    text = unicodedata.normalize("NFKD", text).casefold().replace("\u2019", "'")
    return "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Mn", "Me"))


_BEGINS = re.compile(
    r"[\W_]*?(?:[{}]|(?:{})(?!'?[^\W_]))".format(
        _SIGNS, "|".join(re.escape(_loose(word.strip())) for word in _WORDS.split("|"))
    )
)
_SPELLED = re.compile(r"(?<!\w)\w(?: \w(?!\w)){2,}")


def _begins_like_a_decision(text: str) -> bool:
    if not _BEGINS.match(_loose(text[:_MOST_READ])):
        return False
    return len(_SPELLED.sub("-", " ".join(text.split())).split()) <= MOST_WORDS
