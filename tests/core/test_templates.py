"""References are found, filled once, and near misses are noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.templates import TemplateError, broken, literal, names, render

TEXTS = st.text(alphabet="{} ab.0-results\n", max_size=60)


def test_names_come_in_order_and_once() -> None:
    assert names("{{b}} {{ a.b-c_d.0 }} {{  b  }}") == ("b", "a.b-c_d.0")


@pytest.mark.parametrize(
    "text", ["{{}}", "{{ }}", "{{ a b }}", "{ { a } }", "{{ -a }}", "{{ ação }}", "{{ a }"]
)
def test_anything_else_in_double_braces_is_plain_text(text: str) -> None:
    assert names(text) == ()
    assert render(text, {}) == text


def test_a_line_break_inside_the_braces_is_allowed() -> None:
    assert render("{{\n a\n}}", {"a": "1"}) == "1"


def test_values_are_data() -> None:
    assert render("{{ a }}{{ b }}", {"a": "{{ b }}", "b": r"\1 \g<0>"}) == r"{{ b }}\1 \g<0>"


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(TemplateError, match=r"\{\{ results.x \}\} has no value") as caught:
        render("{{ results.x }}", {"results.y": ""})
    assert caught.value.name == "results.x"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see {{ files[0] }}", ("{{ files[0] }}",)),
        ("{{ results.a | upper }} {{ results.a }}", ("{{ results.a | upper }}",)),
        ("{{ results.a }", ("{{ results.a }",)),
        ("{{ results.a\nmore", ("{{ results.a",)),
        ("{{ resultset }} {{ user name }} {{", ()),
    ],
)
def test_near_misses_are_noticed(text: str, found: tuple[str, ...]) -> None:
    assert broken(text) == found


@given(TEXTS | st.sampled_from(["{{ braces }}", "{{{ a }}}", "{{ files[0] }}", "{{ results.a\n"]))
def test_a_literal_has_no_reference_and_gives_the_very_text(text: str) -> None:
    assert names(literal(text)) == broken(literal(text)) == ()
    assert render(literal(text), {}) == text


def test_braces_can_be_left_to_a_later_pass() -> None:
    text = literal("{{ results.a }}")
    assert render(text, {"braces": "{{ braces }}"}) == text


@given(TEXTS, st.dictionaries(st.sampled_from(["a", "b", "results.a"]), TEXTS))
def test_rendering_fills_all_or_names_one_without_a_value(text: str, values: dict[str, str]) -> None:
    missing = [n for n in names(text) if n not in values]
    if not missing:
        render(text, values)
        return
    with pytest.raises(TemplateError) as caught:
        render(text, values)
    assert caught.value.name == missing[0]
