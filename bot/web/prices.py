"""What model calls cost, as far as the price of the model is known."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.events import Event, ModelAnswered, Usage

NOT_KNOWN = "price not known"
NOTHING = "free: simulated model"


def price(model: str, usage: Usage) -> Decimal | None:
    """US dollars, or None for a model without a known price."""
    # Here, not above: it takes 0.7 s and 40 MB, and most processes never show a price.
    from genai_prices import Usage as Tokens, calc_price

    tokens = Tokens(
        input_tokens=usage.input + usage.cache_read + usage.cache_creation,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_creation,
    )
    try:
        return calc_price(tokens, model, provider_id="anthropic").total_price
    except LookupError:
        return None


def dollars(amount: Decimal) -> str:
    """Short and never rounded to nothing."""
    if amount == 0:
        return "$0"
    return (
        f"${amount:.2f}"
        if amount >= 1
        else f"${amount:.4f}"
        if amount >= Decimal("0.0001")
        else "under $0.0001"
    )


def tokens_of(usage: Usage) -> int:
    return usage.input + usage.output + usage.cache_read + usage.cache_creation


@dataclass(slots=True)
class Bill:
    """The model calls of a thread so far. Each call is priced by itself: long ones have other prices."""

    seq: int = 0
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal = Decimal()
    unknown: tuple[str, ...] = ()

    def add(self, event: Event) -> None:
        self.seq = event.seq
        data = event.data
        if not isinstance(data, ModelAnswered) or not tokens_of(data.usage):
            return
        self.calls += 1
        self.usage = _sum(self.usage, data.usage)
        found = price(data.model, data.usage)
        if found is not None:
            self.cost += found
        elif data.model not in self.unknown:
            self.unknown = (*self.unknown, data.model)

    def money(self, *, simulated: bool) -> str:
        """What all of it cost, and whose part of it is not known."""
        if simulated:
            return NOTHING
        if not self.unknown:
            return dollars(self.cost)
        missing = f"{', '.join(self.unknown)}: {NOT_KNOWN}"
        return f"{dollars(self.cost)} ({missing})" if self.cost else NOT_KNOWN


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_creation=one.cache_creation + other.cache_creation,
    )
