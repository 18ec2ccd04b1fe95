"""The difference of two texts as a unified diff, in bounded time whatever the texts are."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONTEXT = 3
"""Lines around a change."""
_MOST_LINES = 20_000
_MOST_PAIRS = 500_000
"""Equal lines that may be compared; beyond, what lies between the common ends is told as replaced."""
_POPULAR = 200
"""Lines of a text from which on difflib passes over those that make up more than a hundredth."""


@dataclass(frozen=True, slots=True)
class LineDiff:
    """What two texts differ in."""

    text: str
    """Hunks, each line with its end; empty when they are equal."""
    added: int
    removed: int


def line_diff(old: bytes, new: bytes) -> LineDiff:
    """Compare as UTF-8; bytes that are none are shown replaced."""
    before, after = _lines(old), _lines(new)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    opcodes = list(_opcodes(before, after, head, tail))
    groups = list(_grouped(opcodes))
    said: list[str] = []
    for group in groups:
        said.append(_header(group))
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                said += [_line(" ", line) for line in before[i1:i2]]
            else:
                said += [_line("-", line) for line in before[i1:i2]]
                said += [_line("+", line) for line in after[j1:j2]]
    changed = [op for op in opcodes if op[0] != "equal"]
    return LineDiff(
        "".join(said), sum(j2 - j1 for *_, j1, j2 in changed), sum(i2 - i1 for _, i1, i2, *_ in changed)
    )


Opcode = tuple[str, int, int, int, int]


def _lines(content: bytes) -> list[str]:
    """Split at line feeds only, as every reader of a diff does."""
    lines = content.decode("utf-8", "replace").split("\n")
    ended = [line + "\n" for line in lines[:-1]]
    return ended + lines[-1:] if lines[-1] else ended


def _line(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _opcodes(before: list[str], after: list[str], head: int, tail: int) -> Iterator[Opcode]:
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if head:
        yield "equal", 0, head, 0, head
    if old and new and _comparable(old, new):
        for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
            yield kind, i1 + head, i2 + head, j1 + head, j2 + head
    elif old or new:
        yield "replace", head, head + len(old), head, head + len(new)
    if tail:
        yield "equal", len(before) - tail, len(before), len(after) - tail, len(after)


def _comparable(old: list[str], new: list[str]) -> bool:
    if max(len(old), len(new)) > _MOST_LINES:
        return False
    popular = len(new) // 100 + 1 if len(new) >= _POPULAR else len(new)
    theirs = {line: n for line, n in Counter(new).items() if n <= popular}
    return sum(theirs.get(line, 0) for line in old) <= _MOST_PAIRS


def _grouped(opcodes: list[Opcode]) -> Iterator[list[Opcode]]:
    """As difflib groups them: changes with little between them stand in one hunk."""
    group: list[Opcode] = []
    last = len(opcodes) - 1
    for n, (kind, i1, i2, j1, j2) in enumerate(opcodes):
        if kind != "equal":
            group.append((kind, i1, i2, j1, j2))
            continue
        if n == 0:
            k = min(CONTEXT, i2 - i1)
            group.append((kind, i2 - k, i2, j2 - k, j2))
        elif n == last:
            k = min(CONTEXT, i2 - i1)
            group.append((kind, i1, i1 + k, j1, j1 + k))
        elif i2 - i1 > 2 * CONTEXT:
            group.append((kind, i1, i1 + CONTEXT, j1, j1 + CONTEXT))
            yield group
            group = [(kind, i2 - CONTEXT, i2, j2 - CONTEXT, j2)]
        else:
            group.append((kind, i1, i2, j1, j2))
    if any(kind != "equal" for kind, *_ in group):
        yield group


def _header(group: list[Opcode]) -> str:
    first, last = group[0], group[-1]
    return f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
