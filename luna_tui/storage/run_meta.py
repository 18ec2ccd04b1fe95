"""`run.json`: what was decided before a run began, so that another process can decide the same."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan
from luna_tui.storage.paths import RunDir, why_not

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a run is begun with, beside its plan."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Configuration key, such as `run.mode` -> value."""
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """How the embedded simulator behaves; empty when it is not the provider."""
    demo: bool = False
    """The plan is the bundled one, which a later version may change."""
    resumed_from: str = ""
    """The run whose results it takes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMeta(Decided):
    """The content of `run.json`."""

    run: str
    version: str
    host: str
    started_at: str
    plan: str
    """Absolute path of the plan file when the run began; empty for a plan made in memory."""
    plan_sha256: str
    workspace: str
    changed_from: str = ""
    """Absolute path of the file whose plan it was, before a person changed it for the run."""
    files: Mapping[str, str] = field(default_factory=dict)
    """File that the plan attaches, relative to the workspace -> SHA-256 of its content."""

    @property
    def kept_plan(self) -> str:
        """Name of the plan in the run directory."""
        return kept_name(self.plan)


def kept_name(source: str) -> str:
    """Under which name a plan is kept."""
    suffix = Path(source).suffix.lower()
    return f"plan{suffix}" if suffix in (".json", ".jsonl", ".ndjson") else "plan.toml"


def meta_content(
    run: str, plan: Plan, content: bytes, decided: Decided, *, version: str, started_at: str
) -> bytes:
    """`run.json` of a new run; `content` is its plan file."""
    meta = {
        "run": run,
        "version": version,
        "python": platform.python_version(),
        "host": platform.node(),
        "started_at": started_at,
        "plan": plan.source,
        "changed_from": plan.changed_from,
        "plan_sha256": hashlib.sha256(content).hexdigest(),
        "workspace": plan.workspace,
        "settings": dict(decided.settings),
        "simulator": dict(decided.simulator),
        "demo": decided.demo,
        "resumed_from": decided.resumed_from,
        "files": file_digests(plan),
    }
    return json.dumps(meta, indent=1).encode() + b"\n"


def read_meta(run_dir: RunDir) -> RunMeta:
    """What a run was begun with; LunaError(78) when that is not known any more."""
    path = run_dir.path / "run.json"
    try:
        value = json.loads(path.read_bytes())
        return RunMeta(
            run=str(value["run"]),
            version=str(value["version"]),
            host=str(value.get("host", "")),
            started_at=str(value["started_at"]),
            plan=str(value["plan"]),
            plan_sha256=str(value["plan_sha256"]),
            workspace=str(value["workspace"]),
            changed_from=str(value.get("changed_from", "")),
            settings=_table(value, "settings"),
            simulator=_table(value, "simulator"),
            demo=value.get("demo") is True,
            resumed_from=str(value.get("resumed_from", "")),
            files={str(k): str(v) for k, v in _table(value, "files").items()},
        )
    except OSError as error:
        raise _unknown(path, why_not(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unknown(path, "it is damaged") from error


def file_digests(plan: Plan) -> dict[str, str]:
    """Every file that a plan attaches, and the digest of its content; empty for one that cannot be read."""
    names = {name for subtask in plan.subtasks() for name in subtask.files}
    return {name: file_digest(Path(plan.workspace) / name) for name in sorted(names)}


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; empty when it cannot be read."""
    digest = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except (OSError, TypeError):
        return ""
    return digest.hexdigest()


def _table(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = value.get(name, {})
    return table if isinstance(table, dict) else {}


def _unknown(path: Path, why: str) -> LunaError:
    return LunaError(
        "cannot go on",
        f"{path}: {why}, so where and with which settings it worked is not known",
        f"luna-tui run {path.parent / 'plan.toml'} starts the same plan anew",
        ExitCode.INVALID,
    )
