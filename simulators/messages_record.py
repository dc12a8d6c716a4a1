"""One call that the simulated Messages API received, as tests look at it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN_HEADERS = (
    "anthropic-version",
    "anthropic-beta",
    "content-type",
    "user-agent",
    "x-stainless-retry-count",
)


@dataclass
class Call:
    endpoint: str  # messages, count_tokens or models
    time: str
    request_id: str
    headers: Mapping[str, str]
    raw: bytes = b""
    json: Any = None  # the parsed body; None until it could be parsed
    status: int | None = None  # None while it is under way
    error: str | None = None
    reply: dict[str, Any] = field(default_factory=dict)  # the message that was made, sent whole or not

    def as_json(self) -> dict[str, Any]:
        shown = {name: self.headers[name] for name in SHOWN_HEADERS if name in self.headers}
        return {
            "endpoint": self.endpoint,
            "time": self.time,
            "request_id": self.request_id,
            "headers": shown,
            "body": self.json,
            "status": self.status,
            "error": self.error,
            "reply": self.reply,
        }
