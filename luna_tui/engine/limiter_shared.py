"""One set of books for several processes: load what all of them know before a verb, store it after."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from luna_tui.core.limits import SHARES
from luna_tui.core.words import LIMIT_REASONS
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Books
from luna_tui.engine.limiter_output import OutputPage
from luna_tui.engine.limiter_page import Page

_log = logging.getLogger(__name__)

_PAGE = (
    "margin", "foreign_rate", "booked", "drained", "added", "confirmed", "foreign", "clear_s",
)  # fmt: skip
_FLOW = ("running", "expected", "speed", "promised", "produced")
_PAGE_WIDTH = 4 + len(_PAGE)
COMMON_WIDTH = 1 + 3 * _PAGE_WIDTH + 3
"""Numbers that all processes share: an instant, three pages, what is known of the server's rule, a pause."""
SLOT_WIDTH = 2 + len(_FLOW) + 4
"""Numbers of one process: what its requests hold, and who of them waits first."""


class SharedRows(Protocol):
    """The table while it is locked."""

    common: list[float]
    """`COMMON_WIDTH` numbers, all 0 in a new table; written back at the end."""
    mine: list[float]
    """`SLOT_WIDTH` numbers of this process; written back at the end."""
    others: list[list[float]]
    """Those of every other process that is alive, in a fixed order."""
    before: int
    """How many of `others` stand before this process in that order."""
    gone: list[list[float]]
    """Those of processes that died since anybody last looked; told once."""


class SharedTable(Protocol):
    """A small table that processes of one user on one host share; each has a slot in it."""

    def exchange(self) -> AbstractContextManager[SharedRows]:
        """Lock the table, read it, and write it back at the end. Raises OSError."""
        ...

    def close(self) -> None:
        """Give the slot back."""
        ...


class Sharing:
    """Keeps an admission's books the same as those of all other processes on the same key.

    Instants in the table are of the machine's monotonic clock, which all processes read alike.
    """

    def __init__(self, table: SharedTable, admission: Admission) -> None:
        self._table: SharedTable | None = table
        self._admission = admission
        self._foreign_held = [0.0, 0.0]
        self._foreign_flow = [0.0] * len(_FLOW)
        self.company = 0
        """Other processes in the table."""

    @contextmanager
    def exchange(self) -> Iterator[None]:
        """While the block runs the books are everybody's. A table that fails is given up."""
        with ExitStack() as stack:
            rows = self._enter(stack)
            if rows is None:
                yield
                return
            self._load(rows)
            try:
                yield
            finally:
                self._store(rows)

    def _enter(self, stack: ExitStack) -> SharedRows | None:
        table = self._table
        if table is None:
            return None
        try:
            return stack.enter_context(table.exchange())
        except OSError:
            _log.exception("limits are no longer shared with other processes")
            self._table, self.company = None, 0
            self._forget_others()
            return None

    def close(self) -> None:
        """Leave the table; what this process used stays counted in it."""
        table, self._table = self._table, None
        if table is not None:
            table.close()

    def _load(self, rows: SharedRows) -> None:
        books = self._admission.books
        self.company = len(rows.others)
        if rows.common[0] > 0.0:
            books.now = rows.common[0]
            for place, page in enumerate(_pages(books)):
                start = 1 + place * _PAGE_WIDTH
                _load_page(page, rows.common[start : start + _PAGE_WIDTH], SHARES[books.mode])
            self._load_rules(books, rows.common[-3:])
        for row in rows.gone:
            # The server goes on with what a dead process had sent.
            books.rpm.inherit(row[0])
            books.itpm.inherit(row[1])
        self._add_others(books, rows)

    def _load_rules(self, books: Books, rules: list[float]) -> None:
        books.otpm.reserving, books.otpm.settled = bool(rules[0]), bool(rules[1])
        self._admission.pause_until(rules[2])

    def _add_others(self, books: Books, rows: SharedRows) -> None:
        """Put on top of what our requests hold what those of the others do, and their first in line."""
        self._forget_others()
        since = self._admission.first_since
        held, flow = [0.0, 0.0], [0.0] * len(_FLOW)
        claimed = [0.0, 0.0]
        for place, row in enumerate(rows.others):
            held = [a + b for a, b in zip(held, row[:2], strict=True)]
            flow = [a + b for a, b in zip(flow, row[2 : 2 + len(_FLOW)], strict=True)]
            first_since, *needs = row[-4:]
            earlier = since is None or (first_since, place >= rows.before) < (since, False)
            if first_since > 0.0 and earlier:
                claimed = [claimed[0] + needs[0], claimed[1] + needs[1]]
                flow[1] += needs[2]
        books.rpm.held += held[0]
        books.itpm.held += held[1]
        books.rpm.claimed, books.itpm.claimed = claimed
        _shift(books.otpm, flow, +1)
        self._foreign_held, self._foreign_flow = held, flow

    def _forget_others(self) -> None:
        books = self._admission.books
        books.rpm.held = max(0.0, books.rpm.held - self._foreign_held[0])
        books.itpm.held = max(0.0, books.itpm.held - self._foreign_held[1])
        _shift(books.otpm, self._foreign_flow, -1)
        books.rpm.claimed = books.itpm.claimed = 0.0
        self._foreign_held, self._foreign_flow = [0.0, 0.0], [0.0] * len(_FLOW)

    def _store(self, rows: SharedRows) -> None:
        books = self._admission.books
        common = [books.now]
        for page in _pages(books):
            common += [page.truth.size, page.truth.rate, page.truth.used, page.policy.used]
            common += [getattr(page, name) for name in _PAGE]
        pause = self._admission.paused_until
        rows.common[:] = [*common, float(books.otpm.reserving), float(books.otpm.settled), pause]
        flow = [
            max(0.0, getattr(books.otpm, name) - foreign)
            for name, foreign in zip(_FLOW, self._foreign_flow, strict=True)
        ]
        held = [books.rpm.held - self._foreign_held[0], books.itpm.held - self._foreign_held[1]]
        rows.mine[:] = [*(max(0.0, h) for h in held), *flow, *self._first()]

    def _first(self) -> list[float]:
        """Since when our first in line waits for a limit, and what it needs; zeros when none does."""
        first, since = self._admission.first, self._admission.first_since
        if first is None or since is None or first.reason not in LIMIT_REASONS:
            return [0.0] * 4
        return [since, first.requests, first.tokens_in, first.tokens_out]


def _pages(books: Books) -> tuple[Page, Page, OutputPage]:
    return books.rpm, books.itpm, books.otpm


def _load_page(page: Page, row: list[float], share: float) -> None:
    size, rate, used, own = row[:4]
    if rate != page.truth.rate:
        page.use(rate * 60.0, share)
    page.truth.size, page.truth.used, page.policy.used = size, used, own
    for name, value in zip(_PAGE, row[4:], strict=True):
        setattr(page, name, value)


def _shift(page: OutputPage, flow: list[float], sign: int) -> None:
    page.running += sign * round(flow[0])
    for name, value in zip(_FLOW[1:], flow[1:], strict=True):
        setattr(page, name, max(0.0, getattr(page, name) + sign * value))
