"""How the demo brain reads a request: the text blocks of the thread, one element each, and the situation."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ELEMENT = re.compile(r"\s*<([A-Za-z_]\w*)((?:\s+[\w:-]+=\"[^\"]*\")*)\s*(?:/>|>(.*)</\1>)\s*", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_NESTED = re.compile(r"<([A-Za-z_]\w*)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
_SITUATION = re.compile(r"<situation>(.*?)</situation>", re.DOTALL)
_NOW = re.compile(r"^now: (\S+)\b", re.MULTILINE)


@dataclass(frozen=True)
class Element:
    """One event as the prompt shows it; text is what stands outside any nested element."""

    tag: str
    attributes: Mapping[str, str]
    text: str

    @property
    def seq(self) -> str:
        return self.attributes.get("seq", "")

    @property
    def step(self) -> Mapping[str, Any]:
        """What a <step> holds; empty when it cannot be read."""
        try:
            parsed = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True)
class Prompt:
    elements: tuple[Element, ...]
    now: datetime | None
    open_reminders: tuple[str, ...]
    was_refused: bool  # its last answer was no valid step


def read(request: Mapping[str, Any]) -> Prompt:
    """Read what our own bot wrote; anything unexpected is left out, nothing raises."""
    parts = list(_texts(request))
    elements = tuple(element for part in parts if (element := _element(part)) and element.tag != "situation")
    found = [match for part in parts[-1:] if (match := _SITUATION.search(part))]
    situation = html.unescape(found[0][1]) if found else ""
    now = _NOW.search(situation)
    return Prompt(
        elements,
        _time(now[1]) if now else None,
        _reminders(situation),
        any(line.startswith("your last answer was refused") for line in situation.splitlines()),
    )


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, str):
            yield content
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping) and isinstance(block.get("text"), str):
                yield block["text"]


def _element(part: str) -> Element | None:
    match = _ELEMENT.fullmatch(part)
    if match is None:
        return None
    attributes = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[2])}
    own_text = _NESTED.sub("", match[3] or "")  # a < of the person's own is escaped, so these are elements
    return Element(match[1], attributes, html.unescape(own_text).strip())


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _reminders(situation: str) -> tuple[str, ...]:
    """The lines under "open reminders:", one each or joined by semicolons."""
    rows: list[str] = []
    inside = False
    for line in situation.splitlines():
        if line.startswith("open reminders:"):
            inside, line = True, line.removeprefix("open reminders:")
        elif not line.lstrip().startswith(("seq ", "- ")):
            inside = False
        if inside:
            rows += [row.strip(" -") for row in re.split(r"; (?=seq [0-9])", line) if row.strip(" -")]
    return tuple(row for row in rows if row != "none")
