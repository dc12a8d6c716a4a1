"""What a value in Discord's JSON has to look like to be taken; anything else reads as absent."""

import re
from datetime import UTC, datetime

from bot.payloads import Json as Json, items as items, mapping as mapping, string as string

ID = re.compile(r"[1-9][0-9]{0,19}")
EPOCH = 1_420_070_400_000  # the first millisecond of 2015, from which Discord counts


def number(value: Json, key: str) -> int:
    """A whole number; -1 for anything else."""
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else -1


def id_in(value: Json, key: str) -> str:
    """An id (a snowflake), which Discord writes as a string."""
    found = string(value, key)
    return found if is_id(found) else ""


def is_id(text: str) -> bool:
    return text.isascii() and ID.fullmatch(text) is not None


def time_of(id_: str) -> datetime:
    """When the thing with this id was made: Discord's ids begin with the time."""
    return datetime.fromtimestamp(((int(id_) >> 22) + EPOCH) / 1000, UTC)


def id_at(time: datetime) -> str:
    """The smallest id that something made then can have."""
    return str(max(0, int(time.timestamp() * 1000) - EPOCH) << 22)
