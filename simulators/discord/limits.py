"""Rate limits: a bucket for each kind of request in each channel, one for all together, and Cloudflare's patience."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

from simulators.discord.config import Limit, Limits


@dataclass
class Window:
    """So many requests until it ends; then the next one begins."""

    ends_at: float
    used: int = 0


@dataclass(frozen=True)
class Pass:
    """How a request stands with its bucket. `retry_after` is set where it is one too many."""

    bucket: str
    limit: int
    remaining: int
    reset_at: float
    reset_after: float
    retry_after: float | None = None
    scope: str = "user"

    def headers(self) -> dict[str, str]:
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{self.reset_at:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after:.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }
        return (
            headers if self.retry_after is None else headers | refused_headers(self.retry_after, self.scope)
        )


def refused_headers(retry_after: float, scope: str) -> dict[str, str]:
    """What every 429 of Discord itself carries; `Via` tells it from one of Cloudflare."""
    headers = {
        "Retry-After": str(math.ceil(retry_after)),
        "X-RateLimit-Scope": scope,
        "Via": "1.1 google",
    }
    return headers | ({"X-RateLimit-Global": "true"} if scope == "global" else {})


class RateLimits:
    def __init__(self, limits: Limits, *, time: Callable[[], float], time_scale: float) -> None:
        self._limits = limits
        self._time = time
        self._scale = time_scale
        self._windows: dict[str, Window] = {}

    def enter(self, kind: str, major: str, *, counts_globally: bool = True) -> Pass:
        """Count one request; `major` is its channel, or the token of an interaction."""
        everything = self._limits.everything
        if counts_globally and not self._take("everything", everything):
            left = self._left("everything")
            return Pass("global", everything.requests, 0, self._time() + left, left, left, "global")
        limit: Limit = getattr(self._limits, kind, self._limits.other)
        key = f"{kind}:{major}"
        taken = self._take(key, limit)
        left = self._left(key)
        remaining = max(0, limit.requests - self._windows[key].used)
        bucket = hashlib.sha256(kind.encode()).hexdigest()[:32]
        return Pass(bucket, limit.requests, remaining, self._time() + left, left, None if taken else left)

    def banned(self) -> bool:
        """Has the app had so many refusals that Cloudflare lets nothing through?"""
        window = self._windows.get("invalid")
        return (
            window is not None and window.used >= self._limits.invalid.requests and self._left("invalid") > 0
        )

    def note_refusal(self, status: int) -> None:
        if status in (401, 403, 429):
            self._take("invalid", self._limits.invalid)

    def _take(self, key: str, limit: Limit) -> bool:
        now = self._time()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            window = self._windows[key] = Window(now + limit.seconds * self._scale)
        if window.used >= limit.requests:
            return False
        window.used += 1
        return True

    def _left(self, key: str) -> float:
        return max(0.0, self._windows[key].ends_at - self._time())
