"""A reply as the messages Slack takes: cut at paragraphs, lines or words, never inside a link or entity."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.events import Outgoing
from bot.ports import Part
from channels.slack.mrkdwn import Line, Span, escape, lines, safe_url, write

LIMIT = 3_500
"""Slack advises 4,000 characters a message and cuts at 40,000. Counted in UTF-16 units, to be safe."""
LINK_LABEL = "what happened here"
EVENT_TYPE = "saywhen_reply"
FENCE = "```"
HARMLESS = re.compile(r"[\w\s.,;:!?'\"()/*-]*", re.ASCII)
FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of them show one flag
FENCE_COST = 2 * len(FENCE) + 2


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: `T/C/root`, `T/C`, or `T/U` for the DM with a person."""

    team: str
    channel: str
    thread: str = ""

    @classmethod
    def parse(cls, text: str) -> "Destination":
        team, channel, thread, *_ = [*text.split("/"), "", ""]
        return cls(team, channel, thread)

    @property
    def is_person(self) -> bool:
        return self.channel[:1] in ("U", "W")


def render(outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
    """The parts of a message; none if there is nothing to say. A body is for chat.postMessage."""
    texts = split(outgoing.text, link=outgoing.link)
    return tuple(
        Part(
            outbox_id=outbox_id,
            number=number,
            count=len(texts),
            destination=outgoing.destination,
            text=text,
            body=body(outbox_id, number, Destination.parse(outgoing.destination)),
        )
        for number, text in enumerate(texts, start=1)
    )


def body(
    outbox_id: str, number: int, to: Destination, more: Mapping[str, object] | None = None
) -> dict[str, object]:
    """What chat.postMessage takes besides the text; `more` is carried with the message, for us alone."""
    body: dict[str, object] = {
        "channel": to.channel,
        "mrkdwn": True,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {"id": outbox_id, "part": number, **(more or {})},
        },
    }
    return {**body, "thread_ts": to.thread} if to.thread else body


def split(markdown: str, *, link: str = "", limit: int = LIMIT) -> list[str]:
    """The message in Slack's markup, in as few parts as fit; the last one ends with the link."""
    last = f"<{safe_url(link)}|{LINK_LABEL}>" if safe_url(link) else ""
    room = limit - len(last) - 2
    written = [_write(part) for part in _packed(_wrapped(markdown, room), room)]
    if not last:
        return written
    return [*written[:-1], f"{written[-1]}\n\n{last}"] if written else [last]


def _write(part: list[Line]) -> str:
    rows: list[str] = []
    fence = 0
    for line in part:
        if fence and line.fence != fence:
            rows.append(FENCE)
        if line.gap and rows:
            rows.append("")
        if line.fence and line.fence != fence:
            rows.append(FENCE)
        fence = line.fence
        rows.append(write(line))
    return "\n".join([*rows, FENCE] if fence else rows)


# ---------------------------------------------------------------- packing lines into parts


def _packed(found: Iterator[Line], limit: int) -> Iterator[list[Line]]:
    part: list[Line] = []
    size = 0
    for line in found:
        cost = _line_cost(line, after=part[-1] if part else None)
        if part and size + cost > limit:
            kept, part = _parted(part, line, limit)
            yield kept
            size = _size(part)
            cost = _line_cost(line, after=part[-1] if part else None)
            if part and size + cost > limit:
                yield part
                part, size, cost = [], 0, _line_cost(line, after=None)
        part.append(line)
        size += cost
    if part:
        yield part


def _parted(part: list[Line], following: Line, limit: int) -> tuple[list[Line], list[Line]]:
    """What stays and what moves on: from the last paragraph, if that leaves a part at least half full."""
    if following.gap:
        return part, []
    cut = next((i for i in range(len(part) - 1, 0, -1) if part[i].gap), 0)
    return (part[:cut], part[cut:]) if cut and _size(part[:cut]) >= limit // 2 else (part, [])


def _size(part: list[Line]) -> int:
    return sum(_line_cost(line, after=before) for before, line in zip([None, *part], part, strict=False))


def _line_cost(line: Line, after: Line | None) -> int:
    opens = line.fence and (after is None or after.fence != line.fence)
    return _spans_cost(line.spans) + len(line.lead) + 2 + (FENCE_COST if opens else 0)


# ---------------------------------------------------------------- lines that are longer than a part


def _wrapped(markdown: str, limit: int) -> Iterator[Line]:
    for line in lines(markdown):
        room = limit - FENCE_COST - 2 - max(len(line.lead), len(line.hang))
        rows = list(_rows(line.spans, room)) if _spans_cost(line.spans) > room else [line.spans]
        yield replace(line, spans=rows[0])
        for row in rows[1:]:
            yield replace(line, spans=row, lead=line.hang, gap=False)


def _rows(spans: tuple[Span, ...], limit: int) -> Iterator[tuple[Span, ...]]:
    row: list[Span] = []
    size = 0
    for word in (word for span in spans for word in _words(span, limit)):
        cost = _spans_cost((word,))
        if row and size + cost > limit:
            yield tuple(row)
            row, size = [], 0
            if word.text.isspace():
                continue  # the cut stands for it
        if row and not word.url and (row[-1].style, row[-1].url) == (word.style, ""):
            cost = text_cost(word.text)
            word = Span(row.pop().text + word.text, word.style)
        row.append(word)
        size += cost
    yield tuple(row)


def _words(span: Span, limit: int) -> Iterator[Span]:
    room = limit - _marks(span)
    words = (span.text,) if span.url else re.findall(r"\s+|\S+", span.text)
    return (Span(piece, span.style, span.url) for word in words for piece in _pieces(word, room))


def _pieces(word: str, limit: int) -> Iterator[str]:
    if text_cost(word) <= limit:
        yield word
        return
    start = 0
    while start < len(word):
        end = _cut(word, start, limit)
        yield word[start:end]
        start = end


def _cut(word: str, start: int, limit: int) -> int:
    """Where the next piece ends, not within what a person sees as one character."""
    size, end = text_cost(word[start]), start + 1
    while end < len(word) and (size := size + text_cost(word[end])) <= limit:
        end += 1
    if end == len(word):
        return end
    return next((i for i in range(end, max(start, end - 32), -1) if not _joined(word, i)), end)


def _joined(word: str, at: int) -> bool:
    before, after = word[at - 1], word[at]
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or (after in FLAG_LETTERS and _letters_at_end(word[:at]) % 2 == 1)
    )


def _letters_at_end(text: str) -> int:
    return len(text) - len(text.rstrip(FLAG_LETTERS))


# ---------------------------------------------------------------- how long text can get at most


def _spans_cost(spans: tuple[Span, ...]) -> int:
    return sum(text_cost(span.text) + _marks(span) for span in spans)


def _marks(span: Span) -> int:
    if span.url:
        return len(safe_url(span.url)) + 3
    return 2 * len(span.style) + 2 if span.style else 0


def text_cost(text: str) -> int:
    """UTF-16 units of the escaped text, at most."""
    if HARMLESS.fullmatch(text):
        return len(text)
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return units + len(escape(text)) - len(text) + text.count("@") + text.count("\uff20") + text.count("`")
