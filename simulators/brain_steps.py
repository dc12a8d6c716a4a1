"""The steps that the demo brain answers with."""

from collections.abc import Mapping
from typing import Any

Step = dict[str, Any]

SHOWN = 160


def reply(message: str, confidence: float = 0.9) -> Step:
    return step("reply", message, confidence)


def ask(message: str) -> Step:
    return step("need_clarification", message, 0.7)


def call(tool: str, **args: object) -> Step:
    return step("call_tool", "", action={"tool": tool, "args": args})


def step(intent: str, message: str, confidence: float = 0.9, action: Mapping[str, Any] | None = None) -> Step:
    return {
        "intent": intent,
        "message": message,
        "confidence": confidence,
        "proposed_action": None if action is None else dict(action),
    }


def clip(text: str, limit: int = SHOWN) -> str:
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
