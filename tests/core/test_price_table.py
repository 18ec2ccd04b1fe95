"""The price table: what a request costs, and that it is what is published."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices import Usage, calc_price

from luna_tui.core.price_table import AS_OF, COMPARED_WITH, PRICES
from luna_tui.core.prices import cost_usd, price_of

CASES = [
    (20_000, 1_000, 0, 0),
    (5_000, 2_000, 40_000, 10_000),
    (250_000, 4_000, 0, 0),
    (10_000, 4_000, 240_000, 5_000),
]


def newer() -> str:
    """Which of the two tables is to be believed when they differ."""
    installed = version("genai-prices")
    if installed == COMPARED_WITH:
        return "both were the same when the table was made, so it was changed since"
    return f"genai-prices {installed} is newer than {COMPARED_WITH}, with which the table was compared"


@pytest.mark.parametrize("model", PRICES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_request_costs_what_is_published(model: str, case: tuple[int, int, int, int]) -> None:
    taken, given, read, write = case
    published = calc_price(
        Usage(
            input_tokens=taken + read + write, output_tokens=given,
            cache_read_tokens=read, cache_write_tokens=write,
        ),
        model_ref=model, provider_id="anthropic",
    )  # fmt: skip
    ours = cost_usd(PRICES[model], *case)
    assert ours == pytest.approx(float(published.total_price), rel=0.001), (
        f"{model}: the table of {AS_OF} says {ours:.6f}, genai-prices {published.total_price}; {newer()}"
    )


@pytest.mark.parametrize("model", PRICES)
def test_a_search_of_the_web_costs_what_is_published(model: str) -> None:
    published = calc_price(Usage(input_tokens=1), model_ref=model, provider_id="anthropic").model_price
    said = published.web_searches_kcount
    assert said == Decimal(str(PRICES[model].search * 1_000))


def test_a_dated_name_costs_what_its_family_does_and_nothing_else_does() -> None:
    assert price_of(PRICES, "claude-haiku-4-5-20251001") is PRICES["claude-haiku-4-5"]
    assert price_of(PRICES, "claude-haiku-5-5-preview") is None
    assert price_of(PRICES, "claude-haiku") is None
    assert price_of(PRICES, "") is None


def test_a_long_prompt_costs_more_from_its_first_token() -> None:
    price = PRICES["claude-haiku-5-5"]
    assert cost_usd(price, 100_000, 1_000) == pytest.approx(0.0105)
    assert cost_usd(price, 100_001, 1_000) == pytest.approx(0.0525, abs=1e-6)
    assert cost_usd(price, 10, 0, cache_read=100_000) == pytest.approx(0.005005)
