"""What model calls cost, as far as the price of the model is known."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.events import Event, ModelAnswered, Usage

NOT_KNOWN = "price not known"
NOTHING = "free: simulated model"


def price(model: str, usage: Usage) -> Decimal | None:
    """US dollars, or None for a model without a known price."""
    # Here, not above: it takes 0.7 s and 40 MB, and most processes never show a price.
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

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
    """The tokens of a thread so far, by model."""

    seq: int = 0
    calls: int = 0
    by_model: dict[str, Usage] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.seq = event.seq
        data = event.data
        if isinstance(data, ModelAnswered) and tokens_of(data.usage):
            self.calls += 1
            self.by_model[data.model] = _sum(self.by_model.get(data.model, Usage()), data.usage)

    @property
    def usage(self) -> Usage:
        total = Usage()
        for usage in self.by_model.values():
            total = _sum(total, usage)
        return total

    def money(self, *, simulated: bool) -> str:
        """What all of it cost, and what of it has no known price."""
        if simulated:
            return NOTHING
        prices = {model: price(model, usage) for model, usage in self.by_model.items()}
        known = [found for found in prices.values() if found is not None]
        unknown = sorted(model or "?" for model, found in prices.items() if found is None)
        if not known:
            return NOT_KNOWN if unknown else "$0"
        total = dollars(sum(known, Decimal()))
        return f"{total} and what {', '.join(unknown)} cost ({NOT_KNOWN})" if unknown else total


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_creation=one.cache_creation + other.cache_creation,
    )
