"""Every setting with its value and where it comes from, as `bot config` shows it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel

from bot.config.section import KeyPath, Origin
from bot.config.values import show_duration
from bot.secrets import Secret, redact

NOT_SET = "not set"


class EffectiveValue(NamedTuple):
    """One row of `bot config`."""

    key: str
    value: str
    source: str


def effective_values(config: BaseModel, origins: Mapping[KeyPath, Origin]) -> list[EffectiveValue]:
    """All settings in the order of their definition; secrets are masked."""
    return [
        EffectiveValue(".".join(path), show(value), origins[path].label if path in origins else "default")
        for path, value in leaves(config)
    ]


def leaves(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every setting below a section; people are named, not numbered."""
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from leaves(getattr(value, name), (*path, name))
        case dict() if value:
            for name, item in value.items():
                yield from leaves(item, (*path, str(name)))
        case tuple() if value and isinstance(value[0], BaseModel):
            for item in value:
                yield from leaves(item, (*path, str(getattr(item, "name", "?"))))
        case _:
            yield path, value


def show(value: object) -> str:
    match value:
        case None:
            return NOT_SET
        case Secret():
            return value.masked
        case bool():
            return str(value).lower()
        case timedelta():
            return show_duration(value)
        case tuple():
            return f"[{', '.join(map(show, value))}]"
        case dict():
            return "{}"
        case _:
            return redact(str(value))
