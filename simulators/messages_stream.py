"""The server-sent events of one message, in the order and the shapes of the Messages API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

PIECE = 24  # characters of text in one delta


def events(message: Mapping[str, Any]) -> Iterator[bytes]:
    """message_start, each block with its deltas, message_delta, message_stop; a ping early on."""
    usage = message["usage"]
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    yield event("message_start", message={**opening, "usage": {**usage, "output_tokens": 1}})
    for index, block in enumerate(message.get("content") or ()):
        deltas = list(_deltas(block))
        yield event("content_block_start", index=index, content_block=_empty(block) if deltas else block)
        if index == 0:
            yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    delta = {name: message.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield event("message_delta", delta=delta, usage=usage)
    yield event("message_stop")


def event(kind: str, **data: Any) -> bytes:
    """One event; text stays UTF-8, so that a write may end inside a character."""
    body = {"type": kind, **data}
    try:
        return f"event: {kind}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair: possible only as an escape
        return f"event: {kind}\ndata: {json.dumps(body)}\n\n".encode()


def _empty(block: Mapping[str, Any]) -> dict[str, Any]:
    blank = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: blank.get(name, value) for name, value in block.items()}


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    match block.get("type"):
        case "text" if isinstance(block.get("text"), str):
            for piece in _pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "tool_use":
            for piece in _pieces(json.dumps(block.get("input"), ensure_ascii=False)):
                yield {"type": "input_json_delta", "partial_json": piece}
        case "thinking" if isinstance(block.get("thinking"), str):
            for piece in _pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block.get("signature", "")}
        case _:  # sent whole in content_block_start
            return


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]
