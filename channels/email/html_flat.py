"""HTML made shallow before it is parsed: thousands of open tags cost the parser quadratic time and memory."""

import re
from collections import Counter
from dataclasses import dataclass, field

DEEPEST = 300
MOST_FORMATTING = 40
"""Open tags such as <b>: the parser repeats all that are open in each new paragraph."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,30})([^<>]*+)>?")
# Closed by what follows, never open, or holding no tags.
_NOT_NESTED = frozenset(
    (
        "p", "li", "td", "th", "tr", "dd", "dt", "option", "thead", "tbody", "tfoot", "colgroup",
        "html", "head", "body", "area", "base", "br", "col", "embed", "hr", "img", "input", "link",
        "meta", "param", "source", "track", "wbr", "script", "style", "title", "textarea",
    )
)  # fmt: skip
_FORMATTING = frozenset(
    (
        "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
    )
)  # fmt: skip


def flattened(html: str) -> tuple[str, bool]:
    """The same with at most so many levels, and whether text was left out for that.

    Tags deeper than that are dropped. If they have attributes these may hide what is in them, so that goes too.
    """
    if html.count("<") <= DEEPEST:
        return html, False
    flat = _Flat()
    end = 0
    for match in _TAG.finditer(html):
        flat.keep(html[end : match.start()])
        end = match.end()
        flat.tag(match[0], bool(match[1]), match[2].lower(), match[3].strip(" /"))
    flat.keep(html[end:])
    return "".join(flat.kept), flat.hid


@dataclass(slots=True)
class _Flat:
    kept: list[str] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    turned: Counter[str] = field(default_factory=Counter)  # formatting that became a <span>
    depth: int = 0
    formatting: int = 0
    hiding: int = 0  # the depth at which left out text began; 0 if none is left out
    hid: bool = False

    def keep(self, text: str) -> None:
        if not self.hiding:
            self.kept.append(text)
        elif text.strip():
            self.hid = True

    def tag(self, text: str, closes: bool, name: str, attributes: str) -> None:
        if name in _NOT_NESTED:
            self.keep(text)
        elif closes:
            self._close(text, name)
        else:
            self._open(text, name, attributes)

    def _open(self, text: str, name: str, attributes: str) -> None:
        if name in _FORMATTING:
            if self.formatting >= MOST_FORMATTING:
                self.turned[name] += 1
                name, text = "span", f"<span {attributes}>"
            else:
                self.formatting += 1
        self.depth += 1
        self.opened[name] += 1
        if self.depth <= DEEPEST:
            self.keep(text)
        elif attributes and not self.hiding:
            self.hiding = self.depth

    def _close(self, text: str, name: str) -> None:
        if not self.opened[name] and self.turned[name]:
            self.turned[name] -= 1
            name, text = "span", "</span>"
        if not self.opened[name]:
            return
        self.formatting -= name in _FORMATTING
        self.opened[name] -= 1
        if self.depth <= DEEPEST:
            self.keep(text)
        elif not self.hiding:
            self.kept.append("\n")
        self.depth -= 1
        if self.depth < self.hiding:
            self.hiding = 0
