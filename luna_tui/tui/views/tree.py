"""Waves and their subtasks as one long list of keys, of which none is made before it is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True, slots=True)
class Branch:
    """A wave and what of it is shown."""

    key: str
    """Never the key of a leaf."""
    leaves: Sequence[str]
    """Ids of subtasks, in the order shown."""
    open: bool = True
    """Its leaves are shown."""


class Tree(Sequence[str]):
    """Keys in the order shown; a hundred thousand of them cost no more than the branches."""

    def __init__(self, branches: Sequence[Branch]) -> None:
        self.branches = branches
        self._starts: list[int] = []
        """Place of every branch."""
        size = 0
        for branch in branches:
            self._starts.append(size)
            size += 1 + (len(branch.leaves) if branch.open else 0)
        self._size = size
        self._numbers = {branch.key: n for n, branch in enumerate(branches)}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self[n] for n in range(*place.indices(self._size)))
        number, leaf = self.at(place)
        branch = self.branches[number]
        return branch.key if leaf is None else branch.leaves[leaf]

    def __iter__(self) -> Iterator[str]:
        for branch in self.branches:
            yield branch.key
            if branch.open:
                yield from branch.leaves

    def __contains__(self, key: object) -> bool:
        return key in self._numbers or any(b.open and key in b.leaves for b in self.branches)

    def at(self, place: int) -> tuple[int, int | None]:
        """(number of the branch, number of the leaf in it or None for the branch itself) at a place."""
        if place < 0:
            place += self._size
        if not 0 <= place < self._size:
            raise IndexError(place)
        number = bisect_right(self._starts, place) - 1
        leaf = place - self._starts[number] - 1
        return number, leaf if leaf >= 0 else None

    def start_of(self, number: int) -> int:
        """Place of a branch."""
        return self._starts[number]

    def index(self, key: str, start: int = 0, stop: int | None = None) -> int:
        """Place of a key; ValueError where it is not shown."""
        found = self._place(key)
        if found is None or found < start or (stop is not None and found >= stop):
            raise ValueError(key)
        return found

    def _place(self, key: str) -> int | None:
        number = self._numbers.get(key)
        if number is not None:
            return self._starts[number]
        for at, branch in zip(self._starts, self.branches, strict=True):
            if branch.open:
                try:
                    return at + 1 + branch.leaves.index(key)
                except ValueError:
                    continue
        return None
