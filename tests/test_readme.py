"""The picture in the README is what the program shows of the recorded demo."""

from __future__ import annotations

import re
from pathlib import Path

from tui.scenes import demo

from luna_tui.core.state import fold
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks

README = Path(__file__).parent.parent / "README.md"
AT_S = 6.0


def picture() -> str:
    """The run screen of the recorded demo at 80 columns, without empty lines at its end."""
    view = run_view(fold(demo(AT_S)), AT_S, Looks(width=80, height=24))
    parts = (view.header, view.gauges, view.waiting, view.strip, view.grid, view.attention, view.keys)
    lines = ["".join(s.text for s in line).rstrip() for part in parts for line in part.lines]
    return "\n".join(line for line in lines if line)


def test_the_picture_is_true() -> None:
    shown = re.search(r"```text\n(.*?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert shown[1] == picture()
