"""The shape of a card of the timeline."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

Kind = Literal["person", "bot", "model", "tool", "control", "trouble", "quiet"]


@dataclass(frozen=True, slots=True)
class Card:
    """`text` is shown as it is, `html` has been made safe; `facts` are short pairs below.

    `approval` is the id of the request for a yes that the card is about.
    """

    kind: Kind
    title: str
    who: str = ""
    text: str = ""
    html: Markup | None = None
    facts: Sequence[tuple[str, str]] = ()
    request: bool = False
    sends: int = 0
    approval: str = ""


def pairs(**facts: str) -> list[tuple[str, str]]:
    """The facts that there are."""
    return [(name.replace("_", " "), value) for name, value in facts.items() if value]


def json_of(args: object) -> str:
    return json.dumps(args, ensure_ascii=False, indent=2) if args else ""
