"""Fill the values of an item into the keys of a map: prepared once, filled for every item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Any

from luna_tui.core.templates import broken, literal
from luna_tui.storage.plan_items import Values

Fill = Callable[[Values], Any]

_ITEM = r"\{\{\s*+((?:item|index)(?:\.[A-Za-z0-9._-]++)?)\s*+\}\}"
_ITEM_NAME = re.compile(_ITEM)
_PARTS = re.compile(
    r"\{\{\s*+results\.((?:[A-Za-z0-9._*-]|" + _ITEM.replace("((?:item", "(?:(?:item") + r")++)\s*+\}\}"
    r"|" + _ITEM + r"|(\{\{\s*+[A-Za-z0-9_][A-Za-z0-9._*-]*+\s*+\}\})"
)
"""A result, whose id may be made of the item; a value of the item; any other reference."""
_NEAR = re.compile(r"\{\{\s*+(?:item|index)\b[^{}\n]{0,80}(?:\}\}|\}|$)", re.MULTILINE)
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._*-]")


class Manner(Enum):
    """What a value becomes where it is put."""

    TEXT = auto()
    """The very text."""
    TEMPLATE = auto()
    """Text in what will be filled in once more, of which it must not become a part."""
    ID = auto()
    """A part of an id: in a name of a file, what no id may hold becomes a dash."""
    PATTERN = auto()
    """Text that a regular expression must find as it is."""


def item_names(value: Any) -> tuple[str, ...]:
    """Names of items that a value uses, wherever in it."""
    return tuple(dict.fromkeys(name for text in _texts(value) for name in _ITEM_NAME.findall(text)))


def faults(value: Any) -> Iterable[str]:
    """What looks like a reference in it and is none; told of the template, since items are data."""
    for text in _texts(value):
        yield from (m[0] for m in _NEAR.finditer(text) if not _ITEM_NAME.fullmatch(m[0]))
        yield from broken(_ITEM_NAME.sub("x", text))


def prepare(value: Any, manner: Manner, *, paths: bool) -> Fill | None:
    """What gives the value for an item; None when it is the same for all of them."""
    if not item_names(value):
        return None
    if isinstance(value, str):
        return _prepare_text(value, manner, paths)
    if isinstance(value, list):
        fills = [prepare(v, manner, paths=paths) or _constant(v) for v in value]
        return lambda values: [fill(values) for fill in fills]
    pairs = {k: prepare(v, manner, paths=paths) or _constant(v) for k, v in value.items()}
    return lambda values: {k: fill(values) for k, fill in pairs.items()}


def _constant(value: Any) -> Fill:
    return lambda _values: value


def _prepare_text(text: str, manner: Manner, paths: bool) -> Fill:
    if manner is Manner.TEMPLATE:
        return prepare_template(text, {}, paths=paths)
    convert = {Manner.ID: _id_part if paths else str, Manner.PATTERN: re.escape}.get(manner, str)
    pieces = _ITEM_NAME.split(text)

    def fill(values: Values) -> str:
        return "".join(convert(values[p]) if n % 2 else p for n, p in enumerate(pieces))

    return fill


def prepare_template(text: str, instead: Mapping[str, str], *, paths: bool) -> Fill:
    """References stay; all between them, the item's values included, becomes text.

    `instead` = what is put in place of a value, by its name.
    """
    runs: list[list[str]] = []
    """Plain text and names of the item by turns, as re.split gives them."""
    kept: list[Fill] = []
    run: list[str] = [""]
    end = 0
    for part in _PARTS.finditer(text):
        run[-1] += text[end : part.start()]
        end = part.end()
        if part[2] is not None:
            run += [part[2], ""]
            continue
        runs.append(run)
        run = [""]
        kept.append(_reference(part, paths))
    run[-1] += text[end:]

    def fill(values: Values) -> str:
        found = []
        shown = {**values, **instead} if instead else values
        for plain, reference in zip(runs, kept, strict=True):
            found += [_filled(plain, shown), reference(values)]
        return "".join((*found, _filled(run, shown)))

    return fill


def _reference(part: re.Match[str], paths: bool) -> Fill:
    if part[1] is None:
        return _constant(part[0])
    inner = prepare(part[1], Manner.ID, paths=paths) or _constant(part[1])
    return lambda values: f"{{{{ results.{inner(values)} }}}}"


def _filled(run: list[str], values: Values) -> str:
    return literal("".join(values[p] if n % 2 else p for n, p in enumerate(run)))


def _id_part(text: str) -> str:
    return _NOT_IN_ID.sub("-", text)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
