"""Draw what a benchmark found as an SVG: one group of horizontal bars for each workload."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from luna_tui.core.bench_rows import BenchRow, verdict

_WIDTH, _LEFT, _RIGHT = 840, 196, 92
_GROUP, _BAR, _TOP, _FOOT = 62, 15, 58, 34
_STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328 }
.small { font-size: 11.5px; fill: #59636e }
.strong { font-weight: 600 }
.sequential { fill: #a5adb8 } .parallel { fill: #2f7ad6 } .bound { stroke: #c2410c; stroke-width: 2 }
.rule { stroke: #d1d9e0; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 }
.sequential { fill: #59636e } .parallel { fill: #58a6ff } .bound { stroke: #f0883e } .rule { stroke: #3d444d }
}
"""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From seconds to pixels."""

    longest_s: float

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / self.longest_s


def picture(rows: Sequence[BenchRow], *, title: str, foot: str) -> str:
    """The whole SVG; readable on light and dark ground, with no font or style from elsewhere."""
    longest_s = max((statistics.median(row.sequential_s) for row in rows), default=1.0)
    height = _TOP + _GROUP * len(rows) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label={quoteattr(_spoken(rows, title))}>',
        f"<style>{_STYLE}</style>",
        _text(12, 24, title, "strong"),
        *_legend(),
    ]
    for place, row in enumerate(rows):
        parts += _group(row, _TOP + _GROUP * place, _Scale(longest_s))
    parts += [_text(12, height - 12, foot, "small"), "</svg>"]
    return "\n".join(parts) + "\n"


def _spoken(rows: Sequence[BenchRow], title: str) -> str:
    """The picture in words, for those who do not see it."""
    told = (f"{r.title} {r.speedup:.1f} times" for r in rows if r.speedup is not None)
    return f"{title}: {', '.join(told)}"


def _legend() -> list[str]:
    x = _LEFT
    return [
        _bar(x, 36, 14, "sequential", height=10),
        _text(x + 20, 45, "one worker", "small"),
        _bar(x + 104, 36, 14, "parallel", height=10),
        _text(x + 124, 45, "parallel", "small"),
        f'<line class="bound" x1="{x + 198}" x2="{x + 198}" y1="34" y2="48"/>',
        _text(x + 206, 45, "no schedule on these workers can be shorter", "small"),
    ]


def _group(row: BenchRow, top: int, scale: _Scale) -> list[str]:
    sequential, parallel = statistics.median(row.sequential_s), statistics.median(row.parallel_s)
    bound = scale.x(row.bound.seconds)
    second = top + 26
    beside = max(scale.x(parallel), bound) + 8
    return [
        f'<line class="rule" x1="12" x2="{_WIDTH - 12}" y1="{top}" y2="{top}"/>',
        _text(12, top + 21, row.title, "strong"),
        _text(12, top + 42, f"bound by: {row.bound.name}", "small"),
        _bar(_LEFT, top + 9, scale.x(sequential) - _LEFT, "sequential"),
        _text(scale.x(sequential) + 8, top + 21, f"{sequential:.0f} s", "small"),
        _bar(_LEFT, second + 4, scale.x(parallel) - _LEFT, "parallel"),
        f'<line class="bound" x1="{bound:.1f}" x2="{bound:.1f}" y1="{second + 1}" y2="{second + 22}"/>',
        f'<text x="{beside:.1f}" y="{second + 16}"><tspan class="strong">{parallel:.0f} s</tspan>'
        f'<tspan class="small" dx="10">{escape(_ratio(row))}</tspan></text>',
        _text(_WIDTH - 12, second + 16, _claim(row), "small", anchor="end"),
    ]


def _ratio(row: BenchRow) -> str:
    speed = "" if row.speedup is None else f"{row.speedup:.1f}x"
    return speed if row.efficiency is None else f"{speed}, {row.efficiency:.0%} of the possible"


def _claim(row: BenchRow) -> str:
    return "" if row.claimed is None else f"once claimed {verdict(row)}"


def _bar(x: float, y: float, width: float, kind: str, height: int = _BAR) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" '
        f'height="{height}" rx="2"/>'
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
