"""Moments of a run of agents: they stream, use tools, ask for a person, and leave changes to look at."""

from __future__ import annotations

from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangedFile,
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    Event,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ToolCalled,
    ToolFinished,
    TurnStarted,
    UsageRecorded,
    WaveStarted,
    WorkspaceChanged,
)
from luna_tui.core.words import Decision, GrantScope, Isolation, Kind, Mode, Status, WaitReason

RUN = "20260102-150405-7f3a"
WAVE = "fix"
RUNS, EDITS, WONDERS, READS, MANY, TALKS, DONE, CLASHES = (
    "idx_files", "fix_i18n", "docs_faq", "lint_api", "scan_html", "merge_ids", "parse_css", "typ_check",
)  # fmt: skip
TOOLS = ("read_file", "edit_file", "run_command", "ask_user")
COMMAND = "python -m pytest -q tests/index \\\n    --maxfail=1 -k 'not slow' && git status --short"
DIFF = """\
--- a/src/i18n.py
+++ b/src/i18n.py
@@ -12,7 +12,7 @@ def load(folder):
     found = {}
-    for name in os.listdir(folder):
-        if name.endswith('.json'):
-            found[name[:-5]] = json.load(open(name))
+    for path in sorted(folder.glob('*.json')):
+        with path.open(encoding='utf-8') as file:
+            found[path.stem] = json.load(file)
     return found
 \n \n\
@@ -40,8 +40,12 @@ def text(key, language):
     words = TEXTS.get(language)
-    if words == None:
+    if words is None:
         words = TEXTS['en']
-    return words[key]
+    try:
+        return words[key]
+    except KeyError:
+        log.warning('no text %s in %s', key, language)
+        return key
 \n \n\
 def languages():
-    return TEXTS.keys()
+    return tuple(sorted(TEXTS))
"""
"""30 lines."""
QUESTION = (
    "Two pages answer the same question: faq.md and help.md.\nWhich one shall stay?\n\n"
    "1. faq.md, since others link to it\n2. help.md, which is newer\n3. Both, with a link between them"
)
CHANGED = (
    ChangedFile(path="src/theme.css", kind="changed", added=9, removed=4),
    ChangedFile(path="src/print.css", kind="added", added=3),
    ChangedFile(path="src/old.css", kind="removed"),
)
DIFF_FILE = f"diffs/{DONE}.1.diff"


def agents(*, answered: tuple[str, ...] = (), settled: str = "", until_s: float = 95.0) -> tuple[Record, ...]:
    """Eight agents: three ask, one after the other; two use tools, one talks, one changed files.

    `answered` are names of requests that were allowed; `settled` is `accepted`, `dropped` or `refused`.
    """
    found = _begin()
    for n, i in enumerate((RUNS, EDITS, WONDERS, READS, MANY, TALKS, DONE)):
        found.append((1.0 + n / 10, _starts(i, n)))
    found += [*_conversation(), *_asks(), *_tools(), *_changes(settled)]
    for name in answered:
        found.append((94.0, _decided(name)))
    found = [(at, event) for at, event in found if at <= until_s]
    found.sort(key=lambda pair: pair[0])
    return tuple(Record(seq, at, RUN, event) for seq, (at, event) in enumerate(found, 1))


def asks(*told: ApprovalRequested) -> tuple[Record, ...]:
    """The same run with nothing but these requests."""
    found = _begin()
    for n, ask in enumerate(told):
        found += [(1.0 + n, _starts(ask.subtask, n)), (2.0 + n, _waits(ask.subtask, n)), (2.1 + n, ask)]
    found.sort(key=lambda pair: pair[0])
    return tuple(Record(seq, at, RUN, event) for seq, (at, event) in enumerate(found, 1))


def ask(name: str = "a1", subtask: str = RUNS, **more: object) -> ApprovalRequested:
    """A request to run a command, or whatever `more` says."""
    told: dict[str, object] = {
        "tool": "run_command", "summary": "python -m pytest -q", "detail": COMMAND,
        "pattern": "run_command(python -m pytest *)",
    }  # fmt: skip
    fields = {**told, **more}
    return ApprovalRequested(wave=WAVE, subtask=subtask, attempt=1, approval=name, **fields)  # type: ignore[arg-type]


def _begin() -> list[tuple[float, Event]]:
    ids = (RUNS, EDITS, WONDERS, READS, MANY, TALKS, DONE, CLASHES)
    planned = tuple(
        PlannedSubtask(
            id=i, title=i, model="claude-sonnet-5-5", retries=2, prompt=f"Look after {i}.",
            tools=TOOLS, max_turns=15, isolate=Isolation.COPY if i == DONE else None,
        )
        for i in ids
    )  # fmt: skip
    after = (PlannedSubtask(id="sum_up", title="sum_up", depends_on=(RUNS, EDITS)),)
    outline = PlanOutline(
        name="tidy-site",
        waves=(
            PlannedWave(name=WAVE, parallel=True, subtasks=planned),
            PlannedWave(name="report", parallel=True, subtasks=after),
        ),
    )
    started = RunStarted(
        started_at="2026-01-02T15:04:05Z", plan=outline, mode=Mode.BALANCED, tier="tier2", max_workers=7,
        provider="anthropic", version="0", sandbox="bubblewrap",
    )  # fmt: skip
    reason = "parallel: 8 subtasks on 7 workers"
    return [(0.0, started), (0.1, WaveStarted(wave=WAVE, parallel=True, reason=reason, workers=7))]


def _conversation() -> list[tuple[float, Event]]:
    """One agent of four turns whose text and tools alternate."""
    return [
        (3.0, _says(RUNS, "I look at the index first.")),
        (3.2, _calls(RUNS, "t1", "read_file", "src/index.py")),
        (3.2, _calls(RUNS, "t2", "read_file", "src/missing.py")),
        (3.3, _returns(RUNS, "t1", "read_file", 0.1, "342 lines")),
        (3.4, _returns(RUNS, "t2", "read_file", 0.2, "no such file", ok=False)),
        (3.5, _uses(RUNS)),
        (3.6, TurnStarted(wave=WAVE, subtask=RUNS, attempt=1, turn=2)),
        (5.0, _says(RUNS, "The index is built twice:\n\n1. by `build()`, when the server starts,\n"
                          "2. by `refresh()`, on every request.\n\nI take the second one out.")),
        (6.0, _calls(RUNS, "t3", "edit_file", "src/index.py +2 -14")),
        (6.1, _returns(RUNS, "t3", "edit_file", 0.1, "+2 -14")),
        (6.2, TurnStarted(wave=WAVE, subtask=RUNS, attempt=1, turn=3)),
        (8.0, _says(RUNS, "Now the tests have to show that nothing else relied on it.")),
        (8.5, TurnStarted(wave=WAVE, subtask=RUNS, attempt=1, turn=4)),
        (90.0, _says(TALKS, "## What was merged\n\n- 14 doubled ids\n- 2 that differ only in case")),
        (94.5, _says(TALKS, "\n- none that a link still names")),
    ]  # fmt: skip


def _asks() -> list[tuple[float, Event]]:
    """A command, a difference and a question; before them one that was denied, one that was allowed."""
    denied = ApprovalDecided(
        wave=WAVE, subtask=TALKS, approval="a0", tool="run_command", decision=Decision.DENY, by="user",
        reason="the network is not needed for this",
    )  # fmt: skip
    return [
        (20.0, _waits(TALKS, 5)),
        (20.0, ask("a0", TALKS, summary="curl https://example.org", detail="curl https://example.org",
                   pattern="")),
        (25.0, denied),
        (33.0, _waits(RUNS, 0)),
        (33.0, ask("a1", RUNS)),
        (70.0, _waits(EDITS, 1)),
        (70.0, ask("a2", EDITS, tool="edit_file", summary="src/i18n.py +13 -6", detail=DIFF,
                   pattern="edit_file(src/**)")),
        (88.0, _waits(WONDERS, 2)),
        (88.0, ask("a3", WONDERS, tool="ask_user", summary="Which one shall stay?", detail=QUESTION,
                   pattern="", question=True)),
    ]  # fmt: skip


def _tools() -> list[tuple[float, Event]]:
    return [
        (10.0, _says(READS, "The linter first.")),
        (90.0, _calls(READS, "t1", "run_command", "ruff check src --output-format=concise")),
        (89.0, _says(MANY, "Three pages at once.")),
        (93.0, _calls(MANY, "t1", "read_file", "pages/a.html")),
        (93.1, _calls(MANY, "t2", "read_file", "pages/b.html")),
        (93.2, _calls(MANY, "t3", "search_files", 'href="/docs/old"')),
        (93.4, _returns(MANY, "t1", "read_file", 0.4, "81 lines")),
    ]


def _changes(settled: str) -> list[tuple[float, Event]]:
    changed = WorkspaceChanged(wave=WAVE, subtask=DONE, attempt=1, files=CHANGED, diff_file=DIFF_FILE)
    finished = SubtaskFinished(
        wave=WAVE, subtask=DONE, attempt=1, status=Status.SUCCEEDED, duration_s=58.0, attempts=1, worker=6
    )
    found: list[tuple[float, Event]] = [
        (50.0, _says(DONE, "The colours are variables now.")),
        (60.0, changed),
        (60.0, finished),
    ]
    match settled:
        case "accepted":
            found.append((80.0, ChangesAccepted(subtask=DONE, by="user", files=3)))
        case "dropped":
            found.append((80.0, ChangesDropped(subtask=DONE, by="user")))
        case "refused":
            why = ("src/theme.css was changed since",)
            found.append((80.0, ChangesRefused(subtask=DONE, by="user", conflicts=why)))
    return found


def _decided(name: str) -> ApprovalDecided:
    subtask = {"a1": RUNS, "a2": EDITS, "a3": WONDERS}[name]
    return ApprovalDecided(
        wave=WAVE, subtask=subtask, approval=name, tool="run_command", decision=Decision.ALLOW, by="user",
        scope=GrantScope.ONCE,
    )  # fmt: skip


def _starts(subtask: str, worker: int) -> SubtaskStarted:
    return SubtaskStarted(
        wave=WAVE, subtask=subtask, attempt=1, worker=worker, title=subtask, kind=Kind.CLAUDE
    )


def _waits(subtask: str, worker: int) -> SubtaskWaiting:
    return SubtaskWaiting(wave=WAVE, subtask=subtask, reason=WaitReason.APPROVAL, attempt=1, worker=worker)


def _says(subtask: str, text: str) -> SubtaskOutput:
    return SubtaskOutput(wave=WAVE, subtask=subtask, attempt=1, text=text)


def _calls(subtask: str, call: str, tool: str, summary: str) -> ToolCalled:
    return ToolCalled(wave=WAVE, subtask=subtask, attempt=1, tool=tool, summary=summary, call=call)


def _returns(
    subtask: str, call: str, tool: str, took_s: float, result: str, *, ok: bool = True
) -> ToolFinished:
    return ToolFinished(
        wave=WAVE, subtask=subtask, attempt=1, tool=tool, ok=ok, duration_s=took_s, call=call, result=result
    )


def _uses(subtask: str) -> UsageRecorded:
    return UsageRecorded(
        wave=WAVE, subtask=subtask, attempt=1, model="claude-sonnet-5-5", input_tokens=4_200,
        output_tokens=310, cache_read_tokens=2_000, cost_usd=0.021,
    )  # fmt: skip
