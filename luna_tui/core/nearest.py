"""Which known word was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_CHARS = 100
"""Of the word that are compared; it comes from a file or a model."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like it; empty when none is."""
    return next(iter(difflib.get_close_matches(word[:_MOST_CHARS], list(known), 1, cutoff=0.5)), "")
