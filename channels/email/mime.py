"""The parts of a mail as places in its bytes: found in one pass for each level, never deeper or more than allowed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from channels.email.decoding import text_of, transferred
from channels.email.headers import Header, decoded, first, parameters, read_headers
from channels.email.limits import DEEPEST, MOST_DELIMITERS, MOST_PARTS, Unreadable

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_LONGEST_BOUNDARY = 200
"""Of the boundary itself, and of the white space after it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `start` and `end` are where its body lies in the raw bytes."""

    headers: tuple[Header, ...]
    content_type: str
    parameters: Mapping[str, str]
    disposition: str
    filename: str
    start: int
    end: int
    parts: tuple["Part", ...] = ()

    def content(self, raw: bytes) -> bytes:
        return transferred(raw[self.start : self.end], first(self.headers, "content-transfer-encoding"))

    def text(self, raw: bytes, *, most: int) -> str:
        """At most so many bytes of it, decoded."""
        content = self.content(raw)
        return text_of(content[:most], self.parameters.get("charset", ""), cut=len(content) > most)

    def leaves(self) -> Iterator["Part"]:
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(slots=True)
class _Room:
    parts: int = MOST_PARTS
    delimiters: int = field(default=MOST_DELIMITERS)


def parse(raw: bytes) -> Part:
    return _part(raw, 0, len(raw), level=0, room=_Room())


def with_line_feeds(raw: bytes) -> bytes:
    """Some mail stores end lines with a carriage return alone."""
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _part(raw: bytes, start: int, end: int, *, level: int, room: _Room) -> Part:
    if level > DEEPEST:
        raise Unreadable(f"its parts are nested more than {DEEPEST} deep")
    room.parts -= 1
    if room.parts < 0:
        raise Unreadable(f"it has more than {MOST_PARTS} parts")
    block = read_headers(raw, start, end)
    kind, more = parameters(first(block.headers, "content-type"))
    disposition, about = parameters(first(block.headers, "content-disposition"))
    places = _places(raw, more.get("boundary", ""), block.body, end, room) if _is_multipart(kind) else []
    return Part(
        headers=block.headers,
        content_type=_content_type(kind, has_parts=bool(places)),
        parameters=more,
        disposition=disposition,
        filename=decoded(about.get("filename", "") or more.get("name", "")),
        start=block.body,
        end=end,
        parts=tuple(_part(raw, *place, level=level + 1, room=room) for place in places),
    )


def _is_multipart(kind: str) -> bool:
    return kind.startswith("multipart/")


def _content_type(kind: str, *, has_parts: bool) -> str:
    """What cannot be understood is plain text (RFC 2045, 5.2), and so is a multipart without parts."""
    if not _TYPE.fullmatch(kind) or (_is_multipart(kind) and not has_parts):
        return "text/plain"
    return kind


def _places(raw: bytes, boundary: str, start: int, end: int, room: _Room) -> list[tuple[int, int]]:
    """From where to where the parts between lines of this boundary go; a missing last line is forgiven."""
    marker = b"--" + boundary.rstrip().encode("utf-8")
    if not 2 < len(marker) <= _LONGEST_BOUNDARY:
        return []
    found: list[tuple[int, int]] = []
    opened = -1
    for line, after, last in _delimiters(raw, marker, start, end, room):
        if opened >= 0:
            found.append((opened, max(opened, line)))
        opened = -1 if last else after
        if last:
            break
    return found if opened < 0 else [*found, (opened, end)]


def _delimiters(
    raw: bytes, marker: bytes, start: int, end: int, room: _Room
) -> Iterator[tuple[int, int, bool]]:
    """Where the part before ends, where the next begins, and whether this was the last line."""
    at = raw.find(marker, start, end)
    while at >= 0:
        room.delimiters -= 1
        if room.delimiters < 0:
            raise Unreadable(f"it has more than {MOST_DELIMITERS} lines that look like a boundary")
        stop = at + len(marker)
        near = min(end, stop + _LONGEST_BOUNDARY)
        feed = raw.find(b"\n", stop, near)
        feed = near if feed < 0 else feed
        rest = raw[stop:feed].strip()
        if (at == start or raw[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            before = at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1
            yield max(start, before), min(feed + 1, end), rest == b"--"
        at = raw.find(marker, stop, end)
