"""Mission control for parallel runs of Claude agents, commands and Python callables, in a terminal."""

from __future__ import annotations

__version__ = "0.1.0"
