"""The filter language: `s:failed wave:2 why:itpm !x text`; every term must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from luna_tui.core.clean import clean_line
from luna_tui.core.filter_words import (
    DEPENDENCY,
    FIELDS,
    KINDS,
    STATES,
    WHYS,
    Choices,
    choose,
    nearest,
    values,
)
from luna_tui.core.insight import QUIET_FLOOR_S, Stand, quiet_after_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.core.words import GOOD

TAIL_LOOKED_AT = 400
"""Characters at the end of a stream in which bare text is looked for: its last line."""


class Field(StrEnum):
    """What a term looks at."""

    STATE = "s"
    WAVE = "wave"
    WHY = "why"
    KIND = "kind"
    ID = "id"
    TEXT = "text"


_QUICKEST = {field: place for place, field in enumerate(Field)}


@dataclass(frozen=True, slots=True)
class FilterMistake:
    """What is wrong with a filter, where, and what would be right."""

    at: int
    """First wrong character, from 0."""
    length: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".strip()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    field: Field
    value: str
    """Folded to lower case."""
    inverse: bool = False
    among: frozenset[str] = frozenset()
    """Values that hold, where the field has a closed set of them."""

    def hits(self, state: RunState, s: SubtaskState, how: Stand) -> bool:
        """Whether it is so of a subtask that stands like this, before `inverse`."""
        match self.field:
            case Field.STATE:
                return how in self.among
            case Field.WAVE:
                return s.wave in self.among
            case Field.WHY:
                return bool(_causes(state, s) & self.among)
            case Field.KIND:
                return s.planned.kind in self.among
            case Field.ID:
                return self.value in s.id.casefold() or s.label.startswith(self.value)
            case Field.TEXT:
                return self.value in _texts(s).casefold()


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood; without terms it lets everything through."""

    terms: tuple[Term, ...] = ()
    """The quickest to check first: by state, then in order of `Field`."""

    def matches(self, state: RunState, s: SubtaskState, now_s: float) -> bool:
        """Whether a subtask is let through."""
        how = Stand.QUEUED
        if self.terms and self.terms[0].field is Field.STATE:
            quiet = quiet_after_s(state, state.waves[s.wave]) if s.running else QUIET_FLOOR_S
            how = stand(s, now_s, quiet_after_s=quiet, paused=state.paused)
        # No generator: this is called for each of very many subtasks.
        for term in self.terms:  # noqa: SIM110
            if term.hits(state, s, how) == term.inverse:
                return False
        return True

    def allows(self, hit: Callable[[Term], bool]) -> bool:
        """Whether every term holds, where `hit` says what is so."""
        return all(hit(term) != term.inverse for term in self.terms)


Predicate = Callable[[SubtaskState], bool]


def filtered(state: RunState, now_s: float, text: str) -> Predicate | FilterMistake:
    """What a typed filter lets through at this instant, or what is wrong with it."""
    found = parse_filter(text, tuple(state.waves))
    if isinstance(found, FilterMistake):
        return found
    return lambda s: found.matches(state, s, now_s)


def parse_filter(text: str, waves: Sequence[str]) -> Filter | FilterMistake:
    """Understand a filter for a run with these waves."""
    terms = []
    for word in _words(text):
        term = word if isinstance(word, FilterMistake) else _term(word, waves)
        if isinstance(term, FilterMistake):
            return term
        if term is not None:
            terms.append(term)
    return Filter(tuple(sorted(terms, key=lambda term: _QUICKEST[term.field])))


def completions(text: str, at: int, waves: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Where the word before place `at` begins, and what it may become."""
    start = max(text.rfind(" ", 0, at), -1) + 1
    if text[start:at].startswith("!"):
        start += 1
    name, colon, begun = text[start:at].partition(":")
    if not colon:
        return start, tuple(f"{f}:" for f in FIELDS[0] if f.startswith(name.casefold()))
    tables = _tables(_field(name), waves)
    start += len(name) + 1
    known = [word for table in tables[:1] for word in table] or [word for t in tables for word in t]
    return start, tuple(sorted(word for word in known if word.startswith(begun.casefold())))


@dataclass(frozen=True, slots=True)
class _Word:
    at: int
    inverse: bool
    field: str
    """As typed; empty = bare text."""
    value: str
    value_at: int
    quoted: bool


def _words(text: str) -> list[_Word | FilterMistake]:
    """Split at spaces outside of quotes."""
    found: list[_Word | FilterMistake] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        word, place = _word(text, place)
        found.append(word)
    return found


def _word(text: str, begin: int) -> tuple[_Word | FilterMistake, int]:
    """The word that begins here, and where the next may begin."""
    place = begin
    inverse = text[place] == "!"
    place += inverse
    field = ""
    colon = place
    while colon < len(text) and text[colon].isalpha():
        colon += 1
    if colon > place and text[colon : colon + 1] == ":":
        field, place = text[place:colon], colon + 1
    if text[place : place + 1] == '"':
        end = text.find('"', place + 1)
        if end < 0:
            said = _("The quote that begins here is not closed.")
            return FilterMistake(place, len(text) - place, said), len(text)
        return _Word(begin, inverse, field, text[place + 1 : end], place + 1, True), end + 1
    end = place
    while end < len(text) and not text[end].isspace():
        end += 1
    return _Word(begin, inverse, field, text[place:end], place, False), end


def _term(word: _Word, waves: Sequence[str]) -> Term | FilterMistake | None:
    if not word.field:
        return Term(Field.TEXT, word.value.casefold(), word.inverse) if word.value else None
    field = _field(word.field)
    if field is None:
        return _no_field(word)
    if not word.value:
        return None
    value = word.value.casefold()
    if field is Field.ID:
        return Term(field, value, word.inverse)
    if field is Field.WHY and value.isdigit():
        return Term(field, value, word.inverse, frozenset((value,)))
    if field is Field.WAVE and value.isdigit() and value not in waves:
        return _numbered(word, waves)
    tables = _tables(field, waves)
    found = choose(value, tables)
    if len(found) != 1:
        return _no_value(word, field, found, tables)
    return Term(field, found[0], word.inverse, values(found[0], tables))


def _field(name: str) -> Field | None:
    found = choose(name.casefold(), FIELDS)
    return Field(next(t[found[0]] for t in FIELDS if found[0] in t)) if len(found) == 1 else None


def _tables(field: Field | None, waves: Sequence[str]) -> Sequence[Choices]:
    match field:
        case Field.STATE:
            return STATES
        case Field.WHY:
            return WHYS
        case Field.KIND:
            return KINDS
        case Field.WAVE:
            return ({wave.casefold(): frozenset((wave,)) for wave in waves},)
        case _:
            return ()


def _numbered(word: _Word, waves: Sequence[str]) -> Term | FilterMistake:
    number = int(word.value)
    if 1 <= number <= len(waves):
        return Term(Field.WAVE, word.value, word.inverse, frozenset((waves[number - 1],)))
    what = _("There is no wave {n}.").format(n=number)
    return FilterMistake(word.value_at, len(word.value), what, _("The last one is {n}.").format(n=len(waves)))


def _no_field(word: _Word) -> FilterMistake:
    several = choose(word.field.casefold(), FIELDS)
    at = word.value_at - len(word.field) - 1
    if several:
        words = ", ".join(f"{name}:" for name in several)
        return FilterMistake(
            at, len(word.field), _("{term} may be {words}.").format(term=f"{word.field}:", words=words)
        )
    what = _("There is no field {name}:.").format(name=word.field)
    near = nearest(word.field.casefold(), [name for table in FIELDS for name in table])
    fix = _("Nearest: {name}:.").format(name=near) if near else _("Quotes make it plain text.")
    return FilterMistake(at, len(word.field), what, fix)


def _no_value(word: _Word, field: Field, found: Sequence[str], tables: Sequence[Choices]) -> FilterMistake:
    shown = f"{field.value}:{clean_line(word.value)}"
    if found:
        what = _("{term} may be {words}.").format(term=shown, words=", ".join(found[:4]))
        return FilterMistake(word.value_at, len(word.value), what)
    what = _("{term} is not known.").format(term=shown)
    known = [name for table in tables for name in table]
    near = nearest(word.value.casefold(), known)
    fix = (
        _("Nearest: {name}.").format(name=near)
        if near
        else _("Known: {words}.").format(words=", ".join(list(tables[0])[:4]))
    )
    return FilterMistake(word.value_at, len(word.value), what, fix)


def _texts(s: SubtaskState) -> str:
    last = s.tail[-TAIL_LOOKED_AT:].rstrip().rpartition("\n")[2] if s.tail else ""
    return f"{s.planned.title}\n{s.planned.id}\n{s.label}\n{last}\n{s.reason}"


def _causes(state: RunState, s: SubtaskState) -> frozenset[str]:
    """Why it waits, or why its last try failed."""
    if s.running or s.status in GOOD:
        return frozenset()
    found: set[str] = {s.waiting} if s.waiting is not None else set()
    last = s.tries[-1] if s.tries else None
    if last is not None and last.error_kind is not None:
        found.add(str(last.error_kind))
        if last.status is not None:
            found.add(str(last.status))
    if s.status is None and s.waiting is None and _lacks(state, s):
        found.add(DEPENDENCY)
    return frozenset(found)


def _lacks(state: RunState, s: SubtaskState) -> bool:
    return any(state.subtasks[i].status not in GOOD for i in s.planned.depends_on if i in state.subtasks)
