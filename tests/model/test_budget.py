import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bot.budget import Budget, BudgetedModel, DailyTokens, spent
from bot.events import Failure, ModelAnswered, Step, Usage

DAY = date(2026, 11, 23)
BODY = {"max_tokens": 100, "messages": []}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Costly:
    """A model whose every call costs the same and waits until it is let go."""

    name = "costly"

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.calls = 0
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None

    async def ask(self, body: Mapping[str, object], check: Callable[[str], Step]) -> ModelAnswered:
        self.calls += 1
        await self.go.wait()
        if self.error:
            raise self.error
        return ModelAnswered(usage=Usage(input=self.tokens), failure=Failure(kind="invalid", message="x"))


def no_check(text: str) -> Step:
    raise AssertionError(text)


def test_tokens_of_another_day_do_not_count():
    tokens = DailyTokens(1_000, DAY, 400)

    assert tokens.left(DAY) == 600
    assert tokens.left(DAY + timedelta(days=1)) == 1_000
    assert tokens.add(700, DAY).left(DAY) == 0
    assert tokens.add(70, DAY + timedelta(days=1)) == DailyTokens(1_000, DAY + timedelta(days=1), 70)


def test_every_token_counts_cached_or_not():
    assert spent(Usage(input=1, output=20, cache_read=300, cache_creation=4_000)) == 4_321


async def test_at_the_ceiling_there_is_no_call_until_midnight_utc():
    clock, costly = Clock(), Costly(600)
    model = BudgetedModel(costly, Budget(DailyTokens(1_000, DAY, used=400), clock=clock))
    await model.ask(BODY, no_check)

    refused = await model.ask(BODY, no_check)
    clock.now = datetime(2026, 11, 24, 2, 0, tzinfo=timezone(timedelta(hours=2)))
    after_midnight = await model.ask(BODY, no_check)

    assert refused.failure == Failure(
        kind="budget",
        message="today's ceiling of 1,000 tokens is used up, until 00:00 UTC",
        retry_after=3_600,
    )
    assert after_midnight.failure is not None
    assert after_midnight.failure.kind == "invalid"
    assert costly.calls == 2


async def test_the_tokens_of_a_failed_call_count():
    budget = Budget(DailyTokens(1_000, DAY), clock=Clock())

    await BudgetedModel(Costly(250), budget).ask(BODY, no_check)

    assert budget.tokens.used == 250


async def test_parallel_calls_over_two_models_run_past_the_ceiling_by_one_call_at_most():
    budget = Budget(DailyTokens(1_000, DAY), clock=Clock())
    costly = [Costly(105), Costly(105)]
    for each in costly:
        each.go.clear()
    models = [BudgetedModel(each, budget) for each in costly]

    asking = [asyncio.ensure_future(models[n % 2].ask(BODY, no_check)) for n in range(100)]
    await asyncio.sleep(0)
    for each in costly:
        each.go.set()
    answers = await asyncio.gather(*asking)

    refused = [each for each in answers if each.failure and each.failure.kind == "budget"]
    assert sum(each.calls for each in costly) == 100 - len(refused)
    assert budget.tokens.used <= 1_000 + 105


async def test_a_call_that_is_cancelled_or_breaks_gives_its_reservation_back():
    budget = Budget(DailyTokens(120, DAY), clock=Clock())
    costly = Costly(1)
    model = BudgetedModel(costly, budget)
    costly.go.clear()

    asking = asyncio.ensure_future(model.ask(BODY, no_check))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    costly.go.set()
    costly.error = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        await model.ask(BODY, no_check)
    costly.error = None

    assert (await model.ask(BODY, no_check)).usage.input == 1
