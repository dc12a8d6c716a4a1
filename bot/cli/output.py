"""What commands print: tables for people, one JSON document for programs, the rest on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

_STEERING = (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = {code: f"\\x{code:02x}" for code in _STEERING if chr(code) not in "\n\t"}
_IN_JSON = {code: f"\\u{code:04x}" for code in range(127, 160)}
PIPE_WIDTH = 1000  # nothing is folded in what another program reads


def plain(text: object) -> str:
    """The text without the characters that steer a terminal: people of any channel wrote it."""
    return str(text).translate(_SHOWN)


def say(text: object = "") -> None:
    """A line for people."""
    print(plain(text))


def note(text: object) -> None:
    """A line beside the result: on standard error, so that a program reading the result does not see it."""
    print(plain(text), file=sys.stderr, flush=True)


def fail(text: object) -> None:
    """What went wrong; several problems are several lines."""
    for line in str(text).splitlines() or [""]:
        note(f"error: {line}")


def print_json(value: object) -> None:
    """One JSON document, and nothing else, on standard output."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only, default=_as_json)
    print(text.translate(_IN_JSON))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns side by side, as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False, show_header=any(headings), header_style="bold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    console.print(table)


def local_time(time: datetime) -> str:
    """A moment as the clock of this machine shows it."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        from bot.events import isoformat

        return isoformat(value)
    return str(value)
