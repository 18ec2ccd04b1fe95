"""A difference of texts is always one that turns the first into the second."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.runners import line_diff as module
from luna_tui.runners.line_diff import line_diff

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "long line"]), max_size=40).map("\n".join)


def applied(old: str, diff: str) -> str:
    """Apply hunks as `patch` does, checking every line that must be there."""
    before = old.split("\n")
    before = [line + "\n" for line in before[:-1]] + ([before[-1]] if before[-1] else [])
    after: list[str] = []
    at, kind = 0, " "
    for said in re.findall(r"[^\n]*\n", diff):
        if said.startswith("@@"):
            found = re.match(r"@@ -(\d+)(?:,(\d+))? \+", said)
            assert found is not None
            start = int(found[1]) - (0 if found[2] == "0" else 1)
            after += before[at:start]
            at = start
        elif said.startswith("\\"):
            after[-1:] = [after[-1].removesuffix("\n")] if kind != "-" else after[-1:]
        else:
            kind, line = said[0], said[1:]
            if kind != "+":
                assert before[at].rstrip("\n") == line.rstrip("\n")
                at += 1
            if kind != "-":
                after.append(line)
    return "".join(after + before[at:])


@settings(max_examples=300)
@given(TEXTS, TEXTS)
def test_applying_the_difference_gives_the_new_text(old: str, new: str) -> None:
    diff = line_diff(old.encode(), new.encode())
    assert applied(old, diff.text) == new
    assert diff.added == len([x for x in diff.text.splitlines() if x.startswith("+")])
    assert (diff.text == "") == (old == new)


def test_texts_made_to_be_slow_are_told_as_replaced_without_being_compared() -> None:
    old = "".join(f"{n % 120}\n" for n in range(9_000))
    new = "".join(f"{n * 7 % 120}\n" for n in range(9_000))
    diff = line_diff(old.encode(), b"head\n" + new.encode())
    assert not module._comparable(old.splitlines(), new.splitlines())
    assert (diff.added, diff.removed) == (9_001, 9_000)
