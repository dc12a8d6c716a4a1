"""A table of what was measured, for people on the screen and for programs in a JSON file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One number. `target` says in words what it should be; `met` is None where nothing was promised."""

    name: str
    value: float | str
    unit: str = ""
    target: str = ""
    met: bool | None = None


def report(rows: Sequence[Row], path: Path) -> bool:
    """Print the rows, write them to `path`, and say whether every target was met."""
    print(as_text(rows), flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return all(row.met is not False for row in rows)


def as_text(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    cells = [("what", "value", "unit", "target", ""), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(
        line.rstrip() for line in (lines[0], "  ".join("-" * width for width in widths), *lines[1:])
    )


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    met = {True: "met", False: "NOT MET", None: ""}[row.met]
    return row.name, _number(row.value), row.unit, row.target, met


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
