"""A request as the prompt cache and the token count see it: one flat row of blocks, tools first."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Block:
    section: str  # tools, system or messages
    body: bytes  # what a cached prefix must match exactly
    tokens: int
    ttl: str | None  # of its cache_control, if it has one


def blocks(request: Mapping[str, Any]) -> list[Block]:
    """Lay the request out in the order the API caches it: tools, system, messages."""
    row = [_block("tools", tool) for tool in request.get("tools") or ()]
    row += [_block("system", part) for part in as_blocks(request.get("system") or ())]
    for message in request["messages"]:
        row += [_block("messages", part, message["role"]) for part in as_blocks(message["content"])]
    automatic = request.get("cache_control")
    if automatic and row and row[-1].ttl is None:
        row[-1] = replace(row[-1], ttl=automatic.get("ttl", "5m"))
    return row


def total(row: Iterable[Block]) -> int:
    return sum(block.tokens for block in row)


def as_blocks(content: Any) -> list[Mapping[str, Any]]:
    """A plain string is shorthand for one text block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def estimate(text: str) -> int:
    """A token is about four bytes; nothing is free."""
    return max(1, -(-len(text.encode()) // 4)) if text else 0


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def texts(value: Any) -> Iterator[str]:
    """Every string in a parsed JSON document, names included."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, Mapping):
            waiting.extend(each)
            waiting.extend(each.values())


def _block(section: str, part: Mapping[str, Any], role: str = "") -> Block:
    plain = {name: value for name, value in part.items() if name != "cache_control"}
    marker = part.get("cache_control")
    is_text = part.get("type") == "text" and section != "tools"
    counted = part["text"] if is_text else json.dumps(plain, ensure_ascii=False)
    return Block(
        section,
        role.encode() + b" " + canonical(plain),
        estimate(counted),
        marker.get("ttl", "5m") if marker else None,
    )
