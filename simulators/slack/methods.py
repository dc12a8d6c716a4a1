"""All methods of the Web API that the simulator knows, by name, with the token and the scope each needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from simulators.slack.arguments import Call
from simulators.slack.config import Json

Run: TypeAlias = Callable[[Call], Json]


@dataclass(frozen=True)
class Method:
    run: Run
    scope: str = ""
    token: Literal["bot", "app", "none"] = "bot"
