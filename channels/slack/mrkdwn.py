"""The model's Markdown as lines of styled pieces, ready to be written in Slack's own markup."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

BOLD, ITALIC, STRIKE, CODE = "*", "_", "~", "`"
RULE = "———"
LONG = 100_000
"""Texts longer than this are shown as they are: no person wrote them as Markdown."""

URL = re.compile(r"(?:https?://|mailto:)[^\s<>|\x00-\x1f\x7f]+", re.IGNORECASE)
LONGEST_URL = 1_500
BROADCAST = re.compile(r"(?<![\w.+-])[@\uff20](?=(?:everyone|here|channel)\b)", re.IGNORECASE)
GAP = "\u200b"  # takes no room; parts what Slack would read as one

# One line of words and sentences, in which nothing is markup; most replies are that.
PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,;?'\"()%]|[.:!](?= |$))*(?<! )")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_STYLES = {"strong": BOLD, "em": ITALIC, "s": STRIKE}


@dataclass(frozen=True, slots=True)
class Span:
    """Text in one style (any of the markers, or none), or the label of a link."""

    text: str
    style: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`lead` stands before it, `hang` before what is wrapped of it; `fence` counts code blocks."""

    spans: tuple[Span, ...] = ()
    lead: str = ""
    hang: str = ""
    fence: int = 0
    gap: bool = False


def lines(markdown: str) -> list[Line]:
    if PLAIN.fullmatch(markdown):
        return [Line((Span(markdown),))]
    found = [] if len(markdown) > LONG else _Reader().read(_MARKDOWN.parse(markdown))
    return found or _as_they_are(markdown)


def escape(text: str) -> str:
    """Text that Slack shows and does not act on: no mention, no broadcast, no link, no fence."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = BROADCAST.sub(lambda at: at[0] + GAP, text)
    return re.sub("`{3,}", lambda ticks: GAP.join(ticks[0]), text)


def safe_url(url: str) -> str:
    """The address as it may stand in a link, or nothing."""
    written = BROADCAST.sub("%40", url).replace("&", "&amp;") if URL.fullmatch(url) else ""
    return written if len(written) <= LONGEST_URL else ""


def write(line: Line) -> str:
    """One line in Slack's markup."""
    if line.fence:
        return "".join(escape(span.text) for span in line.spans)
    written = line.lead
    closed = False
    for span in line.spans:
        piece, styled = _write_span(span)
        if (styled and _touches(written[-1:])) or (closed and _touches(piece[:1])):
            written += GAP
        written += piece
        closed = styled and piece[-1:] == span.style[:1]
    return written


def _write_span(span: Span) -> tuple[str, bool]:
    if span.url:
        return f"<{safe_url(span.url)}|{escape(span.text)}>", False
    inner = span.text.strip()
    if not inner or not span.style:
        return escape(span.text), False
    before, _, after = span.text.partition(inner)
    opening = CODE if CODE in span.style else span.style
    return f"{before}{opening}{escape(inner)}{opening[::-1]}{after}", not before


def _touches(neighbour: str) -> bool:
    return neighbour.isalnum() or neighbour in (BOLD, ITALIC, STRIKE, CODE)


def _as_they_are(text: str) -> list[Line]:
    found: list[Line] = []
    gap = False
    for row in text.splitlines():
        if row.strip():
            found.append(Line((Span(row),), gap=gap and bool(found)))
        gap = not row.strip()
    return found


class _Reader:
    """Walks once through the flat list of tokens."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.lists: list[int | None] = []  # the next number, or None for bullets
        self.marker = ""
        self.quotes = 0
        self.heading = False
        self.gap = False
        self.fences = 0
        self.row: list[str] = []
        self.table: list[list[str]] | None = None

    def read(self, tokens: Sequence[Token]) -> list[Line]:
        for token in tokens:
            if token.nesting >= 0 and (token.level == 0 or self._later_paragraph(token)):
                self.gap = bool(self.lines)
            self._read(token)
        return self.lines

    def _later_paragraph(self, token: Token) -> bool:
        return token.type == "paragraph_open" and not token.hidden and not self.marker

    def _read(self, token: Token) -> None:
        match token.type:
            case "inline" if self.table is not None:
                self.row.append(_label(token.children or ()))
            case "inline":
                self._paragraph(token.children or ())
            case "fence" | "code_block":
                self._code(token.content.removesuffix("\n").split("\n"))
            case "hr":
                self._add(Line((Span(RULE),)))
            case "heading_open" | "heading_close":
                self.heading = token.nesting == 1
            case "blockquote_open" | "blockquote_close":
                self.quotes += token.nesting
            case _ if "list" in token.type:
                self._list(token)
            case _:
                self._table(token)

    def _list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self.lists.append(None)
            case "ordered_list_open":
                self.lists.append(int(token.attrGet("start") or 1))
            case "list_item_open":
                self.marker = self._next_marker()
            case "list_item_close" if self.marker:
                self._add(Line())  # an item without text
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case _:
                pass

    def _next_marker(self) -> str:
        number = self.lists[-1]
        if number is None:
            return "• "
        self.lists[-1] = number + 1
        return f"{number}. "

    def _table(self, token: Token) -> None:
        match token.type:
            case "table_open":
                self.table = []
            case "tr_open":
                self.row = []
            case "tr_close" if self.table is not None:
                self.table.append(self.row)
            case "table_close" if self.table is not None:
                rows, self.table = self.table, None
                self._code(_aligned(rows))

    def _code(self, rows: Sequence[str]) -> None:
        self.fences += 1
        for row in rows:
            self._add(Line((Span(row),) if row else (), fence=self.fences))

    def _paragraph(self, tokens: Sequence[Token]) -> None:
        for spans in _inline(tokens, BOLD if self.heading else ""):
            self._add(Line(tuple(spans)))

    def _add(self, line: Line) -> None:
        quote = "> " if self.quotes else ""
        indent = "    " * max(0, len(self.lists) - 1)
        hang = quote + indent + ("  " if self.lists else "")
        lead = quote + indent + self.marker if self.marker else hang
        if line.fence:
            lead = hang = ""
        self.lines.append(replace(line, lead=lead, hang=hang, gap=self.gap))
        self.gap = False
        self.marker = ""


def _inline(tokens: Sequence[Token], style: str) -> list[list[Span]]:
    """The spans of a paragraph, a list for each of its lines."""
    rows: list[list[Span]] = [[]]
    styles = list(style)
    link: tuple[int, str] | None = None
    for position, token in enumerate(tokens):
        kind, _, edge = token.type.rpartition("_")
        match token.type:
            case "link_open":
                link = position + 1, str(token.attrGet("href") or "")
            case "link_close" if link:
                _add_link(rows[-1], _label(tokens[link[0] : position]), link[1], _style(styles))
                link = None
            case _ if link:
                continue
            case "softbreak" | "hardbreak":
                rows.append([])
            case "image":
                _add_link(rows[-1], _label((token,)), str(token.attrGet("src") or ""), _style(styles))
            case "code_inline":
                # Slack has no way to show a backtick inside code.
                code = CODE if CODE not in token.content else _style(styles)
                _add_span(rows[-1], Span(token.content, code))
            case _ if kind in _STYLES and edge == "open":
                styles.append(_STYLES[kind])
            case _ if kind in _STYLES:
                styles.reverse()
                styles.remove(_STYLES[kind])
                styles.reverse()
            case _:
                _add_span(rows[-1], Span(token.content, _style(styles)))
    return rows


def _style(styles: Sequence[str]) -> str:
    return "".join(marker for marker in (BOLD, ITALIC, STRIKE) if marker in styles)


def _add_span(row: list[Span], span: Span) -> None:
    if row and not span.url and not row[-1].url and row[-1].style == span.style:
        span = Span(row.pop().text + span.text, span.style)
    if span.text:
        row.append(span)


def _add_link(row: list[Span], label: str, url: str, style: str) -> None:
    label = label or url
    if safe_url(url):
        row.append(Span(label, url=url))
    else:
        _add_span(row, Span(label if label == url or not url else f"{label} ({url})", style))


def _label(tokens: Sequence[Token]) -> str:
    """What is to be read in these tokens, on one line."""
    words = []
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                words.append(" ")
            case "image":
                words.append(_label(token.children or ()) or "image")
            case _:
                words.append(token.content)
    return " ".join("".join(words).split("\n"))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    columns = max(len(row) for row in rows)
    filled = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [max(_width(cell) for cell in column) for column in zip(*filled, strict=True)]
    shown = [" | ".join(_padded(cell, w) for cell, w in zip(row, widths, strict=True)) for row in filled]
    shown.insert(1, "-+-".join("-" * width for width in widths))
    return [row.rstrip() for row in shown]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
