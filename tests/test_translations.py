"""The Portuguese interface is complete, says the same, and is what the program reads."""

from __future__ import annotations

import re
from string import Formatter

import catalogue
import pytest
from babel.messages.catalog import Message

from luna_tui.core.tongue import _, _n, speaking
from luna_tui.storage.translations import language, translations

MESSAGES = [m for m in catalogue.known() if m.id]


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
