"""The commands that go on from here, in words."""

from __future__ import annotations

from luna_tui.core.figures import clock
from luna_tui.core.report_facts import Estimate, Offer
from luna_tui.core.tongue import _, _n

_CENT = 0.005


def offer_words(offer: Offer) -> str:
    """What a command would do, with its price and how far off that may be."""
    match offer.verb:
        case "resume":
            left = _n("goes on with {n} subtask", "goes on with {n} subtasks", offer.subtasks)
            return left.format(n=offer.subtasks) + _price(offer.estimate)
        case "retry":
            again = _n("tries {n} subtask again", "tries {n} subtasks again", offer.subtasks)
            text = again.format(n=offer.subtasks)
            if offer.with_them:
                them = _n(" ({n} of them skipped)", " ({n} of them skipped)", offer.with_them)
                text += them.format(n=offer.with_them)
            return text + _price(offer.estimate)
        case "replay":
            return _("plays it again")
        case _:
            return _("shows everything as data")


def _price(costs: Estimate | None) -> str:
    """`, about $0.08 to $0.12 and 0:14`; of what costs no money only the time."""
    if costs is None:
        return ""
    time = clock(costs.seconds) if costs.seconds is not None and costs.seconds >= 1.0 else ""
    if costs.usd is None or costs.spread_usd is None:
        unknown = _(", cost unknown")
        return unknown + _(", about {time}").format(time=time) if time else unknown
    usd = _usd(costs.usd, costs.spread_usd)
    if usd and time:
        return _(", about {usd} and {time}").format(usd=usd, time=time)
    return _(", about {time}").format(time=usd or time) if usd or time else ""


def _usd(usd: float, spread_usd: float) -> str:
    if usd == 0.0:
        return ""
    if spread_usd < _CENT:
        return f"${usd:.2f}"
    return _("${low:.2f} to ${high:.2f}").format(low=max(0.0, usd - spread_usd), high=usd + spread_usd)
