"""The filter language: what it lets through, and what it says when it does not understand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui.trouble_scenes import NOW_S, overloaded, quiet, sid, story

from luna_tui.core.filter import (
    Filter,
    FilterMistake,
    completions,
    filtered,
    parse_filter,
)
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import WaitReason

WAVES = ("scan", "extract", "merge", "check", "report")


def state() -> RunState:
    told = quiet(overloaded(story()))
    told.wait(90.0, sid(2, 40), WaitReason.ITPM, worker=40)
    return fold(told.records())


RUN = state()


def through(text: str) -> list[str]:
    found = filtered(RUN, NOW_S, text)
    assert not isinstance(found, FilterMistake), found
    return [s.label for s in RUN.subtasks.values() if found(s)]


def mistake(text: str) -> FilterMistake:
    found = parse_filter(text, WAVES)
    assert isinstance(found, FilterMistake)
    return found


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("s:failed", ["2.03", "2.06"]),
        ("s:fa", ["2.03", "2.06"]),
        ("stat:failed", ["2.03", "2.06"]),
        ("s:falhou", ["2.03", "2.06"]),
        ("estado:ruim", ["2.03", "2.06"]),
        ("s:quiet", ["2.19"]),
        ("s:limit", ["2.40"]),
        ("why:itpm", ["2.40"]),
        ("why:overloaded", ["2.03", "2.06"]),
        ("why:529", ["2.03", "2.06"]),
        ("why:depend wave:4", []),
        ("s:skipped", ["3.02", "3.07", "4.04"]),
        ("s:skipped wave:3", ["3.02", "3.07"]),
        ("s:skipped wave:merge", ["3.02", "3.07"]),
        ("s:skipped wave:mer", ["3.02", "3.07"]),
        ("s:skipped !wave:merge", ["4.04"]),
        ("id:extract-03", ["2.03"]),
        ("id:2.03", ["2.03"]),
        ("2.19", ["2.19"]),
        ("SKIPPED", []),
        ("kind:python", []),
        ("needs 2.06", ["3.07"]),
        ('"needs 2.06"', ["3.07"]),
        ("s:timed_out", []),
    ],
)
def test_terms_let_through(text: str, labels: list[str]) -> None:
    assert through(text) == labels


def test_an_empty_filter_lets_everything_through() -> None:
    assert len(through("  ")) == len(RUN.subtasks)
    assert parse_filter("s: !", WAVES) == Filter(())


def test_kind_and_inverse_split_the_run() -> None:
    assert len(through("kind:claude")) == len(RUN.subtasks)
    assert len(through("wave:2")) + len(through("!wave:2")) == len(RUN.subtasks)


@pytest.mark.parametrize(
    ("text", "at", "length", "said"),
    [
        ("s:faled", 2, 5, "s:faled is not known. Nearest: failed."),
        ("x s:skippde", 4, 7, "s:skippde is not known. Nearest: skipped."),
        ("s:s", 2, 1, "s:s may be sent, streaming, skipped."),
        ("why:itpn", 4, 4, "why:itpn is not known. Nearest: itpm."),
        ("wave:9", 5, 1, "There is no wave 9. The last one is 5."),
        ("wave:extrakt", 5, 7, "wave:extrakt is not known. Nearest: extract."),
        ("wav:1 wafe:2", 6, 4, "There is no field wafe:. Nearest: wave:."),
        ("http://x", 0, 4, "There is no field http:. Quotes make it plain text."),
        ("!w:1", 1, 1, "w: may be wave:, why:."),
        ('a "not closed', 2, 11, "The quote that begins here is not closed."),
        ("kind:zzz", 5, 3, "kind:zzz is not known. Known: claude, command, python."),
    ],
)
def test_mistakes_are_located_and_the_nearest_word_is_said(
    text: str, at: int, length: int, said: str
) -> None:
    found = mistake(text)
    assert (found.at, found.length, str(found)) == (at, length, said)


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("s:fa", 2, ("failed",)),
        ("x !s:s", 5, ("sent", "skipped", "streaming")),
        ("wa", 0, ("wave:",)),
        ("wave:e", 5, ("extract",)),
        ("kind:", 5, ("claude", "command", "python")),
        ("id:", 3, ()),
        ("text ", 5, ("s:", "wave:", "why:", "kind:", "id:", "state:")),
    ],
)
def test_words_are_completed(text: str, start: int, words: tuple[str, ...]) -> None:
    assert completions(text, len(text), WAVES) == (start, words)


WORDS = st.lists(
    st.sampled_from(
        ["s:failed", "s:skipped", "wave:2", "why:itpm", "parse", "2.1", "kind:claude", "id:merge", "s:quiet"]
    ),
    max_size=4,
)


@given(WORDS, st.booleans())
def test_all_terms_must_hold_and_their_order_does_not_matter(words: list[str], turn: bool) -> None:
    apart = [set(through(w)) for w in words]
    every = set(through(""))
    assert set(through(" ".join(reversed(words) if turn else words))) == every.intersection(*apart)
    for word in words:
        assert set(through("!" + word)) == every - set(through(word))


@given(st.text(max_size=30))
def test_whatever_is_typed_is_understood_or_explained(text: str) -> None:
    found = parse_filter(text, WAVES)
    if isinstance(found, FilterMistake):
        assert 0 <= found.at <= len(text)
        assert found.at + found.length <= len(text)
        assert str(found)
    completions(text, len(text), WAVES)
