"""The daily ceiling of tokens: reserved before a call, settled after it, so that parallel calls obey it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from bot.events import Failure, ModelAnswered, Step, Usage
from bot.ports import Clock, Model

BESIDES_TEXT = 6000  # bytes: the schema of the answer, mostly


@dataclass(frozen=True, slots=True)
class DailyTokens:
    """What is used of one UTC day's ceiling."""

    limit: int
    day: date
    used: int = 0

    def add(self, tokens: int, day: date) -> "DailyTokens":
        """With these tokens; a new day begins at nothing."""
        before = self.used if day == self.day else 0
        return replace(self, day=day, used=before + tokens)

    def left(self, day: date) -> int:
        return max(0, self.limit - (self.used if day == self.day else 0))


def spent(usage: Usage) -> int:
    """What a call counts against the ceiling: every token, cached or not."""
    return usage.input + usage.output + usage.cache_read + usage.cache_creation


class Budget:
    """One ceiling for all models that cost money. `tokens` is what the log says was used today."""

    def __init__(self, tokens: DailyTokens, *, clock: Clock) -> None:
        self.tokens = tokens
        self._clock = clock
        self._reserved = 0
        self._settled = asyncio.Event()

    async def room(self) -> None:
        """Wait while all that is left is reserved: what the calls under way do not use is free again then."""
        while 0 < self._left() <= self._reserved:
            self._settled.clear()
            await self._settled.wait()

    def _left(self) -> int:
        return self.tokens.left(self._clock().astimezone(UTC).date())

    def refusal(self) -> Failure | None:
        """Why no further call may start today, if that is so."""
        if self._left() > 0:
            return None
        now = self._clock().astimezone(UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        return Failure(
            kind="budget",
            message=f"today's ceiling of {self.tokens.limit:,} tokens is used up, until 00:00 UTC",
            retry_after=max(1.0, (midnight - now).total_seconds()),
        )

    def reserve(self, tokens: int) -> None:
        self._reserved += tokens

    def settle(self, reserved: int, used: int) -> None:
        """Give the reservation back and count what was used instead."""
        self._reserved -= reserved
        self._settled.set()
        self.tokens = self.tokens.add(used, self._clock().astimezone(UTC).date())


class BudgetedModel:
    """A model under a ceiling. Parallel calls run past it by one call at most."""

    def __init__(self, model: Model, budget: Budget) -> None:
        self._model = model
        self._budget = budget
        self.name = model.name

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        await self._budget.room()
        if refusal := self._budget.refusal():
            return ModelAnswered(model=self.name, failure=refusal)
        reserved = _most_tokens(body)
        used = 0
        self._budget.reserve(reserved)
        try:
            answered = await self._model.ask(body, check)
            used = spent(answered.usage)
        finally:
            self._budget.settle(reserved, used)
        return answered


def _most_tokens(body: Mapping[str, object]) -> int:
    """A careful guess at what a call can use: three bytes a token, and the longest answer."""
    limit = body.get("max_tokens")
    texts = sum(_size(text) for text in _texts((body.get("system"), body.get("messages"))))
    return (texts + BESIDES_TEXT) // 3 + (limit if isinstance(limit, int) else 0)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _texts(value: object) -> Iterator[str]:
    """What is said in a request, wherever it stands in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(value.get("text") or value.get("content"))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
