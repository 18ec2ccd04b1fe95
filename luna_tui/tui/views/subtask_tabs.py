"""What stands on the tabs of a subtask: prompt, result, tries and events, as texts to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from luna_tui.core.clean import clean, clean_line
from luna_tui.core.outline import PROMPT_CHARS
from luna_tui.core.reasons import reason_words
from luna_tui.core.spans import Try
from luna_tui.core.spent import waits_before
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.telling import ENDS
from luna_tui.core.tongue import N_, _, _n, _p
from luna_tui.core.words import GOOD, Isolation, Kind, Status
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.problem_words import KIND_WORDS
from luna_tui.tui.views.reading import Mark
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.telling import tell
from luna_tui.tui.views.text import clock
from luna_tui.tui.views.tool_lines import used_tools

_FENCE = "```"
_WORKSPACES = {
    Isolation.COPY: N_("works in a copy of the workspace"),
    Isolation.GIT_WORKTREE: N_("works in a git worktree of its own"),
}


@dataclass(slots=True)
class Document:
    """A text with meanings; built line by line."""

    text: str = ""
    marks: list[Mark] = field(default_factory=list)
    hangs: dict[int, int] = field(default_factory=dict)
    """Where a line begins -> cells before its further rows."""
    anchors: list[int] = field(default_factory=list)
    """Offsets of what the cursor can stand on."""

    def add(self, *parts: tuple[str, Role], hang: int = 0) -> None:
        """One line; its further rows begin after `hang` cells."""
        if self.text:
            self.text += "\n"
        if hang:
            self.hangs[len(self.text)] = hang
        for text, role in parts:
            if role is not Role.TEXT:
                self.marks.append(Mark(len(self.text), len(self.text) + len(text), role))
            self.text += text

    def dim(self, text: str) -> None:
        """One line of less weight."""
        self.add((text, Role.DIM))


def prompt_document(s: SubtaskState, folder: str, whole: str | None = None) -> Document:
    """What it was asked, as far as the run knows, and where the rest is.

    `whole` is the prompt as the plan has it, where that is known; it counts while the run goes by it.
    """
    page = Document()
    asked = s.planned.prompt
    cut = len(asked) >= PROMPT_CHARS and asked.endswith("…")
    if cut and whole is not None and clean(whole).startswith(asked[:-1]):
        asked, cut = clean(whole), False
    kinds = {Kind.COMMAND: _("command"), Kind.PYTHON: _("call")}
    what = kinds.get(s.planned.kind, _("prompt"))
    facts = [f"{what}, {_n('{n:,} character', '{n:,} characters', len(asked)).format(n=len(asked))}"]
    if s.planned.timeout:
        facts.append(_("at most {s:g} s").format(s=s.planned.timeout))
    facts.append(_n("{n} retry", "{n} retries", s.planned.retries).format(n=s.planned.retries))
    page.dim("  ".join(facts))
    if told := _granted(s):
        page.dim(told)
    page.add()
    if not asked:
        page.dim(_("Nothing is known of it."))
    for text in asked.split("\n") if asked else ():
        page.add((text, Role.TEXT))
    if cut:
        page.add()
        where = _("{folder}/plan.toml (or plan.json)").format(folder=folder) if folder else _("the plan")
        text = _("Cut here after {n:,} characters; the whole of it is in {where}.")
        page.add((text.format(n=PROMPT_CHARS - 1, where=where), Role.WARN))
    return page


def _granted(s: SubtaskState) -> str:
    """What an agent may use and how far it may go; empty for what is no agent."""
    if not s.planned.tools:
        return ""
    parts = [_("tools: {names}").format(names=clean_line(", ".join(s.planned.tools)))]
    parts.append(_("at most {n} turns").format(n=s.planned.max_turns))
    if s.planned.isolate is not None:
        parts.append(_(_WORKSPACES[s.planned.isolate]))
    return "; ".join(parts)


def result_document(s: SubtaskState, answer: str | None, missing: str) -> Document:
    """The answer of the last good try; `answer` None = it is being read.

    `missing` says what is not there of it, and where it is; empty when the answer is whole.
    """
    page = Document()
    if s.status is None:
        page.dim(_("There is no result yet; what it says so far is on tab 1."))
        return page
    if s.status not in GOOD:
        end = _(ENDS[s.status])
        page.add((_("There is no result: {end}.").format(end=end), Role.BAD))
        if s.reason:
            page.add((clean(reason_words(s.reason)), Role.TEXT))
        return page
    if answer is None:
        page.dim(_("Reading the answer from its file."))
        return page
    parsed = None if missing else indented(answer)
    facts = [_("answer of try {n}").format(n=s.attempt)]
    facts.append(_n("{n:,} character", "{n:,} characters", len(answer)).format(n=len(answer)))
    if parsed is not None:
        facts.append(_("JSON, shown indented"))
    page.dim("  ".join(facts))
    if missing:
        page.add((missing, Role.WARN))
    page.add()
    for text in (parsed or answer.rstrip("\n")).split("\n"):
        page.add((text, Role.TEXT))
    return page


def indented(text: str) -> str | None:
    """JSON written with indents, a fence around it left out; None when it is no JSON object or list."""
    text = text.strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text.partition("\n")[2].rpartition("\n")[0].strip()
    if not text.startswith(("{", "[")):
        return None
    try:
        return clean(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return None


def tries_document(s: SubtaskState, now_s: float, at: int, last_said: Mapping[int, str]) -> Document:
    """One block for each try, the last one first; the cursor stands on number `at` from the top."""
    page = Document()
    if not s.tries:
        page.dim(_("It has not been tried yet."))
    for place, t in enumerate(reversed(s.tries)):
        if place:
            page.add()
        page.anchors.append(len(page.text) + bool(page.text))
        _block(page, s, t, now_s, chosen=place == at, said=last_said.get(t.number))
    return page


def _block(page: Document, s: SubtaskState, t: Try, now_s: float, *, chosen: bool, said: str | None) -> None:
    end = t.ended_at if t.ended_at is not None else now_s
    mark = "> " if chosen else "  "
    how, role = _how(s, t)
    head = _("try {n}").format(n=t.number)
    page.add((f"{mark}{head}", Role.STRONG if chosen else Role.TEXT), (f"  {how}", role),
             (f"  {clock(end - t.started_at)}", Role.TEXT))  # fmt: skip
    times = _("{start} to {end}").format(
        start=clock(t.started_at), end=clock(end) if t.ended_at is not None else _("now")
    )
    waited = waits_before(s, t)
    if waited >= 1:
        times += "  " + _("after waiting {time}").format(time=clock(waited))
    if t.first_output_at is not None:
        times += "  " + _("first token after {s:.1f} s").format(s=t.first_output_at - t.started_at)
    rows = [(_("when"), times)]
    if t.input_tokens or t.output_tokens:
        used = _("in {i:,}  out {o:,}").format(i=t.input_tokens, o=t.output_tokens)
        rows.append((_("used"), used + (f"  ${t.cost_usd:.3f}" if t.cost_usd is not None else "")))
    if told := used_tools(t):
        rows.append((_p("6 cells", "tools"), told))
    if t.error_kind is not None:
        kind = _(KIND_WORDS.get(t.error_kind, t.error_kind.replace("_", " ")))
        code = _(", status {n}").format(n=t.status) if t.status is not None else ""
        rows.append((_("error"), f"{kind}{code}: {clean_line(t.message)}"))
    if t.delay_s is not None:
        rows.append((_p("6 cells", "next"), _("after {s:.1f} s").format(s=t.delay_s)))
    rows.append((_("said"), _said(s, t, said)))
    for name, text in rows:
        page.add((f"    {name:<6} ", Role.DIM), (text, Role.TEXT), hang=11)


def _how(s: SubtaskState, t: Try) -> tuple[str, Role]:
    if t.error_kind is not None:
        return _("failed"), Role.BAD
    if t.ended_at is None:
        return _("in flight"), Role.GOOD
    if t is s.tries[-1] and s.status is not None:
        role = Role.GOOD if s.status is Status.SUCCEEDED else Role.BAD
        return _(ENDS[s.status]), role
    return _("ended"), Role.TEXT


def _said(s: SubtaskState, t: Try, said: str | None) -> str:
    if t is s.tries[-1] and s.tail:
        said = s.tail[-400:]
    if said is None:
        return _("enter shows it, where it was kept")
    last = clean_line(said[-400:].rstrip().rpartition("\n")[2])
    return _("last: {text}").format(text=last) if last else _("nothing")


def events_document(state: RunState, s: SubtaskState, g: Glyphs) -> Document:
    """What happened to it, as far back as the run's log reaches."""
    page = Document()
    log = state.log
    for record in log:
        if getattr(record.event, "subtask", None) != s.id:
            continue
        told = tell(state, record, g)
        page.anchors.append(len(page.text) + bool(page.text))
        page.add((f"{clock(record.at):>6}  ", Role.DIM), (f"{told.glyph} {told.what}", told.role), hang=10)
    if log and log[0].seq > 1:
        page.add()
        page.dim(_("Older ones may be missing here; the journal has all of them."))
    elif not page.text:
        page.dim(_("Nothing has happened to it yet."))
    return page
