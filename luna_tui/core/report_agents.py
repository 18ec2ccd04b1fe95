"""What a report says of agents: what held their commands, and what they changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luna_tui.core.agents import Changes
from luna_tui.core.clean import clean_line
from luna_tui.core.state import RunState


def agents_data(state: RunState) -> dict[str, Any]:
    """Members of the report as data."""
    return {
        "sandbox": state.sandbox or None,
        "changes": [
            {
                "subtask": c.subtask,
                "files": [{"path": f.path, "kind": f.kind} for f in c.files],
                "added": c.added,
                "removed": c.removed,
                "diff_file": c.diff_file,
                "settled": c.settled or None,
                "conflicts": list(c.conflicts),
            }
            for c in state.changes.values()
        ],
    }


def agents_lines(state: RunState) -> Iterator[str]:
    """The section of the report for people; nothing of a run in which no agent changed anything."""
    if state.sandbox:
        held = "by NOTHING (unsandboxed)" if state.sandbox == "none" else f"by {clean_line(state.sandbox)}"
        yield from ("", f"Commands of agents were held {held}.")
    if state.changes:
        yield from ("", "## Changes", "")
        yield from (_changed(c) for c in state.changes.values())
    if open_ones := sum(not c.settled for c in state.changes.values()):
        yield from ("", f"To look at, accept or drop: {open_ones} (`luna-tui diff {state.run}`).")


def _changed(changes: Changes) -> str:
    files = f"{len(changes.files)} files" if len(changes.files) != 1 else "1 file"
    how = changes.settled or "nobody has decided"
    if changes.conflicts and not changes.settled:
        how = "not taken over: " + clean_line(", ".join(changes.conflicts))
    lines = f"+{changes.added} -{changes.removed}"
    return f"- `{changes.subtask}`: {files} {lines} in `{clean_line(changes.diff_file)}`; {how}"
