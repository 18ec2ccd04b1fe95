"""Write what a model planned as a plan file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from luna_tui.core.clean import clean_line


def planned_toml(
    head: Mapping[str, Any], waves: Sequence[Mapping[str, Any]], *, by: str, workspace: Path | None = None
) -> str:
    """A plan file: `head` is its `[plan]`, `by` says in its first line who wrote it.

    `workspace` is named where it is not the folder that the file will be in.
    """
    plan = dict(head)
    if workspace is not None:
        plan["workspace"] = str(workspace)
    body = tomli_w.dumps({"plan": plan, "wave": list(waves)}, multiline_strings=True)
    return f"# {clean_line(by)}\n{body}"
