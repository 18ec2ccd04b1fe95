"""The end of a run as JUnit XML, for whoever collects results of tests."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from luna_tui.core.clean import clean, clean_line
from luna_tui.core.failure_words import KIND_WORDS
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.words import BAD, GOOD, Status


def junit_xml(state: RunState) -> bytes:
    """A wave is a suite, a subtask a case; what timed out is a failure, what never ended is skipped."""
    root = Element("testsuites", {"name": state.plan.name, **_counts(list(state.subtasks.values()))})
    if state.finished is not None:
        root.set("time", _seconds(state.finished.wall_s))
    for wave in state.waves.values():
        _add_wave(root, state, wave)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_wave(root: Element, state: RunState, wave: WaveState) -> None:
    members = [state.subtasks[i] for i in wave.subtasks]
    suite = SubElement(root, "testsuite", {"name": clean_line(wave.name), **_counts(members)})
    suite.set("time", _seconds(sum(s.duration_s for s in members)))
    suite.set("timestamp", state.started_at)
    for s in members:
        case = SubElement(suite, "testcase", {"classname": clean_line(wave.name), "name": s.id})
        case.set("time", _seconds(s.duration_s))
        if s.status in BAD:
            _add_failure(case, s)
        elif s.status not in GOOD:
            said = clean_line(s.reason) or ("never ended" if s.status is None else str(s.status))
            SubElement(case, "skipped", {"message": said})


def _add_failure(case: Element, s: SubtaskState) -> None:
    last = s.tries[-1] if s.tries and s.status is not Status.TIMED_OUT else None
    kind = str(last.error_kind) if last is not None and last.error_kind in KIND_WORDS else str(s.status)
    failure = SubElement(case, "failure", {"type": kind, "message": clean_line(s.reason) or kind})
    failure.text = "\n".join(
        f"try {t.number}: {clean(t.message)}" for t in s.tries if t.error_kind is not None
    ) or clean(s.reason)


def _counts(members: list[SubtaskState]) -> dict[str, str]:
    failed = sum(s.status in BAD for s in members)
    skipped = sum(s.status not in BAD and s.status not in GOOD for s in members)
    return {"tests": str(len(members)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
