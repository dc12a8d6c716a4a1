"""The model's Markdown as Discord shows it. Pure.

Discord reads Markdown itself, but knows no tables, no headings below the third, no images, and takes three backticks
for a fence wherever they stand. After `to_discord` they stand in fence lines only, so that a splitter can count them.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

FENCE = "```"
GAP = "\u200b"  # takes no room; parts what Discord would read as one
LONG = 100_000
"""Texts longer than this are shown as they are: no person wrote them as Markdown."""
LONGEST_SPACE = 200
WIDEST_TABLE = 100  # characters; a wider one is no easier to read in columns

PING = re.compile(r"[@\uff20](?=(?:everyone|here)\b)|(?<=<)@(?=[!&]?\d)", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z0-9_+.#-]{1,30}")
SPACE = re.compile(rf"\s{{{LONGEST_SPACE},}}")
IMAGE = re.compile(r"!(?=\[[^\]\n]*\]\([^)\n]*\))")
# One line of words and sentences, in which nothing is markup; most replies are that.
PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,;?'\"()%]|[.:!](?= |$))*")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def to_discord(markdown: str) -> str:
    """The text in Discord's Markdown, without blank ends; no mention in it is live."""
    text = harmless(markdown.replace("\r\n", "\n").replace("\r", "\n").strip())
    if PLAIN.fullmatch(text):
        return text
    if len(text) > LONG:
        return _prose(text)
    return "\n".join(_lines(text)).strip()


def harmless(text: str) -> str:
    """Text that pings nobody, wherever it is shown: a gap follows the @ of everyone, here, a person or a role."""
    return PING.sub(lambda at: at[0] + GAP, text)


def unfenced(text: str) -> str:
    """Text in which three backticks are no fence."""
    return re.sub("`{3,}", lambda ticks: GAP.join(ticks[0]), text)


def _prose(text: str) -> str:
    return IMAGE.sub("", SPACE.sub(_shorter, unfenced(text)))


def _shorter(space: re.Match[str]) -> str:
    """So much white space that a message of nothing else could come of it; Discord refuses such."""
    return "\n\n" if "\n" in space[0] else " "


def _lines(text: str) -> Iterator[str]:
    source = text.split("\n")
    at = 0
    for start, end, shown in _blocks(_MARKDOWN.parse(text), source):
        if start < at:
            continue  # within what was shown already
        if start > at:
            yield _prose("\n".join(source[at:start]))
        yield from shown
        at = end
    if at < len(source):
        yield _prose("\n".join(source[at:]))


def _blocks(tokens: Sequence[Token], source: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
    """From line, to line, and what stands there instead."""
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map
        if token.type in ("fence", "code_block"):
            yield start, _without_blank_end(source, start, end), _fenced(token.content, token.info)
        elif token.type == "table_open":
            yield start, _without_blank_end(source, start, end), _table(tokens, index)
        elif token.type == "heading_open" and token.tag in ("h4", "h5", "h6"):
            yield start, end, [f"**{_prose(tokens[index + 1].content)}**"]


def _without_blank_end(source: Sequence[str], start: int, end: int) -> int:
    while end - 1 > start and not source[end - 1].strip():
        end -= 1
    return end


def _fenced(content: str, info: str = "") -> list[str]:
    """A block of code; what stands behind a fence and names no language is the first line of it."""
    info = info.strip()
    language = info if LANGUAGE.fullmatch(info) else ""
    whole = content if language or not info else f"{info}\n{content}"
    return [FENCE + language, *unfenced(whole.removesuffix("\n")).split("\n"), FENCE]


# ---------------------------------------------------------------- tables


def _table(tokens: Sequence[Token], start: int) -> list[str]:
    rows = _rows(tokens, start)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if sum(widths) + 3 * (len(widths) - 1) > WIDEST_TABLE:
        return [line for row in rows[1:] for line in _as_list(rows[0], row)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    rule = "-+-".join("-" * width for width in widths)
    return _fenced("\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:])))


def _rows(tokens: Sequence[Token], start: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in tokens[start:]:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(" ".join(token.content.split()))
    return rows


def _as_list(head: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """A row of a table that is too wide, one cell a line."""
    for number, (name, cell) in enumerate(zip(head, row, strict=True)):
        yield _prose(f"{'- ' if number == 0 else '  '}**{name}**: {cell}" if name else f"- {cell}")
