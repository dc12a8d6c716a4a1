"""What one Authentication-Results header says (RFC 8601), read strictly: what cannot be read in full says nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels.email.addresses import ascii_domain

LONGEST, MOST_RESULTS = 16 * 1024, 100

_DEEPEST_COMMENT = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PLAIN = re.compile(r'[^"();\\]+')
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9])?"
_VALUE = r"\"[^\"]*\"|[^\s\"]+"
_SERVICE = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"=/]+))(?:\s+(?P<version>\d+))?\s*\Z')
_RESULT = re.compile(rf"\s*(?P<method>{_WORD})(?:\s*/\s*\d+)?\s*=\s*(?P<result>{_WORD})(?=\s|\Z)")
_PROPERTY = re.compile(rf"\s+(?P<name>{_WORD})\s*=\s*(?P<value>{_VALUE})(?=\s|\Z)")


@dataclass(frozen=True, slots=True)
class Result:
    """`method=result`, and its properties such as ("header.from", "example.org"); names in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.properties if key == name)


@dataclass(frozen=True, slots=True)
class Results:
    """`service` is the authserv-id as it is compared; "" where none stands (Microsoft) or nothing can be read.

    `readable` is False if brackets or quotes do not close, or if a DMARC result holds what a result may not hold:
    a sender chooses some of the values, so that such a header may say what its writer did not.
    """

    service: str
    results: tuple[Result, ...] = ()
    readable: bool = True


class _Unreadable(ValueError):
    """Brackets or quotes do not close, or a result is not written as one."""


def comparable(service: str) -> str:
    """An authserv-id in the form in which two are the same: mostly it is a domain, but it may be any word."""
    word = service.strip()
    return ascii_domain(word) or (word.lower() if word.isascii() else word)


def read_results(value: str) -> Results:
    """Take one header's value apart, in linear time."""
    try:
        first, *others = _parts(value)
    except _Unreadable:
        return Results("", readable=False)
    service = _service(first)
    try:
        results = tuple(_results(others if service else [first, *others]))
    except _Unreadable:
        return Results(service, readable=False)
    return Results(service, results)


def _parts(value: str) -> list[str]:
    """The pieces between semicolons, without comments; neither counts within a quoted string."""
    if len(value) > LONGEST or _CONTROL.search(value):
        raise _Unreadable
    parts, at = [""], 0
    pieces: list[str] = []
    while at < len(value):
        at, piece = _piece(value, at)
        if piece == ";":
            parts[-1] = "".join(pieces)
            parts.append("")
            pieces = []
        else:
            pieces.append(piece)
    parts[-1] = "".join(pieces)
    if len(parts) > MOST_RESULTS:
        raise _Unreadable
    return parts


def _piece(value: str, at: int) -> tuple[int, str]:
    if value[at] == ";":
        return at + 1, ";"
    if value[at] == "(":
        return _end_of_comment(value, at), " "
    match = (_QUOTED if value[at] == '"' else _PLAIN).match(value, at)
    if match is None:
        raise _Unreadable
    text = match.group()
    return match.end(), text if value[at] != '"' else f'"{_within(text[1:-1])}"'


def _within(quoted: str) -> str:
    """A quoted string's text, in which no quote stands that could end it for the next reader."""
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL).replace('"', "'")


def _end_of_comment(value: str, start: int) -> int:
    depth, at = 0, start
    while at < len(value):
        depth += (value[at] == "(") - (value[at] == ")")
        at += 2 if value[at] == "\\" else 1
        if depth > _DEEPEST_COMMENT:
            break
        if depth == 0:
            return at
    raise _Unreadable


def _service(part: str) -> str:
    match = _SERVICE.match(part)
    if match is None or match.group("version") not in (None, "1"):
        return ""
    return comparable(match.group("quoted") or match.group("plain") or "")


def _results(parts: list[str]) -> Iterator[Result]:
    for part in parts:
        result = _result(part)
        if result is not None:
            yield result
        elif "dmarc" in part.lower():
            raise _Unreadable


def _result(part: str) -> Result | None:
    """None for what is no result: "none", nothing at all, or values that break the grammar."""
    match = _RESULT.match(part)
    if match is None:
        return None
    at, properties = match.end(), []
    while part[at:].strip():
        found = _PROPERTY.match(part, at)
        if found is None:
            return None
        properties.append((found.group("name").lower(), found.group("value").strip('"')))
        at = found.end()
    return Result(match.group("method").lower(), match.group("result").lower(), tuple(properties))
