"""Values out of what a provider sent: whatever has not the shape that it should reads as absent. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

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
