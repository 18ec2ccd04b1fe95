"""The language of the interface: what a text is in the language that was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations

_chosen: ContextVar[NullTranslations] = ContextVar("language", default=NullTranslations())  # noqa: B039
"""Of this context: whoever starts the screen chooses, and a test may choose for itself."""


def _(text: str) -> str:
    """`text` in the chosen language; the text itself where it has no translation.

    Write `_("{n} of {m} on").format(n=1, m=2)`: what is formatted before cannot be looked up.
    """
    return _chosen.get().gettext(text) if text else text


def _n(one: str, many: str, count: int) -> str:
    """The form for `count` in the chosen language."""
    return _chosen.get().ngettext(one, many, count)


def _p(where: str, text: str) -> str:
    """`text` where it needs a word of its own in other languages; `where` tells translators what for."""
    return _chosen.get().pgettext(where, text)


def N_(text: str) -> str:
    """Mark a text in a table for translation; it is looked up by `_` where it is shown."""
    return text


def choose(translations: NullTranslations) -> None:
    """Speak this language in this context from now on."""
    _chosen.set(translations)


@contextmanager
def speaking(translations: NullTranslations) -> Iterator[None]:
    """Speak this language for a while."""
    token = _chosen.set(translations)
    try:
        yield
    finally:
        _chosen.reset(token)
