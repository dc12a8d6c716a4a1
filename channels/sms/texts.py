"""A reply as one text message: whole if it takes at most three segments, else cut, with a pointer to the rest.

A request for approval is shown as it is, or not at all: who says yes must have seen every character of it.
"""

import re
import unicodedata
from collections.abc import Callable

from bot.errors import SendFailed
from bot.events import Outgoing
from bot.ports import Part
from channels.sms.plain import plain
from channels.sms.segments import MOST_SEGMENTS, cheapest, segments

MORE = "... more: "
CUT = "... (cut; ask for the rest)"
LONG = 20_000
"""More than this is not even read as Markdown: a few hundred characters are left of it anyway."""

# Control characters other than the line break, what takes no room, and what turns the direction of the rest.
HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
LINK = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f<>]+", re.IGNORECASE)
FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of them show one flag


def render(outbox_id: str, outgoing: Outgoing, *, body: dict[str, object]) -> tuple[Part, ...]:
    """The one part of a message; none if there is nothing to say."""
    text = as_it_is(outgoing.text) if outgoing.request else shortened(outgoing.text, link=outgoing.link)
    if not text.strip():
        return ()
    return (Part(outbox_id, 1, 1, destination=outgoing.destination, text=text, body=body),)


def fits(text: str) -> bool:
    """Whether the text goes out whole and unchanged."""
    return not HIDDEN.search(text) and segments(text) <= MOST_SEGMENTS


def as_it_is(text: str) -> str:
    if HIDDEN.search(text):
        raise SendFailed("it holds characters that a phone does not show, so it cannot be asked by text",
                         kind="final")  # fmt: skip
    if (count := segments(text)) > MOST_SEGMENTS:
        raise SendFailed(
            f"it takes {count} text messages, more than {MOST_SEGMENTS}, and a request is never cut",
            kind="final",
        )
    return text


def shortened(markdown: str, *, link: str = "") -> str:
    """Markdown as plain text of at most three segments."""
    text = _cleaned(plain(_cleaned(markdown[:LONG])))
    whole = cheapest(text)
    if len(markdown) <= LONG and segments(whole) <= MOST_SEGMENTS:
        return whole
    pointers = (MORE + link, CUT) if LINK.fullmatch(link) else (CUT,)
    return next(filter(None, (_cut(text, pointer) for pointer in pointers)), "")


def _cleaned(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return HIDDEN.sub("", text).strip()


# ---------------------------------------------------------------- cutting


def _cut(text: str, pointer: str) -> str:
    """As much of the text as fits before the pointer; nothing if that is not a single character."""

    def fitting(end: int) -> bool:
        return segments(cheapest(text[:end].rstrip() + pointer)) <= MOST_SEGMENTS

    kept = text[: _word_end(text, _last(fitting, len(text)))].rstrip()
    return cheapest(kept + pointer) if kept else ""


def _last(true: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` for which it is true; it is false for all that are larger."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if true(middle) else (low, middle - 1)
    return low


def _word_end(text: str, end: int) -> int:
    """The end of the last whole word; within a word only if it alone fills more than half."""
    if end == len(text) or text[end].isspace():
        return end
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    if space >= end // 2 and space > 0:
        return space
    return next((at for at in range(end, max(0, end - 32), -1) if not _joined(text, at)), end)


def _joined(text: str, at: int) -> bool:
    """Whether a cut here would split what a person sees as one character."""
    before, after = text[at - 1], text[at]
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or (after in FLAG_LETTERS and _letters_at_end(text[:at]) % 2 == 1)
    )


def _letters_at_end(text: str) -> int:
    return len(text) - len(text.rstrip(FLAG_LETTERS))
