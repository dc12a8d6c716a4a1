"""The headers of a mail or of a part: unfolded, counted, and decoded in one pass over capped values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from channels.email.decoding import base64_bytes, quoted_bytes, text_of
from channels.email.limits import LONGEST_HEADER, LONGEST_HEADER_BLOCK, MOST_HEADERS, Unreadable

Header = tuple[str, str]

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_MBOX = re.compile(rb">?From ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_.:*+-]{1,60})\?([bBqQ])\?([^?]*+)\?=")
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))')
_SECTION = re.compile(r"(.+?)(?:\*(\d{1,3}))?(\*)?")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,980})>")
_MOST_SECTIONS = 200


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The headers between two places of the raw bytes, and where the body starts."""

    headers: tuple[Header, ...]
    body: int


def read_headers(raw: bytes, start: int, end: int) -> HeaderBlock:
    """Ends at the first empty line, or at a line that is no header, which belongs to the body then."""
    at, length, folded = start, start + LONGEST_HEADER_BLOCK, list[list[bytes]]()
    while at < end:
        stop = raw.find(b"\n", at, end)
        stop = end if stop < 0 else stop + 1
        if stop > length:
            raise Unreadable(f"its headers are longer than {LONGEST_HEADER_BLOCK} bytes")
        line = raw[at:stop].rstrip(b"\r\n")
        if not line:
            return HeaderBlock(_unfolded(folded), stop)
        if not _belongs(line, folded, first=at == start):
            break
        at = stop
    return HeaderBlock(_unfolded(folded), at)


def first(headers: Sequence[Header], name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def every(headers: Sequence[Header], name: str) -> tuple[str, ...]:
    return tuple(value for key, value in headers if key == name)


def decoded(value: str) -> str:
    """With its encoded words (RFC 2047) as text; on one line, without control characters."""
    found: list[str] = []
    words: list[tuple[str, bytes]] = []  # of one charset, side by side: a character may be cut in two
    at = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[at : match.start()]
        charset = match[1].partition("*")[0].lower()
        if words and (between.strip() or words[0][0] != charset):
            found.append(_joined(words))
            words = []
        if between.strip() or at == 0:
            found.append(between)
        words.append((charset, _word(match[2], match[3])))
        at = match.end()
    return one_line("".join((*found, _joined(words), value[at:])))


def one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def message_ids(values: Sequence[str]) -> tuple[str, ...]:
    """Every `<id>` in these headers, once each, in order."""
    return tuple(dict.fromkeys(f"<{found}>" for value in values for found in _MESSAGE_ID.findall(value)))


def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """What stands before the first semicolon, in lower case, and the parameters (RFC 2231 and its abuses)."""
    main, _, _ = value.partition(";")
    found: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value, len(main)):
        _keep(match, found, parts)
    for name, sections in parts.items():
        found[name] = _put_together(sections)
    return main.strip().lower(), found


# ---------------------------------------------------------------- lines


def _belongs(line: bytes, folded: list[list[bytes]], *, first: bool) -> bool:
    """Whether a line is (part of) a header; it is kept if so."""
    if line[:1] in (b" ", b"\t"):
        if folded:
            folded[-1].append(line)
        return bool(folded)
    if first and _MBOX.match(line):
        return True
    if not _FIELD.match(line):
        return False
    folded.append([line])
    if len(folded) > MOST_HEADERS:
        raise Unreadable(f"it has more than {MOST_HEADERS} headers")
    return True


def _unfolded(folded: list[list[bytes]]) -> tuple[Header, ...]:
    return tuple(map(_header, folded))


def _header(lines: list[bytes]) -> Header:
    if sum(map(len, lines)) > LONGEST_HEADER:
        raise Unreadable(f"one of its headers is longer than {LONGEST_HEADER} bytes")
    name, _, value = b" ".join(line.strip(b" \t") for line in lines).partition(b":")
    return name.strip().decode("ascii").lower(), one_line(text_of(value, ""))


# ---------------------------------------------------------------- words and parameters


def _word(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8")
    return base64_bytes(data) if encoding in "bB" else quoted_bytes(data, header=True)


def _joined(words: list[tuple[str, bytes]]) -> str:
    return text_of(b"".join(data for _, data in words), words[0][0]) if words else ""


def _keep(match: re.Match[str], found: dict[str, str], parts: dict[str, dict[int, tuple[str, bool]]]) -> None:
    text = match[3].strip() if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
    section = _SECTION.fullmatch(match[1].lower())
    if section is None or (section[2] is None and section[3] is None):
        found.setdefault(match[1].lower(), text)
        return
    sections = parts.setdefault(section[1], {})
    if len(sections) < _MOST_SECTIONS:
        sections.setdefault(int(section[2] or 0), (text, section[3] is not None))


def _put_together(sections: dict[int, tuple[str, bool]]) -> str:
    charset, data = "utf-8", b""
    for position, number in enumerate(sorted(sections)):
        text, encoded = sections[number]
        if encoded and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8")
    return text_of(data, charset)
