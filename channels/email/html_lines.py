"""Text put together line by line from the nodes of an HTML tree, with the depth of quotes beside each line."""

import re
from dataclasses import dataclass, field

from channels.email.decoding import plain_lines

_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_DEEPEST_QUOTE = 20
_LONGEST_URL = 2_000
_KEPT_LINKS = re.compile(r"(?:https?://|mailto:|tel:)\S", re.IGNORECASE)

Line = tuple[int, str]


@dataclass(slots=True)
class Lines:
    """`depth` is how many quotes are open; `rest_is_quoted` says that all that follows is one."""

    done: list[Line] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    written: bool = False  # whether the current line has text
    marker: str = ""  # of a list item, before its first line
    depth: int = 0
    rest_is_quoted: bool = False
    preformatted: int = 0
    numbers: list[int] = field(default_factory=list)  # of each open list, 0 for bullets
    anchor: list[str] = field(default_factory=list)  # the text of the link that is open

    def add(self, text: str) -> None:
        self.anchor.append(text)
        if self.preformatted:
            head, *others = text.split("\n")
            self.current.append(head)
            for line in others:
                self.end()
                self.current.append(line)
        elif self.written or not text.isspace():
            self.current.append(_SPACE.sub(" ", text))
            self.written = True

    def end(self) -> None:
        """The line is complete; nothing happens if it is empty."""
        line = "".join(self.current)
        self.current.clear()
        self.written = False
        line = line.rstrip() if self.preformatted else _SPACE.sub(" ", line).strip()
        if line:
            self._put(self.marker + line)
            self.marker = ""
        elif self.preformatted:
            self._put("")

    def line_break(self) -> None:
        if self.written or self.preformatted:
            self.end()
        else:
            self._put("")

    def apart(self) -> None:
        """An empty line, unless there is one."""
        self.end()
        if self.done and self.done[-1][1]:
            self._put("")

    def cell(self) -> None:
        if self.written:
            self.current.append(" | ")

    def item(self) -> None:
        self.end()
        self.marker = "- "
        if self.numbers and self.numbers[-1]:
            self.marker = f"{self.numbers[-1]}. "
            self.numbers[-1] += 1

    def link(self, href: str) -> None:
        """A link ends: where it goes, if its text does not say so."""
        text = _SPACE.sub(" ", "".join(self.anchor)).strip()
        url = href.strip().removeprefix("mailto:").removeprefix("tel:")
        told = text.rstrip("/").removeprefix("https://").removeprefix("http://")
        goes = url.rstrip("/").removeprefix("https://").removeprefix("http://")
        if _KEPT_LINKS.match(href.strip()) and told != goes and text:
            self.current.append(f" <{_SPACE.sub('%20', url[:_LONGEST_URL])}>")

    def split(self) -> tuple[str, str]:
        """New text and quotes; if something follows a quote, one text with `> ` before what is quoted."""
        self.end()
        first = next((at for at, (depth, line) in enumerate(self.done) if depth and line), -1)
        if first < 0:
            return _text(self.done), ""
        if any(line and not depth for depth, line in self.done[first:]):
            return _text([(depth, _prefixed(depth, line)) for depth, line in self.done]), ""
        quoted = [(depth, _prefixed(depth - 1, line)) for depth, line in self.done[first:]]
        return _text(self.done[:first]), _text(quoted)

    def _put(self, line: str) -> None:
        self.done.append((self.depth + self.rest_is_quoted, line))


def _prefixed(depth: int, line: str) -> str:
    return f"{'>' * min(depth, _DEEPEST_QUOTE)} {line}".rstrip() if depth > 0 else line


def _text(lines: list[Line]) -> str:
    text = plain_lines("\n".join(line for _, line in lines))
    return _BLANK_LINES.sub("\n\n", text).strip("\n")
