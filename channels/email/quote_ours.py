"""Which lines of a mail are text that we sent: found by its words, however it was wrapped, indented or marked."""

import re
from collections.abc import Iterator, Sequence

IN_A_ROW = 5
"""So many words in the order in which we wrote them are ours and no chance."""

MOST_WORDS = 200_000

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def lines_of_ours(lines: Sequence[str], ours: Sequence[str]) -> list[bool]:
    """For each line whether all of its words stand in a row of ours."""
    known = _rows(ours)
    if not known:
        return [False] * len(lines)
    words = [(word, at) for at, line in enumerate(lines) for word in _words(line)]
    foreign = [False] * len(lines)
    has_words = [False] * len(lines)
    covered_to = 0
    for start, (_, at) in enumerate(words):
        row = tuple(word for word, _ in words[start : start + IN_A_ROW])
        if len(row) == IN_A_ROW and row in known:
            covered_to = start + IN_A_ROW
        has_words[at] = True
        foreign[at] = foreign[at] or start >= covered_to
    return [has and not other for has, other in zip(has_words, foreign, strict=True)]


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
