"""Rebuilds every request of a database, in a process of its own: prints its thread, seq, logged and rebuilt hash."""

import json
import sqlite3
import sys
from contextlib import closing

from bot.canonical import digest
from tests.sim.checks import logs_in, rebuilt


def main(path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for thread_id, log in logs_in(connection, path):
            for seq, logged, body in rebuilt(connection, log):
                print(json.dumps([thread_id, seq, logged, digest(body)]))


if __name__ == "__main__":
    main(sys.argv[1])
