"""The themes there are, the one in use, and those that changed on disk meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from luna_tui.core.tongue import _
from luna_tui.tui.theme import Palette, ThemeLike

Changed = Callable[[], tuple[Mapping[str, ThemeLike], Sequence[str]] | None]
"""All themes and what is wrong with some, when a file changed since the last call; else None."""

_FALLBACK = "dark"


class Palettes:
    """Themes ready to paint with."""

    def __init__(self, themes: Mapping[str, ThemeLike], name: str, changed: Changed | None = None) -> None:
        self._palettes = [Palette(t) for t in themes.values()] or [Palette(None)]
        self._changed = changed
        self._at = 0
        self._wanted = name
        """Chosen last; used again when its file can be used again."""
        self.complaint = ""
        """Why the theme that was asked for is not used; empty when it is."""
        if not self.use(name):
            self.use(_FALLBACK)
            self._wanted = name
            said = _("theme {name} is not known; using {other}")
            self.complaint = said.format(name=name, other=self.current.name)

    @property
    def current(self) -> Palette:
        """The one in use."""
        return self._palettes[self._at]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all themes, in the order of `next`."""
        return tuple(p.name for p in self._palettes)

    def use(self, name: str) -> bool:
        """Use the theme of this name; False when there is none."""
        if name not in self.names:
            return False
        self._at = self.names.index(name)
        self._wanted = name
        return True

    def next(self) -> str:
        """Use the next theme; what to say."""
        self.use(self.names[(self._at + 1) % len(self._palettes)])
        return _("theme {name}").format(name=self.current.name)

    def refresh(self) -> str | None:
        """Take in what changed on disk; what to say, None when nothing changed."""
        news = self._changed() if self._changed is not None else None
        if news is None:
            return None
        themes, problems = news
        before = self.current
        self._palettes = [Palette(t) for t in themes.values()] or [Palette(None)]
        if problems and before.name not in self.names:
            # Half an edit: whoever writes a theme wants to look at it, not at another one.
            self._palettes.append(before)
        here = (n for n in (self._wanted, _FALLBACK) if n in self.names)
        self._at = self.names.index(next(here, self.names[0]))
        if problems:
            return _("theme not used: {why}").format(why="; ".join(problems))
        return _("themes read again; theme {name}").format(name=self.current.name)
