"""A `simulate:` line in a prompt orders how much is answered, and how fast."""

from __future__ import annotations

from typing import Any

import pytest

from luna_tui.simulator.model import Answer, answer, count_tokens, piece_tokens
from luna_tui.simulator.script import Script, ScriptError, filled, read_script


def reply(prompt: str, *, max_tokens: int = 4096) -> Answer:
    body: dict[str, Any] = {
        "model": "claude-haiku-5-5",
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": prompt}],
    }
    return answer(body, 7)


def test_an_order_fixes_tokens_first_token_and_end_whatever_the_prompt() -> None:
    for prompt in (
        "simulate: output=900 seconds=14.5 first=1.2",
        "x" * 9_000 + "\nsimulate: output=900 seconds=14.5 first=1.2\nmore",
    ):
        made = reply(prompt)
        assert made.output_tokens == 900
        assert made.stop_reason == "end_turn"
        assert made.due_s(0) == 1.2
        assert made.due_s(len(made.pieces)) == pytest.approx(14.5)
        assert made.input_tokens == count_tokens(prompt)


def test_pieces_have_about_twenty_tokens_and_are_evenly_spread() -> None:
    made = reply("simulate: output=907 seconds=10 first=1")
    assert len(made.pieces) == 46
    assert {piece_tokens(p) for p in made.pieces[:-1]} == {20}
    assert piece_tokens(made.pieces[-1]) == 7
    steps = [made.due_s(n + 1) - made.due_s(n) for n in range(46)]
    assert max(steps) - min(steps) < 1e-9


@pytest.mark.parametrize("output", [1, 19, 20, 21, 4096])
def test_the_output_is_exact(output: int) -> None:
    assert reply(f"simulate: output={output}").output_tokens == output


def test_max_tokens_cuts_an_order_at_the_same_pace() -> None:
    made = reply("simulate: output=900 seconds=10 first=1", max_tokens=450)
    assert (made.output_tokens, made.stop_reason) == (450, "max_tokens")
    assert made.due_s(len(made.pieces)) == pytest.approx(1 + 9 * 23 / 45)


def test_what_is_not_ordered_is_as_usual() -> None:
    usual = reply("simulate: output=900")
    assert 5 < usual.due_s(len(usual.pieces)) < 40
    slow = reply("Tell me about gardens.\nsimulate: seconds=30")
    assert slow.due_s(len(slow.pieces)) == pytest.approx(30)
    assert "The request has" in "".join(slow.pieces)
    assert reply("simulate: seconds=0.5 first=2").due_s(0) == 0.5


def test_only_a_whole_line_is_an_order() -> None:
    for text in (
        "we simulate: output=900",
        " simulate: output=900",
        "simulate: the weather",
        "simulate:",
        "simulate: a=1 and more",
    ):
        assert read_script(text) == Script()
    assert read_script("a\r\nsimulate: output=5\r\nb") == Script(output=5)
    assert read_script("simulate: output=5\nsimulate: output=6") == Script(output=5)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("outputs=5", "unknown key 'outputs'; one of: output, seconds, first, cached"),
        ("output=many", "output='many' is not a number"),
        ("output=", "output='' is not a number"),
        ("seconds=-1", "seconds='-1' must lie in 0 to 86,400"),
        ("seconds=nan", "seconds='nan'"),
        ("output=2000000", "1,000,000"),
    ],
)
def test_a_wrong_order_is_named(line: str, named: str) -> None:
    with pytest.raises(ScriptError, match=named):
        read_script(f"simulate: {line}")


def test_tokens_are_still_echoed_and_the_answer_orders_nothing() -> None:
    text = "".join(reply("token: T-9\nsimulate: output=100").pieces)
    assert text.startswith("token: T-9\n")
    assert len(text) == 400
    assert read_script(text) == Script()
    assert "".join(filled("abc", 2)) == "abcEvery"


def test_cached_input_is_a_part_of_the_input() -> None:
    made = reply("x" * 4_000 + "\nsimulate: cached=600")
    assert made.cached_tokens == 600
    assert reply("simulate: cached=600").cached_tokens == reply("simulate: cached=600").input_tokens
