"""The style sheet in a mail, as far as it can hide text: simple selectors, without what holds for some screens only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from channels.email.html_look import Attributes, declarations

LONGEST = 100_000
MOST_RULES = 2_000

_STYLE = re.compile(r"<(/?)style\b", re.IGNORECASE)
_BRACE = re.compile(r"([{}])")
_SIMPLE = re.compile(r"[a-z][a-z0-9]{0,20}|(?:[a-z][a-z0-9]{0,20})?[.#][\w-]{1,100}", re.IGNORECASE)
_OF_USE = frozenset(
    (
        "display", "visibility", "opacity", "transform", "clip", "overflow", "overflow-x", "overflow-y", "height",
        "width", "max-height", "max-width", "text-indent", "margin-left", "margin-top", "position", "left", "top",
        "right", "bottom", "font", "font-size", "color", "background", "background-color", "background-image",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """Declarations by tag, `.class` and `#id`."""

    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def styles(self, tag: str, attributes: Attributes) -> dict[str, str]:
        """What holds for an element: its own style goes before that of the sheet."""
        found: dict[str, str] = {}
        for key in self._keys(tag, attributes) if self.rules else ():
            found.update(self.rules.get(key, {}))
        if attributes:
            found.update(declarations(attributes.get("style") or ""))
        return found

    @staticmethod
    def _keys(tag: str, attributes: Attributes) -> tuple[str, ...]:
        classes = [f".{name}" for name in (attributes.get("class") or "").split()[:50]]
        return tag, *classes, f"#{attributes.get('id')}"


def sheet(html: str) -> Sheet:
    rules: dict[str, dict[str, str]] = {}
    for selectors, body in _rules(_without_comments("\n".join(_texts(html))[:LONGEST])):
        for selector in selectors.split(",")[:100]:
            if body and (key := _key(selector)) and len(rules) < MOST_RULES:
                rules.setdefault(key, {}).update(body)
    return Sheet(rules)


def _texts(html: str) -> Iterator[str]:
    start = -1
    for match in _STYLE.finditer(html):
        if match[1] and start >= 0:
            yield html[start : match.start()]
            start = -1
        elif not match[1] and start < 0:
            start = html.find(">", match.end(), match.end() + 1_000) + 1 or match.end()


def _without_comments(text: str) -> str:
    kept: list[str] = []
    first, *others = text.replace("<!--", " ").replace("-->", " ").split("/*")
    kept.append(first)
    for other in others:
        kept.append(other.partition("*/")[2])
    return " ".join(kept)


def _rules(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Without those in blocks that begin with an at sign."""
    opened: list[str] = []
    last = ""
    for piece in _BRACE.split(text):
        match piece:
            case "{":
                opened.append(last.rpartition(";")[2])
                last = ""
            case "}":
                selectors = opened.pop() if opened else "@"
                if not any("@" in around for around in (*opened[-3:], selectors)):
                    yield selectors, _of_use(last)
                last = ""
            case _:
                last = piece


def _of_use(text: str) -> dict[str, str]:
    return {name: value for name, value in declarations(text).items() if name in _OF_USE}


def _key(selector: str) -> str:
    """The class, the id or the tag that it is about; of several, the last, if that is no mere tag."""
    words = selector.split()
    last = words[-1] if words else ""
    if not _SIMPLE.fullmatch(last):
        return ""
    name = re.search(r"[.#].*", last)
    if name is None:
        return last.lower() if len(words) == 1 else ""
    return name[0]
