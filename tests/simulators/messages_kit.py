"""What the tests of the simulated Messages API share: the unmodified SDK, one schema, one step."""

from typing import Any

from anthropic import AsyncAnthropic

from simulators.messages import MessagesSimulator

MODEL = "claude-sonnet-5-5"
STEP = {"intent": "reply", "message": "Grüße, 世界 👋", "confidence": 0.9, "proposed_action": None}


def obj(**properties: Any) -> dict[str, Any]:
    """An object schema as the API wants it: closed, everything required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA = obj(
    intent={"enum": ["reply", "call_tool"]},
    message={"type": "string"},
    confidence={"type": "number"},
    proposed_action={"anyOf": [{"type": "null"}, obj(tool={"const": "remind"}, when={"type": "string"})]},
)


def client_of(sim: MessagesSimulator, *, key: str = "sk-test") -> Any:
    """The SDK's client; Any, because the tests read past its unions of a dozen kinds of block."""
    return AsyncAnthropic(base_url=sim.base_url, api_key=key, max_retries=0, timeout=5)


def structured(schema: dict[str, Any] = SCHEMA) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema}}


def request(*texts: str, **more: Any) -> dict[str, Any]:
    """Arguments for messages.create: one text block for each text."""
    blocks = [{"type": "text", "text": text} for text in texts or ("hello",)]
    return {
        "model": MODEL,
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": blocks}],
        **more,
    }
