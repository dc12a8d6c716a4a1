"""Which lines of a mail are text that we sent: found by its words, however it was wrapped, indented or marked."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

IN_A_ROW = 5
"""So many words in the order in which we wrote them are ours and no chance."""

AT_LEAST = 12
"""Whoever repeats fewer words of ours in a mail says them."""

MOST_WORDS = 400_000

LONGEST_ANNOUNCEMENT = 4
"""Lines such as "On Monday the bot wrote:", broken by whatever sent them."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def lines_of_ours(lines: Sequence[str], ours: Sequence[str]) -> list[bool]:
    """For each line whether all of its words stand in a row of ours."""
    known = _rows(ours)
    words = [word for line in lines for word in _words(line)] if known else []
    covered = _covered(words[:MOST_WORDS], known)
    if sum(covered) < AT_LEAST:
        return [False] * len(lines)
    flags = iter(covered)
    marks = (list(islice(flags, sum(1 for _ in _words(line)))) for line in lines)
    return [bool(mark) and all(mark) for mark in marks]


def is_only_ours(quoted: str, ours: Sequence[str]) -> bool:
    """Whether this quotes one whole text of ours and nothing else, below a line that says who wrote it."""
    lines = [line for line in quoted.split("\n") if line.strip(" >|\t")]
    texts = {tuple(_words(text)) for text in ours} - {()}
    starts = [
        0,
        *(
            at
            for at in range(1, LONGEST_ANNOUNCEMENT + 1)
            if lines[at - 1 : at] and _announces(lines[at - 1])
        ),
    ]
    return any(tuple(word for line in lines[at:] for word in _words(line)) in texts for at in starts)


def _announces(line: str) -> bool:
    return line.rstrip().endswith((":", "\uff1a"))


def _covered(words: Sequence[str], known: set[tuple[str, ...]]) -> list[bool]:
    covered = [False] * len(words)
    for start in range(len(words) - IN_A_ROW + 1):
        if tuple(words[start : start + IN_A_ROW]) in known:
            covered[start : start + IN_A_ROW] = [True] * IN_A_ROW
    return covered


def _rows(ours: Sequence[str]) -> set[tuple[str, ...]]:
    rows: set[tuple[str, ...]] = set()
    room = MOST_WORDS
    for text in ours:
        words = list(_words(text))[:room]
        room -= len(words)
        rows.update(tuple(words[at : at + IN_A_ROW]) for at in range(len(words) - IN_A_ROW + 1))
    return rows


def _words(text: str) -> Iterator[str]:
    return (match.group().lower() for match in _WORD.finditer(text))
