"""Who a header names: address headers read strictly, in one pass; what is odd names nobody, never somebody else."""

import binascii
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import idna

from channels.email.mail import Mailbox

LONGEST_HEADER = 128 * 1024
MOST_MAILBOXES = 500
MOST_TOKENS = 12_000
"""For all headers of one call together."""

LONGEST_LOCAL, LONGEST_DOMAIN, LONGEST_NAME = 64, 253, 200

_DEEPEST_COMMENT = 20
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(
    r'(?P<space>[ \t]+)|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<atom>[^ \t()<>\[\]:;@\\,."]+)|(?P<special>[<>:;@,.])'
)
_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?([BbQq])\?([^?\s]*)\?=")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class _Odd(ValueError):
    """This is not how an address is written."""


class _Token(NamedTuple):
    kind: str  # atom, quoted, comment, or the character itself
    text: str
    apart: bool  # space or a comment stands before it


def mailboxes(values: Sequence[str], *, every: bool = True) -> tuple[Mailbox, ...]:
    """The mailboxes of all these (unfolded) headers, those in groups too.

    With `every`, one odd part means that none is returned: a sender must not be proved by what is left of a
    header that others may read differently. Without, odd parts are passed over (recipients).
    """
    if sum(map(len, values)) > LONGEST_HEADER:
        return ()
    found: list[Mailbox] = []
    room = MOST_TOKENS
    for value in values:
        try:
            tokens = list(islice(_tokens(value), room + 1))
            room -= len(tokens)
            if room < 0:
                raise _Odd
            found.extend(_read(tokens, every))
        except _Odd:
            if every:
                return ()
    if every and len(found) > MOST_MAILBOXES:
        return ()
    return tuple(found[:MOST_MAILBOXES])


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def ascii_domain(domain: str) -> str:
    """The domain as it is compared: lower case, A-labels; "" if it is none."""
    try:
        return _domain(domain)
    except _Odd:
        return ""


def _read(tokens: list[_Token], every: bool) -> Iterator[Mailbox]:
    for entry in _entries(tokens):
        try:
            yield _mailbox(entry)
        except _Odd:
            if every:
                raise


def _tokens(value: str) -> Iterator[_Token]:
    if _CONTROL.search(value):
        raise _Odd
    at, apart = 0, False
    while at < len(value):
        if value[at] == "(":
            end = _end_of_comment(value, at)
            yield _Token("comment", value[at + 1 : end - 1], apart)
            at, apart = end, True
            continue
        match = _TOKEN.match(value, at)
        if match is None:
            raise _Odd
        at = match.end()
        kind = match.lastgroup or "quoted"
        if kind != "space":
            text = match.group(kind)
            yield _Token(text if kind == "special" else kind, text, apart)
        apart = kind == "space"


def _end_of_comment(value: str, start: int) -> int:
    depth, at = 0, start
    while at < len(value):
        char = value[at]
        depth += (char == "(") - (char == ")")
        at += 2 if char == "\\" else 1
        if depth > _DEEPEST_COMMENT:
            raise _Odd
        if depth == 0:
            return at
    raise _Odd


def _entries(tokens: list[_Token]) -> list[list[_Token]]:
    """The parts between commas, with the names of groups taken away."""
    entries: list[list[_Token]] = []
    current: list[_Token] = []
    angle = group = False
    for token in tokens:
        kind = token.kind
        angle = kind == "<" or (angle and kind != ">")
        if angle or kind not in (",", ":", ";"):
            current.append(token)
            continue
        if kind == ":":
            _check_group_name(current, group)
        elif _says_something(current):
            entries.append(current)
        if kind == ";" and not group:
            raise _Odd
        group = kind == ":" or (group and kind == ",")
        current = []
    if group:
        raise _Odd
    return [*entries, current] if _says_something(current) else entries


def _says_something(tokens: list[_Token]) -> bool:
    return any(token.kind != "comment" for token in tokens)


def _check_group_name(name: list[_Token], nested: bool) -> None:
    if nested or not _says_something(name) or any(token.kind in "<>@" for token in name):
        raise _Odd


def _mailbox(tokens: list[_Token]) -> Mailbox:
    comments = [token.text for token in tokens if token.kind == "comment"]
    said = [token for token in tokens if token.kind != "comment"]
    kinds = [token.kind for token in said]
    if "<" not in kinds and ">" not in kinds:
        return Mailbox(_address(said), _shown(" ".join(comments)))
    if kinds.count("<") != 1 or kinds.count(">") != 1 or kinds[-1] != ">":
        raise _Odd
    start = kinds.index("<")
    name = said[:start]
    if any(token.kind not in ("atom", "quoted", ".") for token in name):
        raise _Odd
    return Mailbox(_address(_without_route(said[start + 1 : -1])), _phrase(name))


def _without_route(tokens: list[_Token]) -> list[_Token]:
    """`@relay.org,@other.org:ann@x.org` is how a route was once written: the mailbox is the last part."""
    if not tokens or tokens[0].kind != "@":
        return tokens
    kinds = [token.kind for token in tokens]
    if kinds.count(":") != 1:
        raise _Odd
    end = kinds.index(":")
    for hop in "".join(token.text for token in tokens[:end]).split(","):
        if not hop.startswith("@"):
            raise _Odd
        _domain(hop[1:])
    return tokens[end + 1 :]


def _address(tokens: list[_Token]) -> str:
    """No space, comment or second @ within: where readers differ, nobody is named."""
    kinds = [token.kind for token in tokens]
    if kinds.count("@") != 1 or any(token.apart for token in tokens[1:]):
        raise _Odd
    at = kinds.index("@")
    if any(kind not in ("atom", ".", "@", "quoted") for kind in kinds) or "quoted" in kinds[at:]:
        raise _Odd
    local = _local(tokens[:at])
    return f"{local}@{_domain(''.join(token.text for token in tokens[at + 1 :]))}"


def _local(tokens: list[_Token]) -> str:
    if len(tokens) > 1 and any(token.kind == "quoted" for token in tokens):
        raise _Odd
    text = "".join(token.text for token in tokens)
    if not text or len(text) > LONGEST_LOCAL or "=?" in text:
        raise _Odd
    for part in text.split("."):
        if not part or not _is_local_part(part):
            raise _Odd
    return text.translate(_ASCII_LOWER)


def _is_local_part(part: str) -> bool:
    """A letter of another script stays as it is; one that somebody's lowering turns into an ASCII letter is odd."""
    return all(_ATEXT.fullmatch(char) if char < "\x80" else _stays_foreign(char) for char in part)


def _stays_foreign(char: str) -> bool:
    folded = unicodedata.normalize("NFKC", char).casefold()
    return unicodedata.category(char)[0] in "LMN" and not any(one < "\x80" for one in folded)


def _domain(text: str) -> str:
    if not text or len(text) > LONGEST_DOMAIN:
        raise _Odd
    domain = ".".join(_a_label(label.translate(_ASCII_LOWER)) for label in text.split("."))
    if len(domain) > LONGEST_DOMAIN:
        raise _Odd
    return domain


def _a_label(label: str) -> str:
    """IDNA 2008: what it does not allow (signs that only look like a letter) is not mapped but refused."""
    if not label.isascii():
        try:
            label = idna.alabel("".join(map(_lowered, label))).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise _Odd from None
        if not label.startswith("xn--"):
            raise _Odd
    if not _LABEL.fullmatch(label):
        raise _Odd
    return label


def _lowered(char: str) -> str:
    lower = char.lower()
    return char if len(lower) != 1 or (lower.isascii() and not char.isascii()) else lower


def _phrase(tokens: list[_Token]) -> str:
    text = "".join(
        (" " if token.apart and index else "")
        + (_unescaped(token.text) if token.kind == "quoted" else token.text)
        for index, token in enumerate(tokens)
    )
    return _shown(text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _shown(text: str) -> str:
    """A name that can be shown: encoded words read, nothing invisible, and nothing that passes for an address."""
    text = text[: 4 * LONGEST_NAME]
    text = re.sub(r"(\?=)[ \t]+(?==\?)", r"\1", text)
    text = _ENCODED_WORD.sub(_decoded, text)
    text = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    text = " ".join(text.split())[:LONGEST_NAME]
    return "" if "@" in text else text


def _decoded(word: re.Match[str]) -> str:
    charset, encoding, text = word.group(1).partition("*")[0], word.group(2).lower(), word.group(3)
    try:
        raw = binascii.a2b_base64(text) if encoding == "b" else binascii.a2b_qp(text, header=True)
        return raw.decode(charset, "replace")
    except (ValueError, LookupError):
        return ""
