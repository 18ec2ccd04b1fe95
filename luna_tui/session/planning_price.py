"""What it may cost to have a goal planned, before anything is asked."""

from __future__ import annotations

from luna_tui.core.home import PlanningPrice
from luna_tui.core.planning import MOST_REPAIRS
from luna_tui.core.planning_prompt import system_text
from luna_tui.core.prices import Price, cost_usd, price_of
from luna_tui.core.spent import CHARS_PER_TOKEN
from luna_tui.session.live import check_credentials
from luna_tui.session.planning import PlanRequest, surroundings
from luna_tui.session.planning_request import LIKELY_TOKENS, MAX_TOKENS
from luna_tui.storage.config import Config


def planning_price(config: Config, request: PlanRequest) -> PlanningPrice:
    """The price of one good plan, and of the longest ones with every repair; LunaError(77) without a key."""
    check_credentials(config, asks_claude=True)
    price = price_of(config.prices, config.model)
    if config.provider == "simulator":
        price = Price(input=0.0, output=0.0)
    if price is None:
        return PlanningPrice(config.model, None, None)
    text = system_text(surroundings(request, config, request.workspace))
    asked = (len(text) + len(request.goal)) // CHARS_PER_TOKEN
    most = sum(cost_usd(price, asked + n * MAX_TOKENS, MAX_TOKENS) for n in range(MOST_REPAIRS + 1))
    return PlanningPrice(config.model, cost_usd(price, asked, LIKELY_TOKENS), most)
