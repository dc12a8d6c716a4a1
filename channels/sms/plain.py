"""The model's Markdown as the plain text of a phone: marks are gone, lists and links can still be read."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

RULE = "---"
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def plain(markdown: str) -> str:
    lines = _Reader().read(_MARKDOWN.parse(markdown))
    return "\n".join(lines) or markdown


class _Reader:
    """Walks once through the flat list of tokens."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lists: list[int | None] = []  # the next number, or None for bullets
        self.marker = ""
        self.quotes = 0
        self.row: list[str] | None = None

    def read(self, tokens: Sequence[Token]) -> list[str]:
        for token in tokens:
            if token.level == 0 and token.nesting >= 0 and self.lines:
                self.lines.append("")
            self._read(token)
        return self.lines

    def _read(self, token: Token) -> None:
        match token.type:
            case "inline" if self.row is not None:
                self.row.append(" ".join(_words(token.children or ()).split("\n")))
            case "inline":
                self._add(_words(token.children or ()).split("\n"))
            case "fence" | "code_block":
                self._add(token.content.removesuffix("\n").split("\n"))
            case "hr":
                self._add([RULE])
            case "blockquote_open" | "blockquote_close":
                self.quotes += token.nesting
            case "tr_open":
                self.row = []
            case "tr_close":
                row, self.row = self.row or [], None
                self._add([" | ".join(row)])
            case _:
                self._list(token)

    def _list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self.lists.append(None)
            case "ordered_list_open":
                self.lists.append(int(token.attrGet("start") or 1))
            case "list_item_open":
                self.marker = self._next_marker()
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case _:
                pass

    def _next_marker(self) -> str:
        number = self.lists[-1]
        if number is None:
            return "- "
        self.lists[-1] = number + 1
        return f"{number}. "

    def _add(self, rows: Sequence[str]) -> None:
        indent = "> " * self.quotes + "  " * max(0, len(self.lists) - 1)
        for row in rows:
            self.lines.append((indent + self.marker + row).rstrip())
            self.marker = ""


def _words(tokens: Sequence[Token]) -> str:
    """What is to be read in these tokens; a link shows its address, unless that is what it says."""
    words: list[str] = []
    links: list[tuple[int, str]] = []
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                words.append("\n")
            case "image":
                label = _words(token.children or ()) or "image"
                words.append(_link(label, str(token.attrGet("src") or "")))
            case "link_open":
                links.append((len(words), str(token.attrGet("href") or "")))
            case "link_close":
                start, url = links.pop()
                words[start:] = [_link("".join(words[start:]), url)]
            case _:
                words.append(token.content)
    return "".join(words)


def _link(label: str, url: str) -> str:
    bare = url.removeprefix("mailto:").removeprefix("tel:")
    if not label:
        return bare
    return label if not url or label in (url, bare) else f"{label} ({bare})"
