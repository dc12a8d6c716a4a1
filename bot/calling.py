"""What every client of a provider's HTTP API has to know, whichever SDK it calls with."""

import math
from urllib.parse import urlsplit
from urllib.request import proxy_bypass


def retry_after(header: object) -> float | None:
    """The seconds of a Retry-After that makes sense, else nothing."""
    try:
        value = float(str(header))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def is_direct(url: str) -> bool:
    """Whether to leave a proxy out; SDKs read HTTPS_PROXY, but not all read NO_PROXY, or know what is local."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or bool(proxy_bypass(host))


def in_words(error: Exception) -> str:
    return str(error) or type(error).__name__
