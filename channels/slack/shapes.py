"""What a value in Slack's JSON has to look like to be taken; anything else reads as absent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TS = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")

Json = Mapping[str, Any]


def mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def items(value: Json, key: str) -> list[Json]:
    found = value.get(key)
    if isinstance(found, str) or not isinstance(found, Sequence):
        return []
    return [mapping(item) for item in found]


def string(value: Json, key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def id_in(value: Json, key: str) -> str:
    found = string(value, key)
    return found if ID.fullmatch(found) else ""


def ts_in(value: Json, key: str) -> str:
    found = string(value, key)
    return found if TS.fullmatch(found) else ""
