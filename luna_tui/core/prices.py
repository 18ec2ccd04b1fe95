"""What tokens cost, where the price of a model is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DATED = re.compile(r"[-@]\d{8}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens."""

    input: float
    output: float
    cache_read: float = 0.0
    cache_write: float = 0.0
    """Into the cache that lasts five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What requests to a model cost; amounts in USD per million tokens."""

    input: float
    output: float
    cache_read: float = 0.0
    cache_write: float = 0.0
    """Into the cache that lasts five minutes."""
    search: float = 0.0
    """USD of one search of the web that the service does."""
    long_from: int | None = None
    """Tokens of prompt, cached ones included, above which the `long` rates hold; None = they never do."""
    long: Rates | None = None
    """Rates of such a request, its output included."""

    def rates(self, prompt_tokens: int) -> Rates:
        """What holds for a request with a prompt of so many tokens, cached ones included."""
        if self.long is not None and self.long_from is not None and prompt_tokens > self.long_from:
            return self.long
        return Rates(
            input=self.input, output=self.output, cache_read=self.cache_read, cache_write=self.cache_write
        )


def price_of(prices: Mapping[str, Price], model: str) -> Price | None:
    """The price of a model; a dated name costs what its family does. None = not known, which is not 0."""
    found = prices.get(model)
    return found if found is not None else prices.get(_DATED.sub("", model))


def cost_usd(
    price: Price,
    input_tokens: int,
    output_tokens: int,
    cache_read: int = 0,
    cache_write: int = 0,
    searches: int = 0,
) -> float:
    """Cost of one request with the given numbers of tokens."""
    rates = price.rates(input_tokens + cache_read + cache_write)
    tokens = (
        input_tokens * rates.input
        + output_tokens * rates.output
        + cache_read * rates.cache_read
        + cache_write * rates.cache_write
    )
    return tokens / 1_000_000 + searches * price.search


def usd(amount: float) -> str:
    """`12.50 USD`, with more digits below a dollar."""
    return f"{amount:,.2f} USD" if amount >= 1 or amount == 0 else f"{amount:.4f} USD"
