"""Load colour themes: plain TOML files, where a broken one never breaks the program."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.storage.fields import Problems, Table, nearest
from luna_tui.storage.toml_source import read_toml

TITLE = "the theme cannot be used"
MAX_BYTES = 64 * 1024
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
COLOURS = frozenset({"default", *_HUES, *(f"bright_{hue}" for hue in _HUES)})
"""The terminal's own colours; anything else is #rrggbb."""
_STYLE_KEYS = ("fg", "bg", "bold", "dim", "italic", "underline", "reverse")


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSpec:
    """How one role looks."""

    fg: str = "default"
    bg: str = "default"
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """A style for every role."""

    name: str
    dark: bool
    background: str
    """#rrggbb, or default for the terminal's own."""
    styles: Mapping[str, StyleSpec]


@dataclass(frozen=True, slots=True)
class Themes:
    """What was found, and what could not be used."""

    found: Mapping[str, Theme]
    problems: tuple[Problem, ...] = field(default=())


def discover_themes(folders: Collection[Path], roles: Collection[str]) -> Themes:
    """All themes of these folders, in their order; broken files become problems.

    A later theme replaces an earlier one of the same name, and takes the roles it leaves out from
    the earlier theme named `dark` or `light`, whichever it says it is.
    """
    found: dict[str, Theme] = {}
    problems: list[Problem] = []
    for folder in folders:
        bases = {dark: found.get("dark" if dark else "light") for dark in (True, False)}
        for path in _theme_files(folder, problems):
            try:
                theme = load_theme(path, roles, bases)
            except InvalidInput as error:
                problems.extend(error.problems)
            else:
                found[theme.name] = theme
    return Themes(found, tuple(problems))


def _theme_files(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(Problem(str(folder), 0, f"cannot be listed: {error.strerror}", "make it a folder"))
        return []


def load_theme(path: Path, roles: Collection[str], bases: Mapping[bool, Theme | None] | None = None) -> Theme:
    """One theme file; InvalidInput with located problems.

    `bases` gives, for dark and for light themes, the one that styles roles this file leaves out;
    without it they look like plain text.
    """
    source = read_toml(path, TITLE, max_bytes=MAX_BYTES)
    problems = Problems(source)
    root = Table(problems, (), source.data)
    root.refuse_unknown(("name", "dark", "background", "styles"), "a theme")
    table = root.table("styles")
    table.refuse_unknown(roles, "[styles]")
    dark = root.flag("dark", True)
    base = (bases or {}).get(dark)
    styles = {role: _style(table, role, base) for role in roles}
    background = root.text("background", base.background if base else "default")
    if background != "default" and not _HEX.fullmatch(background):
        root.wrong("background", f"{background!r} is no colour", "#rrggbb or default")
    theme = Theme(
        name=root.text("name", path.stem, empty=False),
        dark=dark,
        background=background,
        styles=styles,
    )
    if problems.found:
        raise InvalidInput(TITLE, tuple(sorted(problems.found, key=lambda p: p.line)))
    return theme


def _style(table: Table, role: str, base: Theme | None) -> StyleSpec:
    if role not in table.values:
        return base.styles[role] if base else StyleSpec()
    style = table.table(role)
    style.refuse_unknown(_STYLE_KEYS, f"style {role}")
    return StyleSpec(
        fg=_colour(style, "fg"),
        bg=_colour(style, "bg"),
        bold=style.flag("bold", False),
        dim=style.flag("dim", False),
        italic=style.flag("italic", False),
        underline=style.flag("underline", False),
        reverse=style.flag("reverse", False),
    )


def _colour(style: Table, key: str) -> str:
    value = style.text(key, "default")
    if value not in COLOURS and not _HEX.fullmatch(value):
        style.wrong(key, f"{value!r} is no colour", nearest(value, COLOURS) or "#rrggbb")
        return "default"
    return value


class ThemeFiles:
    """The themes of some folders, read again when a file of theirs changes."""

    def __init__(self, folders: Sequence[Path], roles: Collection[str]) -> None:
        self._folders = folders
        self._roles = roles
        self._seen = self._stamp()

    def read(self) -> Themes:
        """All themes as they are now."""
        self._seen = self._stamp()
        return discover_themes(self._folders, self._roles)

    def changed(self) -> tuple[Mapping[str, Theme], tuple[str, ...]] | None:
        """All themes and the problems in words, when something changed since they were read; else None."""
        if self._stamp() == self._seen:
            return None
        themes = self.read()
        return themes.found, tuple(str(p) for p in themes.problems)

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Name, time and size of each file: enough to see an edit, and cheap enough for every second."""
        found = []
        for folder in self._folders:
            for path in _theme_files(folder, []):
                with suppress(OSError):
                    stat = path.stat()
                    found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)
