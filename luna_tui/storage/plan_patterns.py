"""Resolve `page-*` where a plan names subtasks: the ids that match, in the order of the plan."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from luna_tui.core.plan import Subtask
from luna_tui.core.templates import names
from luna_tui.storage.fields import Problems, shortened
from luna_tui.storage.plan_graph import MAX_EDGES, Placed

_ANY = "*"
_RESULTS = "results."
_MOST = 1_000
"""Different patterns in one plan."""


def resolved(placed: Sequence[Placed], problems: Problems) -> list[Placed]:
    """The subtasks with every pattern replaced: by ids, in texts by the results under their ids.

    What matches nothing is noted.
    """
    if not any(_ANY in needed for p in placed for needed in p.subtask.depends_on):
        return list(placed)
    return _Resolver(placed, problems).run()


class _Resolver:
    def __init__(self, placed: Sequence[Placed], problems: Problems) -> None:
        self._placed = placed
        self._problems = problems
        self._order = {p.subtask.id: n for n, p in enumerate(placed)}
        self._sorted = sorted(self._order)
        self._known: dict[str, tuple[str, ...]] = {}
        """Pattern -> the ids it means."""
        self._edges = 0

    def run(self) -> list[Placed]:
        found = []
        for item in self._placed:
            if self._edges > MAX_EDGES or len(self._known) > _MOST:
                what = f"patterns stand for more than {MAX_EDGES:,} dependencies"
                if len(self._known) > _MOST:
                    what = f"more than {_MOST:,} different patterns of ids"
                self._problems.add((*item.path, item.needs_key), what, "split the plan")
                return list(self._placed)
            found.append(self._one(item))
        return found

    def _one(self, item: Placed) -> Placed:
        subtask = item.subtask
        patterns = [needed for needed in subtask.depends_on if _ANY in needed]
        if not patterns:
            return item
        meant = {p: self._meant(item, p) for p in patterns}
        needs = dict.fromkeys(i for needed in subtask.depends_on for i in meant.get(needed, (needed,)))
        self._edges += len(needs)
        mentions = dict(item.mentions)
        for pattern in patterns:
            key = mentions.pop(pattern, None)
            if key is not None:
                mentions |= {i: key for i in meant[pattern] if i not in mentions}
        known = {_RESULTS + p: _sections(ids) for p, ids in meant.items()}
        return replace(
            item, subtask=_filled(replace(subtask, depends_on=tuple(needs)), known), mentions=mentions
        )

    def _meant(self, item: Placed, pattern: str) -> tuple[str, ...]:
        ids = self._known.get(pattern)
        if ids is None:
            ids = self._known[pattern] = self._matching(pattern)
        own = item.subtask.id
        others = tuple(i for i in ids if i != own) if own in ids else ids
        if not others:
            where = (*item.path, item.mentions.get(pattern, item.needs_key))
            what = f"{shortened(pattern)} matches no {'other ' if ids else ''}subtask"
            self._problems.add(where, what, self._problems.nearest(pattern.replace(_ANY, ""), self._order))
        return others

    def _matching(self, pattern: str) -> tuple[str, ...]:
        first = pattern.partition(_ANY)[0]
        whole = re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))))
        start = bisect_left(self._sorted, first)
        end = bisect_left(self._sorted, first + "\x7f") if first else len(self._sorted)
        found = (i for i in self._sorted[start:end] if whole.fullmatch(i))
        return tuple(sorted(found, key=self._order.__getitem__))


def _sections(ids: Sequence[str]) -> str:
    """Every result under a line with its id, as a template."""
    return "\n\n".join(f"## {i}\n\n{{{{ {_RESULTS}{i} }}}}" for i in ids)


def _filled(subtask: Subtask, known: dict[str, str]) -> Subtask:
    def fill(text: str, convert: Callable[[str], str] = str) -> str:
        for name in names(text):
            if name in known:
                reference = r"\{\{\s*+" + re.escape(name) + r"\s*+\}\}"
                text = re.sub(reference, partial(_as_it_is, convert(known[name])), text)
        return text

    return replace(
        subtask,
        prompt=fill(subtask.prompt),
        command=tuple(fill(word) for word in subtask.command),
        env=tuple((name, fill(value)) for name, value in subtask.env),
        args=fill(subtask.args, _in_json),
        kwargs=fill(subtask.kwargs, _in_json),
    )


def _in_json(text: str) -> str:
    """As it stands within a text of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _as_it_is(value: str, _match: re.Match[str]) -> str:
    """The value as it is, where a replacement text would be read for escapes."""
    return value
