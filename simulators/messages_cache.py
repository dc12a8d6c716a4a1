"""The prompt cache: what a request reads, what it writes, and why it missed.

By the rules of the public documentation: only exact prefixes count; an entry is written at each breakpoint
and lives five minutes or an hour from its last use; a breakpoint finds entries at most 20 positions back,
itself included; prefixes shorter than a minimum are not cached, silently.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from simulators.messages_prompt import Block, canonical, total

LOOK_BACK = 20
LIFE = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
KEPT_FINGERPRINTS = 2_000
KEPT_ENTRIES = 20_000  # more than these: throw out the expired ones


@dataclass(frozen=True)
class CacheUse:
    read: int
    written_5m: int
    written_1h: int
    fresh: int  # neither read from the cache nor written to it

    def as_usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
        }


@dataclass(frozen=True)
class _Entry:
    life: timedelta
    until: datetime


@dataclass(frozen=True)
class _Fingerprint:
    """Enough of an answered request to say later where the next one left its prefix."""

    model: str
    tools: bytes
    system: bytes
    messages: tuple[bytes, ...]  # up to the last breakpoint
    tokens: int


class PromptCache:
    """Hashes of the prefixes that earlier requests marked."""

    def __init__(self, min_tokens: int) -> None:
        self.min_tokens = min_tokens
        self._entries: dict[bytes, _Entry] = {}
        self._fingerprints: dict[str, _Fingerprint] = {}

    def use(self, request: Mapping[str, Any], row: list[Block], now: datetime) -> CacheUse:
        """Read the longest live prefix, write the marked ones, and say what that comes to."""
        self._prune(now)
        prefixes = _prefixes(request, row)
        sizes = list(accumulate(block.tokens for block in row))
        marked = [n for n, block in enumerate(row) if block.ttl and sizes[n] >= self.min_tokens]
        hit = max((self._find(prefixes, mark, now) for mark in marked), default=-1)

        read = sizes[hit] if hit >= 0 else 0
        new = [n for n in marked if n > hit]
        up_to_1h = max((sizes[n] for n in new if row[n].ttl == "1h"), default=read)
        up_to_any = max((sizes[n] for n in new), default=up_to_1h)
        self._keep(prefixes, row, marked, hit, now)
        return CacheUse(read, up_to_any - up_to_1h, up_to_1h - read, total(row) - up_to_any)

    def remember(self, message_id: str, model: str, row: list[Block]) -> None:
        """Keep what `why_missed` compares a later request with."""
        self._fingerprints[message_id] = _fingerprint(model, row)
        while len(self._fingerprints) > KEPT_FINGERPRINTS:
            del self._fingerprints[next(iter(self._fingerprints))]

    def why_missed(self, previous_id: str, model: str, row: list[Block]) -> dict[str, Any] | None:
        """The cache_miss_reason for a request that names an earlier one; None when its prefix is intact."""
        before = self._fingerprints.get(previous_id)
        if before is None:
            return {"type": "previous_message_not_found"}
        after = _fingerprint(model, row)
        whole = [_digest(block) for block in row if block.section == "messages"]
        for kind, same in (
            ("model_changed", before.model == after.model),
            ("tools_changed", before.tools == after.tools),
            ("system_changed", before.system == after.system),
            ("messages_changed", before.messages == tuple(whole[: len(before.messages)])),
        ):
            if not same:
                return {"type": kind, "cache_missed_input_tokens": before.tokens}
        return None

    def _find(self, prefixes: list[bytes], mark: int, now: datetime) -> int:
        reach = range(mark, max(mark - LOOK_BACK, -1), -1)
        return next((n for n in reach if self._live(prefixes[n], now)), -1)

    def _live(self, prefix: bytes, now: datetime) -> _Entry | None:
        entry = self._entries.get(prefix)
        return entry if entry and entry.until > now else None

    def _keep(
        self, prefixes: list[bytes], row: list[Block], marked: list[int], hit: int, now: datetime
    ) -> None:
        for prefix in prefixes[: hit + 1]:
            if entry := self._live(prefix, now):
                self._entries[prefix] = _Entry(entry.life, now + entry.life)
        for n in marked:
            life = LIFE[row[n].ttl or "5m"]
            known = self._live(prefixes[n], now)
            if known is None or known.life < life:
                self._entries[prefixes[n]] = _Entry(life, now + life)

    def _prune(self, now: datetime) -> None:
        if len(self._entries) > KEPT_ENTRIES:
            self._entries = {key: entry for key, entry in self._entries.items() if entry.until > now}


def _prefixes(request: Mapping[str, Any], row: list[Block]) -> list[bytes]:
    """One running hash per block; settings that void a section are hashed in where it begins."""
    state = hashlib.sha256(canonical([request["model"], (request.get("output_config") or {}).get("format")]))
    in_messages = False
    found = []
    for block in row:
        if block.section == "messages" and not in_messages:
            in_messages = True
            state.update(canonical([request.get("thinking"), request.get("tool_choice")]))
        state.update(block.section.encode() + len(block.body).to_bytes(8, "big") + block.body)
        found.append(state.digest())
    return found


def _fingerprint(model: str, row: list[Block]) -> _Fingerprint:
    last_mark = max((n for n, block in enumerate(row) if block.ttl), default=-1)
    marked = row[: last_mark + 1]
    return _Fingerprint(
        model,
        b"".join(_digest(block) for block in row if block.section == "tools"),
        b"".join(_digest(block) for block in row if block.section == "system"),
        tuple(_digest(block) for block in marked if block.section == "messages"),
        total(marked),
    )


def _digest(block: Block) -> bytes:
    return hashlib.sha256(block.body).digest()
