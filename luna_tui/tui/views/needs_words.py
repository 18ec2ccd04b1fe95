"""What agents want of a person, in words: to use a tool, an answer, a look at what they changed."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.problem_facts import Asking, Unsettled
from luna_tui.core.tongue import _, _n, _p
from luna_tui.core.tools import FILE_READERS, FILE_WRITERS, RUN_COMMAND
from luna_tui.tui.views.fitting import Steps, said
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import fit

_MOST_SUMMARY = 300
"""Characters of a summary that a line is made from."""
_FILES = (*FILE_READERS, *FILE_WRITERS)
_MOST_CELLS = 34
"""Cells of it in an attention line, so that the keys have room."""


def what_of(tool: str, summary: str) -> str:
    """A summary without the word that the tool's name begins with: `read src/a.py` of `read_file`."""
    what = clean_line(summary[:_MOST_SUMMARY])
    verb, _space, rest = what.partition(" ")
    return rest if tool in _FILES and verb == tool.partition("_")[0] else what


def wish(tool: str, summary: str, *, question: bool) -> str:
    """What one request is about: `run  pytest -q`, `use edit_file  src/a.py`, `Which of the two?`."""
    if question:
        return clean_line(summary[:_MOST_SUMMARY])
    if tool == RUN_COMMAND:
        return _("run  {what}").format(what=clean_line(summary[:_MOST_SUMMARY]))
    return _("use {tool}  {what}").format(tool=clean_line(tool), what=what_of(tool, summary)).rstrip()


def asks_to(tool: str, summary: str, *, question: bool) -> str:
    """The same after a label: `asks to run  pytest -q`."""
    text = _("asks: {what}") if question else _("asks to {what}")
    return text.format(what=wish(tool, summary, question=question))


def asking_name(facts: Asking) -> str:
    """In two or three words."""
    return _n("request for you", "requests for you", max(1, facts.requests))


def asking_sentence(facts: Asking, mark: str) -> str:
    """Who asks for what; of several, what the oldest asks for."""
    if not facts.requests:
        return _("waits for approval")
    summary = fit(clean_line(facts.summary[:_MOST_SUMMARY]), _MOST_CELLS, mark)
    if facts.requests == 1:
        return asks_to(facts.tool, summary, question=facts.question)
    what = wish(facts.tool, summary, question=facts.question)
    return _("{n} ask; first: {what}").format(n=facts.requests, what=what)


def asking_short(facts: Asking) -> str:
    """The same where there is hardly room."""
    return asking_name(facts)


def changed_lines(facts: Unsettled) -> str:
    """`3 files +12 -4`."""
    count = _n("{n} file", "{n} files", facts.files).format(n=facts.files)
    return f"{count} +{facts.added} -{facts.removed}"


def changes_sentence(facts: Unsettled) -> str:
    """What was changed, or why it could not be taken over."""
    if facts.conflicts:
        why = clean_line(", ".join(facts.conflicts)[:_MOST_SUMMARY])
        return _("not taken over: {why}").format(why=why)
    return _("changed {what}").format(what=changed_lines(facts))


def sandbox_words(sandbox: str) -> Steps:
    """What holds the commands of agents, as a header says it; nothing where none runs commands."""
    if not sandbox:
        return ()
    if sandbox == "none":
        return said(Role.BANNER, _("UNSANDBOXED"), _p("6 cells", "UNSAND"))
    if sandbox == "refused":
        return said(Role.WARN, _("commands refused"), _("no commands"), "")
    name = clean_line(sandbox)
    return said(Role.DIM, _("sandbox {name}").format(name=name), name, "")
