"""Reads JSON as strictly as it is meant: one value, no doubled name, no NaN, nothing too deep or too huge."""

import json
import math
import re
from typing import NoReturn

from pydantic import JsonValue

MOST_DIGITS = 18  # of a whole number: it fits into 64 bits
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class NotJson(ValueError):
    """This is not JSON."""


def read(text: str, *, depth: int = 40) -> JsonValue:
    """The one JSON value that is the whole text."""
    _check_depth(text, depth)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    return value


def read_object(text: str, *, depth: int = 40) -> dict[str, JsonValue]:
    """The one JSON object that stands somewhere in a plain text, in a code fence or not.

    No other brace may stand around it. Were what does not parse skipped, an object that somebody got quoted
    inside a broken answer could pass for the answer.
    """
    start = text.find("{")
    if start < 0 or text.lstrip().startswith("["):
        raise NotJson("there is no JSON object in it, or one inside a list")
    _check_depth(text[start:], depth)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    around = text[:start] + text[end:]
    if "{" in around or "}" in around:
        raise NotJson("there is more than one JSON object in it, or a brace outside of it")
    assert isinstance(value, dict)
    return value


def _check_depth(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
        elif mark[0] in "]}":
            depth -= 1
        if depth > most:
            raise NotJson(f"it is nested more than {most} levels deep")


def _syntax(error: json.JSONDecodeError) -> NotJson:
    return NotJson(f"{error.msg} at line {error.lineno}, column {error.colno}")


def _no_doubles(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"the name {json.dumps(double[:40])} stands twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise NotJson(f"a number of more than {MOST_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise NotJson(f"the number {digits[:20]} is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_doubles, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
)
