"""Which models share limits: the service pools them per family."""

from __future__ import annotations

import re

_FAMILY = re.compile(r"claude-(?:[0-9][0-9-]*-)?([a-z]+)")


def family(model: str) -> str:
    """`claude-haiku-5-5` -> `haiku`; a name of another shape is a family of its own."""
    match = _FAMILY.match(model)
    return match[1] if match else model
