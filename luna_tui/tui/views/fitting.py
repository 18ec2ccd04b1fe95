"""Make a line fit by saying it in fewer words, step by step, before anything is cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import fit_line, width_of

Steps = Sequence[Line]
"""One part of a line, the longest way to say it first; an empty line leaves it out."""


def said(role: Role, *texts: str) -> tuple[Line, ...]:
    """Steps of one part that looks the same in all of them."""
    return tuple((Span(text, role),) if text else () for text in texts)


def fitted(
    left: Mapping[str, Steps],
    order: Iterable[str],
    width: int,
    mark: str,
    *,
    right: Mapping[str, Steps] | None = None,
    gap: str = "  ",
) -> Line:
    """`left` and `right` at the two ends of a line of `width` cells.

    While that is too long, the parts named in `order` go on to their next step, one after another;
    a part may be named as often as it has steps. What is too long even then ends in `mark`.
    """
    at = dict.fromkeys((*left, *(right or ())), 0)
    steps = {**left, **(right or {})}
    line = _line(left, right or {}, at, width, gap)
    for name in order:
        if line is not None:
            return line
        if at.get(name, 0) + 1 < len(steps.get(name, ())):
            at[name] += 1
            line = _line(left, right or {}, at, width, gap)
    return line if line is not None else fit_line(_joined(left, at, gap), width, mark)


def _line(
    left: Mapping[str, Steps], right: Mapping[str, Steps], at: Mapping[str, int], width: int, gap: str
) -> Line | None:
    one, other = _joined(left, at, gap), _joined(right, at, gap)
    free = width - width_of(one) - width_of(other)
    if not other:
        return one if free >= 0 else None
    return (*one, Span(" " * free), *other) if free >= len(gap) else None


def _joined(parts: Mapping[str, Steps], at: Mapping[str, int], gap: str) -> Line:
    spans: list[Span] = []
    for name, steps in parts.items():
        chosen = steps[at[name]] if steps else ()
        if chosen:
            spans += [Span(gap), *chosen] if spans else chosen
    return tuple(spans)
