"""The process may die anywhere: what was acknowledged is there, and nothing is there by half."""

import itertools
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.store import schema
from tests.store import crashing
from tests.store.kit import message, opened

ENV = os.environ | {"PYTHONPATH": str(Path(crashing.__file__).parents[2])}


def test_dying_at_every_crash_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, crashing.__file__, "sweep", tmp_path / "db"], env=ENV, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    names = [line.split()[1] for line in done.stdout.splitlines()]
    assert set(names) == {
        "create.before", "create.after", "migration.statement", "migration.before", "migration.after",
        "savepoint.done", "commit.before", "commit.after",
    }  # fmt: skip
    assert names.count("commit.before") >= 1  # how many transactions share a commit depends on timing


@pytest.mark.parametrize("seed", ["a", "b"])
def test_kill_minus_nine_under_load_loses_nothing_acknowledged(database: Path, seed: str) -> None:
    said: list[str] = []
    for round_ in range(3):
        child = subprocess.Popen(
            [sys.executable, crashing.__file__, "load", database, f"{seed}{round_}"],
            env=ENV,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        said.append(child.stdout.readline().decode())
        time.sleep(0.4 + 0.1 * round_)
        child.kill()
        said += child.stdout.read().decode().splitlines()
        child.wait()
        child.stdout.close()

    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = connection.execute("SELECT thread_id, seq, type FROM events ORDER BY position").fetchall()
    last = dict(connection.execute("SELECT thread_id, last_seq FROM threads").fetchall())
    connection.close()

    there = {(thread, seq) for thread, seq, _ in rows}
    acknowledged = {tuple(line.split()[1:]) for line in said if len(line.split()) == 3}
    assert len(acknowledged) > 100
    assert not {(thread, int(seq)) for thread, seq in acknowledged} - there
    for thread, last_seq in last.items():
        types = [type_ for id_, _, type_ in rows if id_ == thread]
        assert len(types) == last_seq
        assert types.count("turn.started") == types.count("model.asked"), "half a transaction"


async def test_a_migration_cut_off_leaves_the_old_schema_whole(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database) as store:
        await store.receive(message())
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE more (a)", "CREATE TABLE most (a)"))
    )
    monkeypatch.setattr(schema, "LATEST", len(schema.MIGRATIONS))

    class Cut(Exception):
        pass

    def cut_at(nth: int):
        hits = itertools.count(1)

        def cut(name: str) -> None:
            if next(hits) == nth:
                raise Cut(name)

        return cut

    def tables() -> tuple[int, set[str]]:
        connection = sqlite3.connect(database)
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.close()
        return version, names & {"more", "most"}

    for nth in (1, 2, 3):
        connection = sqlite3.connect(database, isolation_level=None)
        with pytest.raises(Cut):
            schema.migrate(connection, cut_at(nth))
        connection.close()
        assert tables() == (schema.LATEST - 1, set())

    connection = sqlite3.connect(database, isolation_level=None)
    schema.migrate(connection)
    connection.close()
    assert tables() == (schema.LATEST, {"more", "most"})
