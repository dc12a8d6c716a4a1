"""Slack's signature on a call: HMAC-SHA256 over the time and the raw body, good for five minutes. Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW = 300.0
"""Seconds that the time of a call may differ from ours, in both directions."""

_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is Slack's. `skew`: how far its time is ahead of ours, if the signature itself fits."""

    ok: bool
    why: str = ""
    skew: float = 0.0


class Signature:
    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("without a signing secret nothing can be checked")
        self._key = secret.encode()

    def judge(self, headers: Mapping[str, str], body: bytes, *, now: float) -> Verdict:
        """`headers` with their names in lower case."""
        at = headers.get("x-slack-request-timestamp", "")
        given = headers.get("x-slack-signature", "")
        if not (_TIME.fullmatch(at) and _SIGNATURE.fullmatch(given)):
            return Verdict(False, "there is no signature of Slack's form on it")
        expected = "v0=" + hmac.new(self._key, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, given):
            return Verdict(False, "its signature does not fit")
        skew = float(at) - now
        return Verdict(abs(skew) <= WINDOW, "" if abs(skew) <= WINDOW else "its time is not ours", skew)
