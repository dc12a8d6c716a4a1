"""Turns pydantic's refusals into problems that say where, what, and what to do."""

import difflib
import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from bot.config.problems import Problem, shown
from bot.config.section import KeyPath
from bot.config.shape import all_keys, holds_secret, keys_at
from bot.config.sources import PEOPLE, Gathered

ALLOWED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": 'a text in "quotes"',
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": "a list in [brackets]",
    "path_type": 'a path in "quotes"',
    "missing": "a value; there is no default",
}


def explain(error: ErrorDetails, gathered: Gathered) -> Problem:
    path = named(error["loc"], gathered)
    origin = gathered.origin(path)
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        siblings = keys_at(path[:-1])
        return Problem(
            str(origin), key, "an unknown key", f"{', '.join(siblings)}", _better_key(path, siblings)
        )
    context = error.get("ctx", {})
    allowed = context.get("allowed") or context.get("expected") or ALLOWED.get(error["type"], error["msg"])
    change = f"change or unset {origin.name}" if origin.name else "change it, or leave it out for the default"
    fix = "add it" if error["type"] == "missing" else context.get("fix") or change
    given = context.get("found") or error["input"]
    found = "nothing" if error["type"] == "missing" else shown(given, secret=holds_secret(path))
    return Problem(str(origin), key, found, str(allowed), str(fix))


def named(loc: Sequence[int | str], gathered: Gathered) -> KeyPath:
    """The key path of an error, without pydantic's own marks such as [key]; a person goes by name."""
    people = gathered.table.get(PEOPLE)
    if len(loc) > 1 and loc[0] == PEOPLE and isinstance(loc[1], int) and isinstance(people, dict):
        loc = (PEOPLE, list(people)[loc[1]], *loc[2:])
    return tuple(str(part) for part in loc if not re.fullmatch(r"\[\w+\]", str(part)))


def _better_key(path: KeyPath, siblings: Sequence[str]) -> str:
    near = difflib.get_close_matches(path[-1], siblings, n=1, cutoff=0.5)
    elsewhere = [".".join(known) for known in all_keys() if known[-1] == path[-1]]
    return f"did you mean {' or '.join(near + elsewhere)}?" if near or elsewhere else "remove it"
