"""List prices of Claude models, as of a date; the configuration overrides them."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.prices import Price, Rates

AS_OF = "2026-11-30"
"""When the table was last compared with what is published. A test compares it with `genai-prices`."""
COMPARED_WITH = "0.2.3"
"""Version of `genai-prices` at that time."""
_SEARCH_USD = 0.01


def _price(
    rates: tuple[float, float, float, float],
    long_from: int | None = None,
    times: tuple[float, float] = (1.0, 1.0),
) -> Price:
    """`rates` = input, output, cache read, cache write; `times` = prompt and output of a long request."""
    taken, given, read, write = rates
    long = None
    if long_from is not None:
        of_prompt, of_output = times
        long = Rates(
            input=round(taken * of_prompt, 6),
            output=round(given * of_output, 6),
            cache_read=round(read * of_prompt, 6),
            cache_write=round(write * of_prompt, 6),
        )
    return Price(
        input=taken, output=given, cache_read=read, cache_write=write, search=_SEARCH_USD,
        long_from=long_from, long=long,
    )  # fmt: skip


PRICES: Mapping[str, Price] = {
    "claude-haiku-5-5": _price((0.1, 0.5, 0.01, 0.125), 100_000, (5.0, 5.0)),
    "claude-sonnet-5-5": _price((2.0, 10.0, 0.1, 2.5)),
    "claude-opus-5-5": _price((4.0, 20.0, 0.2, 5.0)),
    "claude-fable-5-2": _price((8.0, 40.0, 0.2, 10.0)),
    "claude-mythos-5-2": _price((8.0, 40.0, 0.2, 10.0)),
    "claude-fable-5-1": _price((10.0, 50.0, 0.25, 12.5)),
    "claude-fable-5": _price((10.0, 50.0, 1.0, 12.5)),
    "claude-opus-5": _price((5.0, 25.0, 0.5, 6.25)),
    "claude-sonnet-5": _price((2.0, 10.0, 0.2, 2.5)),
    "claude-opus-4-8": _price((5.0, 25.0, 0.5, 6.25)),
    "claude-opus-4-7": _price((5.0, 25.0, 0.5, 6.25)),
    "claude-opus-4-6": _price((5.0, 25.0, 0.5, 6.25)),
    "claude-opus-4-5": _price((5.0, 25.0, 0.5, 6.25)),
    "claude-opus-4-1": _price((15.0, 75.0, 1.5, 18.75)),
    "claude-sonnet-4-6": _price((3.0, 15.0, 0.3, 3.75)),
    "claude-sonnet-4-5": _price((3.0, 15.0, 0.3, 3.75), 200_000, (2.0, 1.5)),
    "claude-haiku-4-5": _price((1.0, 5.0, 0.1, 1.25)),
}
"""Model -> its price. One that is not here has an unknown price."""
