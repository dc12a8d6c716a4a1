"""Writes the golden log of a release, once, when it is made: `python -m tests.golden.make 0.1.0`.

It stays in the repository for ever, and is never made anew for a release that is out.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from bot import snapshot
from bot.fold import fold_all
from bot.store.codec import COLUMNS
from bot.thread import Thread
from tests.replay.story import tell
from tests.sim.checks import logs_in
from tests.sim.ground import be_quiet


def record(database: Path) -> dict[str, Any]:
    """The raw rows of every thread, the texts they name, and the state that they fold to."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(f"SELECT {COLUMNS} FROM events ORDER BY position").fetchall()
        texts = dict(connection.execute("SELECT hash, text FROM texts ORDER BY hash").fetchall())
        states = {
            thread_id: json.loads(snapshot.dump(fold_all(Thread(thread_id), log)))
            for thread_id, log in logs_in(connection, "golden")
        }
    return {"columns": COLUMNS.split(", "), "texts": texts, "states": states, "rows": rows}


def main(version: str) -> None:
    be_quiet()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(tell(folder))
        recorded = record(folder / "test.db")
    lines = [
        f'"{key}": {json.dumps(recorded[key], ensure_ascii=False)}' for key in ("columns", "texts", "states")
    ]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in recorded["rows"])
    file = Path(__file__).with_name(f"v{version}.json")
    file.write_text("{\n" + ",\n".join(lines) + f',\n"rows": [\n{rows}\n]\n}}\n', encoding="utf-8")
    print(f"{file.name}: {len(recorded['rows'])} events")


if __name__ == "__main__":
    main(sys.argv[1])
