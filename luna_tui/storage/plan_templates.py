"""Check and fill the `{{ name }}` references of a plan, as far as they are known when it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from luna_tui.core.templates import broken, names, render
from luna_tui.storage.fields import Table, nearest, shortened

_AT_RUN_TIME = ("results.ID", "files.0", "run.dir")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in what is known at load time; the rest is filled in when the subtask starts."""
    used = names(text)
    if not used:
        return text
    kept = {name: "{{ " + name + " }}" for name in (*used, "braces")}
    return render(text, kept | dict(values))


def check_references(
    table: Table, key: str, texts: Iterable[str], mentions: dict[str, str], *, files: int | None = None
) -> None:
    """Note references without a meaning; the ids of results that are used go to `mentions`.

    `files` is the number of attached files, None where none can be attached.
    """
    for text in texts:
        for name in names(text):
            group, _, rest = name.partition(".")
            if group == "results" and rest:
                mentions.setdefault(rest, key)
            elif group == "files" and rest.isascii() and rest.isdigit() and files is not None:
                _check_file(table, key, name, rest, files)
            elif name != "run.dir":
                _unknown(table, key, name, with_files=files is not None)
        for attempt in broken(text):
            table.wrong(key, f"{attempt} is no reference", "write {{ results.ID }} or {{ files.0 }}")


def _check_file(table: Table, key: str, name: str, number: str, files: int) -> None:
    if len(number) > 6 or int(number) >= files:
        entries = f"files has {files} {'entry' if files == 1 else 'entries'}, counted from 0"
        table.wrong(key, f"{_shown(name)} has no file", entries)


def _unknown(table: Table, key: str, name: str, *, with_files: bool) -> None:
    if name.startswith("files.") and not with_files:
        table.wrong(key, f"{_shown(name)} is not known here", "files belong to claude subtasks")
        return
    valid = [n for n in _AT_RUN_TIME if with_files or n != "files.0"]
    table.wrong(key, f"{_shown(name)} is not known here", nearest(name, valid))


def _shown(name: str) -> str:
    return "{{ " + shortened(name) + " }}"
