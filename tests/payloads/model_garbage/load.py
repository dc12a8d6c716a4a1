"""Reads cases.json: what a model endpoint may answer when it should answer with a step, and what we call it.

`expect` is the kind our validator reports: invalid (a sound answer that is no step), unavailable (no sound
answer), refusal, too_large, or ok. `expect_plain` differs where one JSON object in plain text is accepted
(`structured = false`). A string that would be too big for the file is described by a generator:
`{"generate": "deep" | "deep_list" | "repeat" | "digits" | "wide", "n": 1000, "before": "", "after": ""}`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulators.messages_script import Reply

FILE = Path(__file__).with_name("cases.json")
OURS = {"name", "what", "expect", "expect_plain"}

GENERATORS: Mapping[str, Callable[[int, str], str]] = {
    "deep": lambda n, _: '{"a":' * n + "1" + "}" * n,
    "deep_list": lambda n, _: "[" * n + "]" * n,
    "repeat": lambda n, of: of * n,
    "digits": lambda n, _: "9" * n,
    "wide": lambda n, _: "{" + ",".join(f'"k{i}":{i}' for i in range(n)) + "}",
}


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    expect: str
    expect_plain: str  # the same as expect unless the file says otherwise
    reply: Reply  # for MessagesSimulator([case.reply]); never checked against a schema

    def __str__(self) -> str:
        return self.name


@cache
def cases() -> tuple[Case, ...]:
    """Every case, with generated strings written out."""
    return tuple(_case(given) for given in json.loads(FILE.read_text(encoding="utf-8")))


def _case(given: Mapping[str, Any]) -> Case:
    reply = {name: _written_out(value) for name, value in given.items() if name not in OURS}
    expect = given["expect"]
    return Case(
        given["name"],
        given["what"],
        expect,
        given.get("expect_plain", expect),
        Reply.of({"stop_reason": "end_turn", **reply, "raw": True}),
    )


def _written_out(value: Any) -> Any:
    if not isinstance(value, dict) or "generate" not in value:
        return value
    made = GENERATORS[value["generate"]](value["n"], value.get("of", ""))
    return f"{value.get('before', '')}{made}{value.get('after', '')}"
