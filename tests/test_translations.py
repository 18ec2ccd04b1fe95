"""The Portuguese interface is complete, says the same, and is what the program reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import catalogue
import pytest
from babel.messages.catalog import Message

from luna_tui.core.reasons import reason_words
from luna_tui.core.tongue import _, _n, speaking
from luna_tui.storage.translations import language, translations

MESSAGES = [m for m in catalogue.known() if m.id]
SHOWN = [
    *sorted((catalogue.PACKAGE / "tui").rglob("*.py")),
    *sorted((catalogue.PACKAGE / "headless").rglob("*.py")),
    *(catalogue.PACKAGE / "commands" / f"{name}.py" for name in ("console", "runs", "preflight", "screen")),
]
"""Where what a person reads during a run comes from."""
NAMES = {
    "luna",  # the program's name
    "w",  # number of a worker, as in w01
    "x",  # the mark of what failed, and times
    "s",  # seconds
    "(j k)",  # keys
}
"""What is written alike in every language."""
WRITTEN_REASONS = (
    "sequential: one subtask",
    "parallel: 56 subtasks on 40 workers",
    "parallel: 96 subtasks, as many at once as the limits can use",
    "timed out after 2.5 s",
    "the wave timed out after 120 s",
    "needs scan_3, which timed out",
    "cancelled by user",
    "skipped by user",
    "what is left would exceed the budget of $4.75",
    "wave two did not succeed and the plan says stop",
)
"""As the engine writes them."""


def texts(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, tuple | list) else [str(value)]


def fields(text: str) -> set[str]:
    return {f"{name}" for _literal, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def test_every_text_of_the_interface_is_in_the_catalogue() -> None:
    wanted = {str(m.id) for m in catalogue.extracted() if m.id}
    have = {str(m.id) for m in MESSAGES}
    assert wanted - have == set(), "run `make translations` and translate what is new"
    assert have - wanted == set(), "run `make translations`: these texts are gone"


def test_every_text_has_a_translation() -> None:
    assert [m.id for m in MESSAGES if not all(texts(m.string)) or m.fuzzy] == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: str(m.id)[:40])
def test_a_translation_has_the_same_places_to_fill(message: Message) -> None:
    for said in texts(message.string):
        assert fields(said) <= set.union(*(fields(t) for t in texts(message.id)))
        assert fields(texts(message.id)[-1]) <= fields(texts(message.string)[-1])
        assert re.findall("[\x00-\x08\x0b-\x1f]", said) == []


def test_the_compiled_catalogue_is_of_this_text() -> None:
    assert catalogue.MO.read_bytes() == catalogue.compiled(catalogue.known())


def test_the_language_comes_from_the_environment_or_the_choice() -> None:
    assert language("auto", {"LANG": "pt_BR.UTF-8"}) == "pt_BR"
    assert language("auto", {"LANG": "pt_BR.UTF-8", "LC_ALL": "C.UTF-8"}) == "en"
    assert language("auto", {"LANG": "de_DE.UTF-8", "LANGUAGE": "pt:en"}) == "pt_BR"
    assert language("auto", {}) == "en"
    assert language("en", {"LANG": "pt_BR.UTF-8"}) == "en"


def test_a_text_is_in_the_language_of_its_context() -> None:
    assert _("Nothing needs you.") == "Nothing needs you."
    with speaking(translations("pt_BR")):
        assert _("Nothing needs you.") != "Nothing needs you."
        assert _n("{n} subtask is held", "{n} subtasks are held", 2) != "{n} subtasks are held"
    assert _("Nothing needs you.") == "Nothing needs you."


def test_a_language_without_a_catalogue_speaks_english() -> None:
    assert translations("en").gettext("Nothing needs you.") == "Nothing needs you."


def test_a_terminal_of_ascii_is_spoken_to_without_accents() -> None:
    with speaking(translations("pt_BR", ascii=True)):
        assert _("budget") == "orcamento"
        assert _("1st token") == "1o token"
        assert all(_(t).replace("…", "").isascii() for m in MESSAGES for t in texts(m.id))


@pytest.mark.parametrize("reason", WRITTEN_REASONS)
def test_a_reason_of_the_engine_is_said_in_portuguese_and_others_are_left(reason: str) -> None:
    assert reason_words(reason) == reason
    with speaking(translations("pt_BR")):
        said = reason_words(reason)
        assert said != reason
        assert re.findall(r"\d+", said) == re.findall(r"\d+", reason)
        assert reason_words("overloaded (529): Overloaded") == "overloaded (529): Overloaded"


def test_no_context_wants_more_cells_than_it_has() -> None:
    """`_p("4 cells", ...)` says how much room there is."""
    tight = [m for m in MESSAGES if m.context]
    assert tight
    for m in tight:
        room = int(str(m.context).partition(" ")[0])
        assert all(len(said) <= room for said in texts(m.string)), m.id


def test_every_text_that_is_drawn_or_said_is_looked_up() -> None:
    assert {place: text for path in SHOWN for place, text in unlooked(path) if text not in NAMES} == {}


def unlooked(path: Path) -> list[tuple[str, str]]:
    """Texts with letters that are drawn or said as they stand in the code."""
    found = []
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not _draws(call.func):
            continue
        for given in call.args:
            for text in _written(given):
                if re.search(r"[^\W\d_]", text):
                    found.append((f"{path.name}:{given.lineno}", text.strip()))
    return found


def _draws(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("Span", "said", "say", "Told", "dim", "print")


def _written(given: ast.expr) -> list[str]:
    """Literals in an expression, but not inside a call, which looks up or measures."""
    if isinstance(given, ast.Constant):
        return [given.value] if isinstance(given.value, str) else []
    if isinstance(given, ast.JoinedStr):
        return [text for part in given.values if isinstance(part, ast.Constant) for text in _written(part)]
    if isinstance(given, ast.BinOp):
        return _written(given.left) + _written(given.right)
    if isinstance(given, ast.IfExp):
        return _written(given.body) + _written(given.orelse)
    return []
