"""Plans a goal with the simulated model, and remembers what was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from luna_tui.core.planning import PlanningRecord
from luna_tui.session import SimulatorChoice
from luna_tui.session.planning import Planning, PlanRequest, Proposal
from luna_tui.simulator.faults import Fault
from luna_tui.storage.config import Config

E = TypeVar("E")
FAST = 200.0


@dataclass
class Told:
    """What a planning told."""

    records: list[PlanningRecord] = field(default_factory=list)

    def __call__(self, record: PlanningRecord) -> None:
        """Take a record."""
        self.records.append(record)

    def all(self, kind: type[E]) -> list[E]:
        """Events of a kind, in order."""
        return [r.event for r in self.records if isinstance(r.event, kind)]


def planning(
    workspace: Path,
    goal: str = "Compare the documents",
    *,
    config: Config | None = None,
    faults: tuple[Fault, ...] = (),
    speed: float = FAST,
    **request: Any,
) -> Planning:
    """A planning that asks the simulator."""
    return Planning(
        PlanRequest(goal=goal, workspace=workspace, **request),
        config or Config(provider="simulator"),
        simulator=SimulatorChoice(speed=speed, faults=faults),
    )


def planned(workspace: Path, goal: str = "Compare the documents", **more: Any) -> tuple[Proposal, Told]:
    """What came of it, and what was told on the way."""
    told = Told()
    return planning(workspace, goal, **more).run(told), told


def ordered(word: str) -> str:
    """A goal whose plan becomes what the word says."""
    return f"Compare the documents\nsimulate: plan={word}"


def documents(folder: Path) -> Path:
    """A workspace with two documents, made in `folder`."""
    workspace = folder / "work"
    (workspace / "docs").mkdir(parents=True)
    (workspace / "docs" / "faq.md").write_text("# Frequent questions\n")
    (workspace / "docs" / "guide.md").write_text("# A guide\n")
    return workspace
