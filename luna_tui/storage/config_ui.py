"""The tables of the configuration that concern the screen: `[ui]` and `[notify]`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.storage.fields import Table, nearest
from luna_tui.storage.paths import config_dir

if TYPE_CHECKING:
    from luna_tui.storage.config import Config

LANGUAGES = ("auto", "en", "pt_BR")
UI_KEYS = ("theme", "fps", "ascii", "preflight", "lang", "mouse", "console")
PREFLIGHTS = ("paid", "always", "never")
CONSOLES = ("auto", "screen", "plain")
LATER_UI_KEYS = ("animations",)
NOTIFY_KEYS = ("bell", "osc", "title", "command")
_OSC = ("9", "777", "off")


def refuse(table: Table, known: tuple[str, ...], later: tuple[str, ...], what: str) -> None:
    """Note every key that is not known, and every one that is not known yet."""
    for key in table.values:
        if key in later:
            table.wrong(key, f"{key} arrives in a later version", "remove it")
        elif key not in known:
            table.wrong(key, f"unknown key {key} in {what}", nearest(key, known))


def apply_ui(config: Config, ui: Table) -> Config:
    """`config` with what `[ui]` says."""
    refuse(ui, UI_KEYS, LATER_UI_KEYS, "[ui]")
    return replace(
        config,
        theme=ui.text("theme", config.theme, empty=False),
        fps=_fps(ui, config.fps),
        ascii=ui.flag("ascii", config.ascii),
        preflight=_one_of(ui, "preflight", config.preflight, PREFLIGHTS),
        lang=_one_of(ui, "lang", config.lang, LANGUAGES),
        mouse=ui.flag("mouse", config.mouse),
        console=_one_of(ui, "console", config.console, CONSOLES),
    )


def apply_notify(config: Config, notify: Table, *, project: bool) -> Config:
    """`config` with what `[notify]` says; the file of a project names no program for this machine to run."""
    refuse(notify, NOTIFY_KEYS, (), "[notify]")
    command = config.notify_command
    if "command" in notify.values:
        said = notify.texts("command", single=True)
        if project and said:
            notify.wrong(
                "command",
                "command is a program for this machine, and the file of a project cannot name one",
                f"put it in {config_dir() / 'config.toml'}, or in a --config file",
            )
        elif not project:
            command = said
    return replace(
        config,
        bell=notify.flag("bell", config.bell),
        osc=_one_of(notify, "osc", config.osc, _OSC),
        title=notify.flag("title", config.title),
        notify_command=command,
    )


def _fps(ui: Table, default: int) -> int:
    """Frames a second; 0 for what suits the terminal, which is also called auto."""
    if ui.values.get("fps", "") in ("auto", 0) and ui.values["fps"] is not False:
        return 0
    return int(ui.whole("fps", default, 1, 30))


def _one_of(table: Table, key: str, default: str, words: tuple[str, ...]) -> str:
    """A word of a closed list; a number counts as its digits."""
    value = table.values.get(key, default)
    said = str(value) if isinstance(value, int) and not isinstance(value, bool) else table.text(key, default)
    if said not in words:
        table.wrong(key, f"{key} {said!r} is not known", nearest(said, words))
        return default
    return said
