"""The tree's keys are those of a plain list, whatever is open, and cost nothing until they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.tui.views.tree import Branch, Tree

SHAPES = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=6)


def tree_of(shape: list[tuple[int, bool]]) -> Tree:
    return Tree(
        [Branch(f"wave:{n}", tuple(f"{n}-{k}" for k in range(c)), o) for n, (c, o) in enumerate(shape)]
    )


def plain(shape: list[tuple[int, bool]]) -> list[str]:
    found = []
    for n, (count, is_open) in enumerate(shape):
        found.append(f"wave:{n}")
        found += [f"{n}-{k}" for k in range(count if is_open else 0)]
    return found


@given(SHAPES)
def test_it_is_the_list_it_stands_for(shape: list[tuple[int, bool]]) -> None:
    tree, keys = tree_of(shape), plain(shape)
    assert len(tree) == len(keys)
    assert list(tree) == keys
    assert [tree[n] for n in range(len(keys))] == keys
    assert list(tree[1:4]) == keys[1:4]
    assert [tree.index(key) for key in keys] == list(range(len(keys)))
    assert all(key in tree for key in keys)


@given(SHAPES)
def test_what_is_closed_is_not_there(shape: list[tuple[int, bool]]) -> None:
    tree = tree_of(shape)
    hidden = [f"{n}-{k}" for n, (count, is_open) in enumerate(shape) if not is_open for k in range(count)]
    for key in [*hidden, "nothing"]:
        assert key not in tree
        with pytest.raises(ValueError, match=key):
            tree.index(key)


@pytest.mark.parametrize("place", [3, -4])
def test_beyond_its_ends_there_is_nothing(place: int) -> None:
    with pytest.raises(IndexError):
        tree_of([(2, True)])[place]


class Counted(Sequence[str]):
    """Ids that count how many of them were asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.asked = 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place):  # type: ignore[no-untyped-def]
        self.asked += 1
        return f"s{place}"


def test_of_very_many_only_what_is_asked_for_is_made() -> None:
    leaves = Counted(1_000_000)
    tree = Tree([Branch("wave:w", leaves)])
    keys = tree[500_000:500_040]
    assert (keys[0], keys[-1]) == ("s499999", "s500038")
    assert leaves.asked == 40
