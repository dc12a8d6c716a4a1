"""Threads as commands see them: found by the beginning of an id, folded as far as their log can be read."""

from dataclasses import dataclass

from pydantic import JsonValue

from bot import snapshot
from bot.cli.place import Place
from bot.errors import NoSuchThread
from bot.events import isoformat
from bot.fold import fold_all
from bot.ports import ThreadRow
from bot.store.read import ReadOnlyStore
from bot.thread import Status, Thread

MOST_NAMED = 5
_AFTER_ALL_IDS = "\uffff"


@dataclass(frozen=True, slots=True)
class Standing:
    """A thread and where it stands. `broken` says why its log cannot be read; it is parked then."""

    row: ThreadRow
    status: Status
    broken: str = ""

    def to_json(self) -> dict[str, JsonValue]:
        row = self.row
        return {
            "thread_id": row.thread_id,
            "status": self.status,
            "channel": row.channel,
            "account": row.account,
            "conversation": row.conversation,
            "agent": row.agent,
            "last_seq": row.last_seq,
            "opened_at": isoformat(row.opened_at),
            "updated_at": isoformat(row.updated_at),
            **({"broken": self.broken} if self.broken else {}),
        }


def open_store(place: Place) -> ReadOnlyStore:
    """The database, for reading only; also while the bot runs."""
    return ReadOnlyStore(place.database, fold_version=snapshot.fold_version())


async def find_thread(store: ReadOnlyStore, beginning: str) -> ThreadRow:
    """The one thread whose id begins so; raises NoSuchThread if there is none or more than one."""
    beginning = beginning.strip().lower()
    rows = await store.threads(limit=MOST_NAMED + 1, before=beginning + _AFTER_ALL_IDS)
    found = [row for row in rows if beginning and row.thread_id.startswith(beginning)]
    if not found:
        raise NoSuchThread(f'no thread begins with "{beginning}"; `bot threads` lists them')
    if len(found) > 1:
        named = ", ".join(row.thread_id for row in found[:MOST_NAMED])
        more = ", ..." if len(found) > MOST_NAMED else ""
        raise NoSuchThread(f'more than one thread begins with "{beginning}": {named}{more}')
    return found[0]


async def standing(store: ReadOnlyStore, row: ThreadRow) -> Standing:
    """Where a thread stands, read from its log."""
    loaded = await store.load(row.thread_id)
    try:
        thread = snapshot.parse(loaded.snapshot) if loaded.snapshot else Thread(row.thread_id)
        thread = fold_all(thread, loaded.events)
    except (ValueError, LookupError) as error:
        return Standing(row, "parked", f"the log cannot be folded: {error}")
    if loaded.broken:
        return Standing(row, "parked", loaded.broken)
    return Standing(row, thread.status)
