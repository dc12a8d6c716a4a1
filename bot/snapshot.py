"""A thread as text, so that a long log need not be folded again. Any change of the fold makes it void."""

import hashlib
from pathlib import Path

from pydantic import TypeAdapter

from bot.thread import Thread

SNAPSHOT_EVERY = 64
_SOURCES = (
    "canonical.py", "decisions.py", "events.py", "fold.py", "fold_requests.py", "folding.py", "frozen.py",
    "inputs.py", "sizes.py", "snapshot.py", "thread.py", "values.py",
)  # fmt: skip
_THREAD = TypeAdapter(Thread)


def fold_version() -> str:
    """A hash of the sources of the fold."""
    folder = Path(__file__).parent
    sources = b"\0".join((folder / name).read_bytes() for name in _SOURCES)
    return hashlib.sha256(sources).hexdigest()


def dump(thread: Thread) -> str:
    """The thread as JSON; between turns only, when it holds no conversation text."""
    if thread.turn is not None:
        raise ValueError(f"thread {thread.id}: a snapshot is taken between turns, not inside one")
    return _THREAD.dump_json(thread).decode()


def parse(text: str) -> Thread:
    """The thread of a snapshot."""
    return _THREAD.validate_json(text)
