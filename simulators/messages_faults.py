"""Everything that can go wrong between a bot and its model, by name, so that a test can ask for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self


class ApiError(Exception):
    """An answer of the documented error shape."""

    def __init__(
        self, status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, dict(headers or {})

    def as_json(self, request_id: str) -> dict[str, Any]:
        return {
            "type": "error",
            "error": {"type": self.kind, "message": self.message},
            "request_id": request_id,
        }


# The faults that are a plain error answer: status, error type, message.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "bad_request": (400, "invalid_request_error", "messages.0.content: Input should be a valid list"),
    "too_long": (400, "invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum"),
    "low_credit": (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade "
        "or purchase credits.",
    ),
    "unauthorized": (401, "authentication_error", "invalid x-api-key"),
    "billing": (402, "billing_error", "There is an issue with your organization's billing"),
    "forbidden": (
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource",
    ),
    "not_found": (404, "not_found_error", "model: claude-none"),
    "too_large": (413, "request_too_large", "Request exceeds the maximum size"),
    "rate_limited": (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute",
    ),
    "spend_limit": (
        429,
        "rate_limit_error",
        "You have reached your specified API usage limits. "
        "You will regain access on 2026-12-01 at 00:00 UTC.",
    ),
    "error": (500, "api_error", "Internal server error"),
    "gateway_timeout": (504, "timeout_error", "The request timed out while processing"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
}

# The faults that are a whole answer of another kind: status, content type, body.
BODIES: Mapping[str, tuple[int, str, bytes]] = {
    "html": (
        200,
        "text/html; charset=utf-8",
        b"<html><body><h1>Welcome to the captive portal</h1></body></html>",
    ),
    "empty_object": (200, "application/json", b"{}"),
    "empty_body": (200, "application/json", b""),
    "null": (200, "application/json", b"null"),
    "bad_gateway": (502, "text/html", b"<html><h1>502 Bad Gateway</h1></html>"),
    "unavailable": (503, "text/plain", b"upstream connect error or disconnect/reset before headers"),
}

# The faults that spoil an otherwise good answer, and how.
SPOILERS: Mapping[str, str] = {
    "delay": "waits `seconds`, then answers as usual",
    "disconnect": "resets the connection before the first byte",
    "disconnect_mid": "sends half the answer (JSON or stream), then closes the connection",
    "cut_json": "sends half the JSON as if it were all of it (a stream: ends cleanly half way)",
    "no_message_stop": "a stream with everything but its message_stop; JSON: no stop_reason",
    "sse_error": "a stream breaks off half way with an error event (`type`, `message`); JSON: that as a 200",
    "pings": "a stream that sends only pings for `seconds`, then ends; JSON: waits, then closes",
    "slow": "one byte every `seconds`",
}

KINDS = {*ERRORS, *BODIES, *SPOILERS}


@dataclass(frozen=True)
class Fault:
    """One kind of trouble; `times` None means until it is cleared."""

    kind: str
    times: int | None = 1
    retry_after: str | None = None  # sent as it is: "1", "3600", "-1", a date, junk
    seconds: float = 1.0
    model: str | None = None  # only for calls of this model
    endpoint: str = "messages"  # or count_tokens, models, any
    skip: int = 0  # let this many calls through first
    type: str = "overloaded_error"
    message: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join(sorted(KINDS))}")

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        return cls(**given)

    @property
    def is_early(self) -> bool:
        """The call fails without any answer being made."""
        return self.kind in ERRORS or self.kind in BODIES or self.kind == "disconnect"

    def error(self) -> ApiError | None:
        """The error answer this fault is, if it is one."""
        if self.kind not in ERRORS:
            return None
        status, kind, message = ERRORS[self.kind]
        headers = {} if self.retry_after is None else {"retry-after": self.retry_after}
        if self.kind in ("spend_limit", "low_credit", "billing"):
            headers["x-should-retry"] = "false"
        return ApiError(status, kind, self.message or message, headers=headers)

    def meets(self, endpoint: str, model: str | None) -> bool:
        return self.endpoint in (endpoint, "any") and self.model in (None, model)


@dataclass
class Faults:
    """The faults that are waiting; each call meets at most one, the oldest that fits."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, kind: str, *, times: int | None = 1, **details: Any) -> None:
        self.waiting.append(Fault(kind, times, **details))

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, endpoint: str, model: str | None) -> Fault | None:
        for n, fault in self._fitting(endpoint, model):
            if fault.skip > 0:
                self.waiting[n] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times is not None:
                self.waiting[n] = replace(fault, times=fault.times - 1)
            self.waiting = [each for each in self.waiting if each.times is None or each.times > 0]
            return fault
        return None

    def _fitting(self, endpoint: str, model: str | None) -> Iterator[tuple[int, Fault]]:
        for n, fault in enumerate(list(self.waiting)):
            if fault.meets(endpoint, model):
                yield n, fault
