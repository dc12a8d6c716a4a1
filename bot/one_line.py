"""Makes one short line of what went wrong: no trace, no path, no secret, no control character."""

import re
from collections.abc import Callable

LONGEST_READ = 20_000
MARGIN = 4_096  # longer than any secret: what is cut off may have cut one in half

_TRACE = re.compile(r"Traceback \(most recent call last\):.*", re.DOTALL)
_FRAME = re.compile(r"File \"[^\"\n]*\", line \d+(?:, in \S+)?")
_PATHS = (
    re.compile(r"(['\"])(?:~?/|[A-Za-z]:\\)[^'\"\n]*\1"),
    re.compile(r"file://\S+"),
    re.compile(r"(?<![\w:/.~-])~?/(?:[^\s/'\"<>:;,()]+/)+[^\s/'\"<>:;,()]*(?::\d+)?"),
    re.compile(r"\b[A-Za-z]:\\[^\s'\"]+"),
    re.compile(r"\b(?:[\w.-]+/)+[\w.-]+\.py\b(?::\d+)?"),
)


def one_line(text: str, *, most: int, clean: Callable[[str], str]) -> str:
    """The text in one line of at most `most` characters, without secrets."""
    text = first_part(text, most=LONGEST_READ, clean=clean)
    text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def safe_line(text: str, *, most: int, clean: Callable[[str], str]) -> str:
    """Like `one_line`, also without stack traces and file paths."""
    text = first_part(text, most=LONGEST_READ, clean=clean)
    text = _TRACE.sub(_last_of_trace, text)
    text = _FRAME.sub("[code]", text)
    for path in _PATHS:
        text = path.sub("[path]", text)
    return one_line(text, most=most, clean=clean)


def error_line(error: BaseException, *, most: int, clean: Callable[[str], str]) -> str:
    """An exception in plain words: `ConnectionRefusedError(...)` is "connection refused error: ..."."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", type(error).__name__).lower()
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - __str__ of somebody else's exception
        said = ""
    return safe_line(
        f"{words.replace('_', ' ').strip()}: {said}" if said.strip() else words, most=most, clean=clean
    )


def first_part(text: str, *, most: int, clean: Callable[[str], str]) -> str:
    """The first `most` characters, cleaned before the cut so that no half of a secret is left over."""
    if len(text) <= most + MARGIN:
        return clean(text)[:most]
    window = clean(text[: most + MARGIN])
    return window[: min(most, max(0, len(window) - MARGIN))]


def _last_of_trace(trace: re.Match[str]) -> str:
    """Of a stack trace only the line that names the error."""
    lines = [line.strip() for line in trace[0].splitlines() if line.strip()]
    return "" if len(lines) < 2 or lines[-1].startswith("File ") else lines[-1]
