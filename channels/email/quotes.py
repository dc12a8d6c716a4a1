"""What somebody wrote now, apart from what stands around it of earlier mails and below it of themselves.

Each line of a mail ends up in exactly one of three parts. If it is unsure to which, it is new: nothing that a
person wrote may be lost. The other way round, nothing that is quoted may pass for what they wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize

from channels.email.quote_headers import (
    LONGEST_LINE,
    begins_forward,
    is_header_block,
    is_separator,
    sentence_start,
)
from channels.email.quote_ours import lines_of_ours
from channels.email.quote_signatures import signature_start

MARKER = "- - - ^ - - -"
"""Stands above what we write in a mail. It says "reply above" without a language, and the reply is cut there."""

_BARE_MARKER = MARKER.replace(" ", "")

KEPT_QUESTION = 12
"""Of the quoted lines above an answer, so many are kept with it."""

MOST_LINES = 50_000
"""What stands below is quoted, whoever wrote it: nobody types so much."""

_INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_BREAKS = re.compile("[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_PUNCTUATION = re.compile(r"[\x00-/:-@\[-`{-\x7f\s]*\Z")


@dataclass(frozen=True, slots=True)
class Split:
    """`new` keeps the quoted lines that it answers to, each with its ">", if `inline`."""

    new: str
    quoted: str = ""
    signature: str = ""
    inline: bool = False


class _Part(Enum):
    NEW = "new"
    QUOTED = "quoted"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines from `start` to before `end`, all quoted or all not."""

    start: int
    end: int
    quoted: bool


def split(text: str, *, ours: Sequence[str] = ()) -> Split:
    """Cut a mail's text in parts; `ours` are texts of ours that it may quote."""
    lines = _lines(text)
    bare = [_bare(line) for line in lines]
    quoted = _quoted_lines(bare, ours)
    parts = [_Part.QUOTED if is_quoted else _Part.NEW for is_quoted in quoted]
    runs = _runs(bare, quoted)
    for run in runs:
        if not run.quoted:
            start = signature_start(bare, run.start, run.end, below=run is not runs[0])
            parts[start : run.end] = [_Part.SIGNATURE] * (run.end - start)
    kept = _kept(bare, parts, runs)
    for at in kept:
        parts[at] = _Part.NEW
        lines[at] = _marked(lines[at].lstrip())
    new, below, signature = (_joined(lines, bare, parts, part) for part in _Part)
    return Split(new, below, signature, inline=bool(kept))


def decisive(new: str, *, inline: bool) -> str:
    """The part of new text in which a yes or no may be read: of an inline reply only what stands above all quotes.

    Below them, a line may be an answer of the sender's as well as the end of something that was not marked as quoted.
    """
    if not inline:
        return new
    lines = new.split("\n")
    first = next((at for at, line in enumerate(lines) if line.startswith(">")), len(lines))
    return "\n".join(lines[:first]).strip("\n")


def _lines(text: str) -> list[str]:
    """Only LF and CRLF end a line, and CR where nothing else does; other breaks could hide a line in a quoted one."""
    text = text.replace("\r\n", "\n")
    text = text.replace("\r", " " if "\n" in text else "\n")
    return [
        line if line == "-- " else line.rstrip() for line in _BREAKS.sub(" ", text).split("\n", MOST_LINES)
    ]


def _bare(line: str) -> str:
    """The line as it is compared; accents as one sign each, since Apple's programs write them as two."""
    bare = line.strip().strip(_INVISIBLE).strip()
    return bare if bare.isascii() or len(bare) > LONGEST_LINE else normalize("NFC", bare)


def _quoted_lines(bare: Sequence[str], ours: Sequence[str]) -> list[bool]:
    known = lines_of_ours(bare, ours)
    quoted = [line.startswith(">") or is_ours for line, is_ours in zip(bare, known, strict=True)]
    _add_broken_lines(bare, quoted)
    quoted[MOST_LINES:] = [True] * len(quoted[MOST_LINES:])
    following = _next_lines(bare)
    for at, line in enumerate(bare):
        if quoted[at] or not line:
            continue
        below = following[at]
        follows = below >= 0 and (quoted[below] or _is_marker(bare[below]))
        start = sentence_start(bare, at, quote_follows=follows)
        if start < 0 and not _begins_quote(bare, at):
            continue
        start = at if start < 0 else start
        if not follows or _is_marker(bare[below]) or _begins_headers(bare, at):
            return quoted[:start] + [True] * (len(bare) - start)
        quoted[start : at + 1] = [True] * (at + 1 - start)
    return quoted


def _add_broken_lines(bare: Sequence[str], quoted: list[bool]) -> None:
    """A quoted line whose soft line end ("=") was not understood goes on in the next one."""
    for at in range(1, len(bare)):
        if quoted[at - 1] and len(bare[at - 1]) > 70 and bare[at - 1].endswith("="):
            quoted[at] = True


def _next_lines(bare: Sequence[str]) -> list[int]:
    """For each line the next one below it that says something, -1 if there is none."""
    following, below = [-1] * len(bare), -1
    for at in range(len(bare) - 1, -1, -1):
        following[at] = below
        below = at if bare[at] else below
    return following


def _is_marker(line: str) -> bool:
    return len(line) < 100 and line.replace(" ", "").replace("\xa0", "").strip("*_>") == MARKER.replace(
        " ", ""
    )


def _begins_headers(bare: Sequence[str], at: int) -> bool:
    return _is_marker(bare[at]) or is_separator(bare, at) or is_header_block(bare, at)


def _begins_quote(bare: Sequence[str], at: int) -> bool:
    return begins_forward(bare[at]) or _begins_headers(bare, at)


def _marked(line: str) -> str:
    return line if not line or line.startswith(">") else f"> {line}"


def _runs(bare: Sequence[str], quoted: Sequence[bool]) -> list[_Run]:
    """Blank lines belong to what stands above them."""
    runs: list[_Run] = []
    start, kind = 0, None
    for at, line in enumerate(bare):
        if not line or quoted[at] == kind:
            continue
        if kind is not None:
            runs.append(_Run(start, at, kind))
            start = at
        kind = quoted[at]
    return runs if kind is None else [*runs, _Run(start, len(bare), kind)]


def _kept(bare: Sequence[str], parts: Sequence[_Part], runs: Sequence[_Run]) -> list[int]:
    """The quoted lines that stay because an answer stands below them; none if all is above or below the quote."""
    said = [not run.quoted and _says_something(bare, parts, run) for run in runs]
    answered = [
        run for run, below in zip(runs, range(1, len(runs)), strict=False) if run.quoted and said[below]
    ]
    only = said.index(True) if sum(said) == 1 else len(runs)
    if not answered or (
        len(answered) == 1 and only < len(runs) and not any(run.quoted for run in runs[only:])
    ):
        return []
    return [at for run in answered for at in range(max(run.start, run.end - KEPT_QUESTION), run.end)]


def _says_something(bare: Sequence[str], parts: Sequence[_Part], run: _Run) -> bool:
    return any(
        parts[at] is _Part.NEW and not _PUNCTUATION.match(bare[at]) for at in range(run.start, run.end)
    )


def _joined(lines: Sequence[str], bare: Sequence[str], parts: Sequence[_Part], part: _Part) -> str:
    """The lines of one part; where others were taken out between them, one blank line stands."""
    kept: list[str] = []
    last = -1
    for at, of in enumerate(parts):
        if of is part:
            if last >= 0 and last < at - 1 and bare[last]:
                kept.append("")
            kept.append(lines[at])
            last = at
    return "\n".join(kept).strip("\n")
