"""From a scripted reply to the message the API would send: schema held, limits kept, usage counted."""

import json
from collections.abc import Mapping
from typing import Any

from simulators.messages_prompt import estimate
from simulators.messages_schema import misfit
from simulators.messages_script import Reply

Json = dict[str, Any]


class DoesNotFit(Exception):
    """The script says what the request's schema would never have let a model say."""


def compose(
    request: Mapping[str, Any], reply: Reply, *, message_id: str, usage: Mapping[str, Any], room: int
) -> Json:
    """The whole message; `room` is what is left of the context window for the answer."""
    content = _blocks(reply)
    stop = reply.stop_reason
    stop_sequence = None
    if not reply.raw and stop in (None, "end_turn"):
        _hold_schema(request, content)
    if stop is None and not reply.raw:
        content, stop, stop_sequence = _cut(request, content, room)
    details = reply.stop_details
    if stop == "refusal" and details is None:
        details = {"type": "refusal", "category": None, "explanation": None}
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": reply.model or request["model"],
        "content": content,
        "stop_reason": stop or _usual_stop(content),
        "stop_sequence": stop_sequence,
        "stop_details": details,
        "container": None,
        "usage": {
            **usage,
            "output_tokens": size(content),
            "server_tool_use": None,
            "service_tier": "standard",
            **reply.usage,
        },
        **reply.message,
    }


def size(content: list[Json]) -> int:
    return sum(estimate(str(block["text"]) if "text" in block else json.dumps(block)) for block in content)


def _blocks(reply: Reply) -> list[Json]:
    if reply.content is None and reply.text is None and reply.step is None:
        if reply.stop_reason is None and not reply.message:
            raise DoesNotFit("the reply says nothing: no step, text, content or body")
        return []
    return reply.blocks()


def _hold_schema(request: Mapping[str, Any], content: list[Json]) -> None:
    """Structured output cannot break its schema, so a script that does is a mistake of the test."""
    wanted = (request.get("output_config") or {}).get("format")
    if not wanted or any(block.get("type") == "tool_use" for block in content):
        return
    text = "".join(str(block.get("text")) for block in content if block.get("type") == "text")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DoesNotFit(f"not JSON: {error}") from None
    if why := misfit(value, wanted["schema"]):
        raise DoesNotFit(why)


def _cut(
    request: Mapping[str, Any], content: list[Json], room: int
) -> tuple[list[Json], str | None, str | None]:
    for stop in request.get("stop_sequences") or ():
        for n, block in enumerate(content):
            if block.get("type") == "text" and stop in block["text"]:
                return [*content[:n], {**block, "text": block["text"].split(stop)[0]}], "stop_sequence", stop
    limit = min(request["max_tokens"], room)
    if size(content) <= limit:
        return content, None, None
    why = "max_tokens" if request["max_tokens"] <= room else "model_context_window_exceeded"
    return _first(content, limit), why, None


def _first(content: list[Json], limit: int) -> list[Json]:
    """As much of the answer as fits; a block that is not text is dropped whole."""
    kept = []
    for block in content:
        if block.get("type") == "text":
            piece = block["text"].encode()[: limit * 4].decode(errors="ignore")
            block = {**block, "text": piece}
        if limit <= 0 or size([block]) > limit:
            break
        kept.append(block)
        limit -= size([block])
    return kept


def _usual_stop(content: list[Json]) -> str:
    return "tool_use" if any(block.get("type") == "tool_use" for block in content) else "end_turn"
