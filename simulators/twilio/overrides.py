"""The retry rules in the fragment of a webhook's address: `https://example.com/sms#rc=5&rp=all`."""

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urldefrag

LONGEST_MS = 15_000
LONGEST_CONNECT_MS = 10_000
SHORTEST_MS = 100
MOST_RETRIES = 5
POLICIES = frozenset({"ct", "rt", "4xx", "5xx", "all"})


@dataclass(frozen=True)
class Overrides:
    """`rp` names the failures after which Twilio tries again: ct (no connection), rt (no answer), 4xx, 5xx."""

    ct: int = 5_000
    rt: int = LONGEST_MS
    tt: int = LONGEST_MS
    rc: int = 1
    rp: frozenset[str] = frozenset({"ct"})

    def retries(self, failure: str) -> bool:
        return "all" in self.rp or failure in self.rp


def overrides(url: str) -> Overrides:
    """Values out of range or not understood leave the default, as with an address that has no fragment."""
    found = Overrides()
    for key, value in parse_qsl(urldefrag(url).fragment):
        match key:
            case "rc":
                found = replace(found, rc=_within(value, 0, MOST_RETRIES, found.rc))
            case "ct":
                found = replace(found, ct=_within(value, SHORTEST_MS, LONGEST_CONNECT_MS, found.ct))
            case "rt":
                found = replace(found, rt=_within(value, SHORTEST_MS, LONGEST_MS, found.rt))
            case "tt":
                found = replace(found, tt=_within(value, SHORTEST_MS, LONGEST_MS, found.tt))
            case "rp":
                found = replace(found, rp=POLICIES.intersection(value.split(",")) or found.rp)
            case _:
                pass  # Twilio has more (edge, sni); they change nothing here.
    return found


def _within(text: str, least: int, most: int, default: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    return number if least <= number <= most else default
