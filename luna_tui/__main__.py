"""`python -m luna_tui` is the program."""

from __future__ import annotations

from luna_tui.cli import entry

entry()
