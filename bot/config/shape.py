"""Walks the definition of the settings: which keys there are, and of which kind."""

import types
from collections.abc import Iterator
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel

from bot.config.section import KeyPath
from bot.config.settings import Config
from bot.secrets import Secret


def keys_at(path: KeyPath) -> tuple[str, ...]:
    """The settings that a table may have."""
    return tuple(name for kind in _at(path) if (section := _section(kind)) for name in section.model_fields)


def is_secret(path: KeyPath) -> bool:
    return Secret in _at(path)


def holds_secret(path: KeyPath) -> bool:
    """Is this a secret, or a table with a secret in it? What was written there is not to be shown."""
    return any(_hides(kind) for kind in _at(path))


def all_keys(section: type[BaseModel] = Config, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key that is not below a name of the user's choice."""
    for name, field in section.model_fields.items():
        yield (*path, name)
        for kind in _alternatives(field.annotation):
            if inner := _section(kind):
                yield from all_keys(inner, (*path, name))


def _at(path: KeyPath) -> tuple[object, ...]:
    kinds: tuple[object, ...] = (Config,)
    for name in path:
        kinds = tuple(found for kind in kinds for found in _below(kind, name))
    return kinds


def _below(kind: object, name: str) -> tuple[object, ...]:
    if section := _section(kind):
        field = section.model_fields.get(name)
        return _alternatives(field.annotation) if field else ()
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return _alternatives(arguments[1])
    return _alternatives(arguments[0]) if get_origin(kind) is tuple else ()


def _alternatives(kind: object) -> tuple[object, ...]:
    """X | None and Annotated[X, ...] are X here."""
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(found for part in get_args(kind) for found in _alternatives(part))
    return (kind,)


def _hides(kind: object) -> bool:
    if section := _section(kind):
        fields = section.model_fields.values()
        return any(_hides(inner) for field in fields for inner in _alternatives(field.annotation))
    return kind is Secret or (get_origin(kind) is dict and _hides(get_args(kind)[1]))


def _section(kind: object) -> type[BaseModel] | None:
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
