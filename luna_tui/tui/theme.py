"""Turn a theme's roles into styles that Rich can paint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rich.color import Color
from rich.style import Style

from luna_tui.tui.views.spans import Role


class StyleLike(Protocol):
    """How a role looks, as a theme file says it."""

    @property
    def fg(self) -> str: ...
    @property
    def bg(self) -> str: ...
    @property
    def bold(self) -> bool: ...
    @property
    def dim(self) -> bool: ...
    @property
    def italic(self) -> bool: ...
    @property
    def underline(self) -> bool: ...
    @property
    def reverse(self) -> bool: ...


class ThemeLike(Protocol):
    """A theme as storage loads it."""

    @property
    def name(self) -> str: ...
    @property
    def background(self) -> str: ...
    @property
    def styles(self) -> Mapping[str, StyleLike]: ...


class Palette:
    """A theme, ready to paint with."""

    def __init__(self, theme: ThemeLike | None) -> None:
        self.name = theme.name if theme else "plain"
        background = theme.background if theme else "default"
        self.base = Style(bgcolor=_colour(background))
        """Under every cell."""
        self._styles = {
            role: self.base + _style(theme.styles[role.value]) if theme else self.base for role in Role
        }

    def style(self, role: Role) -> Style:
        """Style of a role."""
        return self._styles[role]


def _style(spec: StyleLike) -> Style:
    return Style(
        color=_colour(spec.fg),
        bgcolor=_colour(spec.bg),
        bold=spec.bold or None,
        dim=spec.dim or None,
        italic=spec.italic or None,
        underline=spec.underline or None,
        reverse=spec.reverse or None,
    )


def _colour(name: str) -> Color | None:
    return None if name == "default" else Color.parse(name)
