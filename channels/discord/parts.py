"""A reply as the messages Discord takes: cut at paragraphs, lines or words, with every fence closed. Pure.

Discord counts code points, as Python's `len` does: its API is written in Python and counts so (night of Discord in
discord/discord-api-docs issue 1315). Only its own apps count otherwise, while somebody types.
"""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator

from bot.events import Outgoing
from bot.ports import Part
from channels.discord.markdown import FENCE, to_discord

LIMIT = 2_000
LINK_LABEL = "what happened here"
LONGEST_LINK = 1_000
URL = re.compile(r"https?://[^\s<>()\[\]]+", re.IGNORECASE)
FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of them show one flag
NONCE = 25


def render(outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
    """The parts of a message; none if there is nothing to say."""
    texts = split(to_discord(outgoing.text), link=outgoing.link)
    return tuple(
        Part(
            outbox_id=outbox_id,
            number=number,
            count=len(texts),
            destination=outgoing.destination,
            text=text,
            body={"nonce": nonce(outbox_id, number)},
        )
        for number, text in enumerate(texts, start=1)
    )


def nonce(outbox_id: str, number: int) -> str:
    """The same for every try of a part: Discord makes one message of what comes twice within minutes."""
    digest = hashlib.sha256(f"{outbox_id}#{number}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:NONCE]


def link_line(url: str) -> str:
    """The link as it may stand in a message, without a preview of what is there; "" if it is none."""
    return f"[{LINK_LABEL}](<{url}>)" if URL.fullmatch(url) and len(url) <= LONGEST_LINK else ""


def split(text: str, *, link: str = "", limit: int = LIMIT) -> list[str]:
    """The text in as few parts as fit, one after the other without a loss; the last one ends with the link."""
    texts = list(_split(text, limit))
    last = link_line(link)
    if not last:
        return texts
    if texts and len(texts[-1]) + 2 + len(last) <= limit:
        return [*texts[:-1], f"{texts[-1]}\n\n{last}"]
    return [*texts, last]


def _split(text: str, limit: int) -> Iterator[str]:
    opening, start = "", 0  # the fence that the part begins in, and where in the text
    while start < len(text):
        head = f"{opening}\n" if opening else ""
        room = limit - len(head)
        if len(text) - start <= room:
            yield head + text[start:]
            return
        # Wherever it is cut, a fence may have to be closed.
        end = _cut(text, start, room - len(FENCE) - 1)
        opened = _open_after(text[start:end], opening)
        if opened and text.startswith(FENCE, end):  # it ends here anyway
            end, opened = end + len(FENCE) + 1, ""
        yield head + text[start:end] + _closing(text[start:end], opened)
        opening, start = opened, end


def _closing(piece: str, opening: str) -> str:
    if not opening:
        return ""
    return FENCE if piece.endswith("\n") else f"\n{FENCE}"


def _open_after(piece: str, opening: str) -> str:
    """The line of the fence that is open after this piece; "" if none is."""
    for line in piece.split("\n"):
        if line.startswith(FENCE):
            opening = "" if opening else line
    return opening


# ---------------------------------------------------------------- where to cut


def _cut(text: str, start: int, room: int) -> int:
    """Where the part ends: after a paragraph, a line or a word of its second half, else between characters."""
    window = text[start : start + room]
    for separator in ("\n\n", "\n", " "):
        at = window.rfind(separator, room // 2)
        if at >= 0:
            return start + _without_opening(window, at + len(separator))
    end = start + room
    return next((at for at in range(end, max(start + room // 2, end - 64), -1) if not _joined(text, at)), end)


def _without_opening(window: str, end: int) -> int:
    """A fence that would begin in the last line of the part begins the next one."""
    lines = window[:end].rstrip("\n").rpartition("\n")
    begin = len(lines[0]) + 1
    return begin if lines[1] and lines[2].startswith(FENCE) and begin > len(window) // 4 else end


def _joined(text: str, at: int) -> bool:
    """Whether a cut here would part what a person sees as one character."""
    before, after = text[at - 1], text[at]
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u200d" in (before, after)
        or "\u200b" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or (after in FLAG_LETTERS and _letters_at_end(text[:at]) % 2 == 1)
        or before == "\\"
        or after == "`"
    )


def _letters_at_end(text: str) -> int:
    return len(text) - len(text.rstrip(FLAG_LETTERS))
