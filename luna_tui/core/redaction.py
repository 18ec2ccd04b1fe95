"""Take secrets out of text before anything is kept or shown of it, also where text comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from luna_tui.core.secrets import LEAST_CHARS, SHAPES, Shape

MARK = "[redacted]"
"""Stands where a secret was of which only the shape is known."""
_GAP_CHARS = 8
_HEAD_CHARS = 4
"""No head of a shape is shorter."""
Suspect = Callable[[str], re.Match[str] | None]


class Redaction:
    """What is taken out of texts: values that are known, then what has the shape of a secret.

    Secrets in base64, reversed or spaced out are not found. All threads share one; it never changes.
    """

    def __init__(self, known: Mapping[str, str], shapes: Sequence[Shape] = SHAPES) -> None:
        """`known` is value -> name; values shorter than `LEAST_CHARS` are not looked for."""
        values = {value: name for value, name in known.items() if len(value) >= LEAST_CHARS}
        scans = (_KnownValues(values) if values else None, _Shapes(shapes) if shapes else None)
        self._scans: list[_Scan] = [scan for scan in scans if scan is not None]
        heads = [value[:LEAST_CHARS] for value in values] + [head for s in shapes for head in s.heads]
        self._suspect: Suspect = re.compile(_cut_off(heads)).search if heads else _never

    def text(self, text: str) -> str:
        """A whole text without secrets; of a known value that its end cuts off, what is left goes too."""
        if self._suspect(text) is None:
            return text
        for scan in self._scans:
            text = _Pass(scan).take(text, last=True)
        return text

    def redactor(self) -> Redactor:
        """For one text that comes in pieces."""
        return Redactor(self._suspect, self._scans)


class Redactor:
    """Redacts a text that comes in pieces; where it is cut makes no difference. One thread at a time.

    A tail that may begin a secret waits for what follows: never more than the longest secret is long.
    """

    def __init__(self, suspect: Suspect, scans: Iterable[_Scan]) -> None:
        self._suspect = suspect
        # One sort after the other, so that no shape can cut a known value in two.
        self._passes = [_Pass(scan) for scan in scans]
        self._held = ""
        self._calm = True
        """Nothing is held back by them."""

    def feed(self, text: str) -> str:
        """What is certain by now."""
        if self._calm:
            if self._held:
                text, self._held = self._held + text, ""
            found = self._suspect(text)
            if found is None:
                return text
            if found.end() == len(text):
                # So ends every third word: a letter that begins some head.
                self._held = text[found.start() :]
                return text[: found.start()]
        for one in self._passes:
            text = one.take(text)
        self._calm = all(one.calm for one in self._passes)
        return text

    def flush(self) -> str:
        """The rest; nothing follows."""
        text, self._held = self._held, ""
        if text or not self._calm:
            for one in self._passes:
                text = one.take(text, last=True)
        self._calm = True
        return text


def _never(text: str) -> None:
    return None


NO_REDACTION = Redaction({}, ())
"""Takes nothing out."""


@dataclass(frozen=True, slots=True)
class _Hit:
    begin: int
    end: int
    mark: str
    """What stands in its place."""
    more: re.Pattern[str] | None = None
    """What else belongs to it as long as it goes on."""


class _Scan(Protocol):
    """Finds secrets of one sort."""

    def hit(self, text: str, place: int) -> _Hit | None:
        """The first secret from `place` on."""
        ...

    def unfinished(self, text: str, place: int, *, last: bool) -> _Hit | None:
        """From where on the text may begin a secret; the `last` text, whether it cuts off one."""
        ...


class _Pass:
    """One sort of secret in one text."""

    def __init__(self, scan: _Scan) -> None:
        self._scan = scan
        self._held = ""
        self._more: re.Pattern[str] | None = None

    @property
    def calm(self) -> bool:
        """Whether nothing is waited for."""
        return not self._held and self._more is None

    def take(self, text: str, *, last: bool = False) -> str:
        text, self._held = self._held + text, ""
        out: list[str] = []
        place = self._swallow(text, 0)
        tail = self._scan.unfinished(text, place, last=last)
        while place < len(text):
            if tail is not None and tail.begin < place:
                tail = self._scan.unfinished(text, place, last=last)
            hit = self._scan.hit(text, place)
            if hit is None or (tail is not None and tail.begin <= hit.begin):
                end = len(text) if tail is None else tail.begin
                out += (text[place:end], tail.mark if tail is not None and last else "")
                self._held = "" if last else text[end:]
                break
            out += (text[place : hit.begin], hit.mark)
            self._more = hit.more
            place = self._swallow(text, hit.end)
        if last:
            self._more = None
        return "".join(out)

    def _swallow(self, text: str, place: int) -> int:
        """Past what still belongs to the secret before."""
        if self._more is None:
            return place
        found = self._more.match(text, place)
        place = place if found is None else found.end()
        if place < len(text):
            self._more = None
        return place


class _KnownValues:
    """Values that are known; of those that begin at one place the longest."""

    def __init__(self, values: Mapping[str, str]) -> None:
        ordered = sorted(values, key=len, reverse=True)
        self._marks = {value: f"[redacted {name}]" for value, name in values.items()}
        self._values = ordered
        self._longest = len(ordered[0])
        self._search = re.compile("|".join(map(re.escape, ordered))).search
        self._heads = re.compile(_cut_off(value[:LEAST_CHARS] for value in ordered))

    def hit(self, text: str, place: int) -> _Hit | None:
        found = self._search(text, place)
        return None if found is None else _Hit(found.start(), found.end(), self._marks[found[0]])

    def unfinished(self, text: str, place: int, *, last: bool) -> _Hit | None:
        place = max(place, len(text) - self._longest + 1)
        least = LEAST_CHARS if last else 1
        while (found := self._heads.search(text, place)) is not None:
            begin = found.start()
            tail = text[begin:]
            if len(tail) < least:
                return None
            begun = next((v for v in self._values if len(v) > len(tail) and v.startswith(tail)), None)
            if begun is not None:
                return _Hit(begin, len(text), self._marks[begun])
            place = begin + 1
        return None


class _Shapes:
    """What looks like a secret."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._by_head = {head: shape for shape in shapes for head in shape.heads}
        self._more = {s: re.compile(f"[{s.more or s.alphabet}]*+") for s in shapes}
        certain = {head: _body(s, f"{{{s.least}}}") for head, s in self._by_head.items()}
        begun = {head: _body(s, f"{{0,{s.least - 1}}}") + r"\Z" for head, s in self._by_head.items()}
        self._search = re.compile(_any_of(certain)).search
        self._begun = re.compile(f"{_any_of(begun)}|(?:{_cut_off(begun)})\\Z").search
        self._reach = max(len(head) + _GAP_CHARS + s.least for head, s in self._by_head.items())
        self._heads: dict[str, list[str]] = {}
        for head in self._by_head:
            self._heads.setdefault(head[:_HEAD_CHARS], []).append(head)

    def hit(self, text: str, place: int) -> _Hit | None:
        found = self._search(text, place)
        if found is None:
            return None
        head = next(h for h in self._heads[found[0][:_HEAD_CHARS]] if found[0].startswith(h))
        shape = self._by_head[head]
        mark = head + MARK if shape.keeps_head else MARK
        return _Hit(found.start(), found.end(), mark, self._more[shape])

    def unfinished(self, text: str, place: int, *, last: bool) -> _Hit | None:
        found = None if last else self._begun(text, max(place, len(text) - self._reach))
        return None if found is None else _Hit(found.start(), len(text), MARK)


def _body(shape: Shape, times: str) -> str:
    gap = f"[{shape.gap}]{{0,{_GAP_CHARS}}}+" if shape.gap else ""
    return f"{gap}[{shape.alphabet}]{times}"


def _any_of(heads: Mapping[str, str]) -> str:
    """A pattern for any head with what follows it; where none begins, that shows at the first letter."""
    rests: dict[str, dict[str, str]] = {}
    for head, follows in heads.items():
        rests.setdefault(head[:1], {})[head[1:]] = follows
    return "|".join(
        more[""] if first == "" else f"{re.escape(first)}(?:{_any_of(more)})" for first, more in rests.items()
    )


def _cut_off(heads: Iterable[str]) -> str:
    """A pattern for any of these, also for as much of one as the end of the text leaves."""
    rests: dict[str, list[str]] = {}
    for head in dict.fromkeys(heads):
        rests.setdefault(head[0], []).append(head[1:])
    return "|".join(
        re.escape(first) + ("" if "" in more else f"(?:\\Z|{_cut_off(more)})")
        for first, more in rests.items()
    )
