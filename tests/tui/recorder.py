"""Record the run that the pictures show: `make pictures` plays it; record anew only when events change.

`python -m tui.recorder` runs 96 subtasks in five waves against the simulated API in real time (about
six minutes) and writes `tests/journals/nightly.ndjson`, with the texts of each attempt joined to one
record a second.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path

from luna_tui.core.events import Record, SubtaskOutput
from luna_tui.core.prices import Price
from luna_tui.core.records import to_line
from luna_tui.core.words import Mode
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.storage.config import Config
from luna_tui.storage.journal import seal
from luna_tui.storage.plans import load_plan

TARGET = Path(__file__).parent.parent / "journals" / "nightly.ndjson"
WAVES = (
    ("scan", 12, ""),
    ("extract", 64, "scan"),
    ("merge", 9, "extract"),
    ("check", 10, "merge"),
    ("report", 1, "check"),
)
_STREAM_S = 1.0
_SPEED = 0.3
_VERBS = {"scan": "scan", "extract": "doc", "merge": "link", "check": "test", "report": "sum"}


def plan_text() -> str:
    """Five waves over the largest modules of the standard library."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    modules = sorted((p.name for p in stdlib.glob("*.py")), key=lambda n: -(stdlib / n).stat().st_size)[:64]
    lines = [
        "[plan]", 'name = "nightly-docs"', 'goal = "Find dead links and undocumented names"',
        f'workspace = "{stdlib}"', "", "[defaults]", "max_tokens = 900", "timeout = 150", "retries = 2",
    ]  # fmt: skip
    for name, count, before in WAVES:
        lines += ["", "[[wave]]", f'name = "{name}"', "timeout = 400"]
        for n in range(count):
            module = modules[n % len(modules)]
            title = f"{_VERBS[name]}_{module[:-3].strip('_')}"
            lines += [
                "", "[[wave.subtask]]", f'id = "{name}-{n:02d}"', f'title = "{title}"',
                f'files = ["{module}"]',
                f'prompt = "List what {name} finds in {module}.\\n\\n{{{{ files.0 }}}}"',
            ]  # fmt: skip
            if before:
                lines.append(f'depends_on = ["{before}-{n % _count(before):02d}"]')
    return "\n".join(lines) + "\n"


def _count(wave: str) -> int:
    return next(count for name, count, _before in WAVES if name == wave)


def faults() -> tuple[Fault, ...]:
    """One stream that falls silent, two subtasks that are never served, one 429 and a few 529."""
    return (
        Fault(kind=FaultKind.PING_ONLY, match="what extract finds in argparse.py", times=1, after=30),
        Fault(kind=FaultKind.SERVER_ERROR, match="what extract finds in ast.py", times=0),
        Fault(kind=FaultKind.SERVER_ERROR, match="what extract finds in doctest.py", times=0),
        Fault(kind=FaultKind.RATE_LIMIT, match="what extract finds in inspect.py", retry_after=6.0),
        Fault(kind=FaultKind.OVERLOADED, match="what scan finds in enum.py"),
        Fault(kind=FaultKind.CUT, match="what merge finds", times=1, after=12),
    )


def thinned(records: list[Record]) -> list[Record]:
    """Texts of an attempt joined to one record a second; `seq` counts anew."""
    kept: list[Record] = []
    open_at: dict[tuple[str, int], int] = {}
    for record in records:
        event = record.event
        if isinstance(event, SubtaskOutput):
            key = (event.subtask, event.attempt)
            place = open_at.get(key)
            if place is not None and record.at - kept[place].at < _STREAM_S:
                before = kept[place].event
                assert isinstance(before, SubtaskOutput)
                joined = SubtaskOutput(
                    wave=event.wave,
                    subtask=event.subtask,
                    attempt=event.attempt,
                    text=before.text + event.text,
                )
                kept[place] = Record(0, kept[place].at, record.run, joined)
                continue
            open_at[key] = len(kept)
        kept.append(record)
    return [Record(seq, r.at, r.run, r.event) for seq, r in enumerate(kept, 1)]


def main() -> int:
    """Run, thin out, write."""
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nightly.toml"
        path.write_text(plan_text(), encoding="utf-8")
        config = Config(
            provider="simulator", tier="tier3", mode=Mode.AGGRESSIVE, workers=40, retries=2,
            prices={"claude-haiku-5-5": Price(input=1.0, output=5.0)},
        )  # fmt: skip
        session = LiveSession(
            load_plan(path), config, run="20260102-150405-7f3a", listeners=(records.append,),
            simulator=SimulatorChoice(speed=_SPEED, faults=faults()),
        )  # fmt: skip
        session.run()
    lines = [seal(to_line(r)) for r in thinned(records)]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stderr.write(f"{TARGET.name}: {len(lines)} records\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
