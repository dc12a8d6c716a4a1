"""Scores quote stripping on the real mails in tests/payloads/mail_quotes; as a program, it prints the table."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from channels.email.quotes import split

MAILS = Path(__file__).parents[1] / "payloads" / "mail_quotes"
CLEAN, LEFT = 0.15, 0.60
"""The part of the quoted words that may be left in the new text."""


@dataclass(frozen=True)
class Score:
    """How one mail was cut; `lost` are the lines of new text that are missing in it."""

    name: str
    lost: tuple[str, ...]
    left: float
    exact: bool

    @property
    def verdict(self) -> str:
        if self.lost:
            return "LOST"
        if self.left <= CLEAN:
            return "clean"
        return "left" if self.left <= LEFT else "kept"


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    if path.suffix != ".eml":
        return raw.decode("utf-8", "replace").replace("\r\n", "\n")
    body = message_from_bytes(raw, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def scores(new_text: Callable[[str], str] = lambda text: split(text).new) -> list[Score]:
    """One score for each mail, of this way to find the new text."""
    expected = json.loads((MAILS / "expected.json").read_text())
    return [_score(name, lines, new_text) for name, lines in sorted(expected.items())]


def _score(name: str, expected: dict[str, str], new_text: Callable[[str], str]) -> Score:
    text = text_of(MAILS / name)
    numbers = {kind: set(_numbers(ranges)) for kind, ranges in expected.items()}
    free = numbers.get("either", set()) | numbers.get("context", set())
    lines = [(at, _plain(line)) for at, line in enumerate(text.split("\n"), start=1)]
    new = Counter(line for at, line in lines if at in numbers["new"] and line)
    quoted = Counter(line for at, line in lines if at not in numbers["new"] | free and line)
    allowed = Counter(line for at, line in lines if at in free and line)
    got = Counter(filter(None, map(_plain, new_text(text).split("\n"))))
    left = got - new - allowed
    words = _words((left & quoted).elements())
    return Score(
        name,
        tuple((new - got).elements()),
        words / max(1, _words(quoted.elements())),
        exact=not (new - got) and not left,
    )


def _numbers(ranges: str) -> Iterator[int]:
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _plain(line: str) -> str:
    """Without marks of quoting and spaces, so that only what is said counts."""
    return "".join(line.replace(">", " ").split())


def _words(lines: Iterable[str]) -> int:
    return sum(map(len, lines))


def table(found: list[Score]) -> str:
    """How many mails came out how."""
    count = Counter(score.verdict for score in found)
    exact = sum(score.exact for score in found)
    return f"{len(found)} | {exact} | {count['clean']} | {count['left']} | {count['kept']} | {count['LOST']}"


if __name__ == "__main__":
    for score in scores():
        print(
            f"{score.name:62} {score.verdict:6} {'exact' if score.exact else ''} {score.left:.0%} {score.lost or ''}"
        )
    print(table(scores()))
