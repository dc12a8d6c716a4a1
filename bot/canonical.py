"""One byte sequence for one JSON value: what is hashed, stored and compared."""

import hashlib
import json
from collections.abc import Mapping

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> str:
    """The value as JSON with sorted keys, no spaces, no NaN; raises ValueError for what JSON cannot hold."""
    return _ENCODER.encode(value)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hex digits."""
    return text_hash(canonical(value))


def text_hash(text: str) -> str:
    """SHA-256 of the text's UTF-8, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def call_digest(tool: str, args: Mapping[str, object]) -> str:
    """What makes two calls the same call: the tool and its arguments."""
    return digest([tool, dict(args)])
