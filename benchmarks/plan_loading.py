"""How long a plan takes to load: subtasks made by maps over each kind of item, and the same written out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.measure import Cost, compare, cost_of, options, report
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.plans import load_plan

HEAD = '[plan]\nname = "p"\n[[wave]]\nname = "w"\n'
MAP = (
    '[[wave.map]]\nid = "page-{{ index }}"\ntitle = "Page {{ item.name }}"\n'
    'prompt = "Sum up {{ item.url }} for {{ item.name }}"\n'
)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=100_000, quick_items=200, repeats=3)
    with tempfile.TemporaryDirectory() as folder:
        plans = made(Path(folder), args.items)

        def load(path: Path) -> Cost:
            return cost_of(lambda: load_plan(path))

        results = compare(
            {name: partial(load, path) for name, path in plans.items()},
            items=args.items,
            repeats=args.repeats,
        )
    report(f"A plan of {args.items:,} subtasks", results, as_json=args.json)


def made(folder: Path, count: int) -> dict[str, Path]:
    """Plan files of so many subtasks, by how they are written."""
    rows = [{"url": f"https://example.org/{n}", "name": f"Page {n}"} for n in range(count)]
    (folder / "i.csv").write_text("url,name\n" + "".join(f"{r['url']},{r['name']}\n" for r in rows))
    (folder / "i.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "i.txt").write_text("".join(f"{r['url']}\n" for r in rows))
    lines = MAP.replace("item.url", "item").replace("item.name", "item")
    texts = {
        "csv": HEAD + MAP + 'items = { csv = "i.csv" }\n',
        "jsonl": HEAD + MAP + 'items = { jsonl = "i.jsonl" }\n',
        "lines": HEAD + lines + 'items = { lines = "i.txt" }\n',
    }
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name}.toml"
        paths[name].write_text(text)
    paths["written out"] = folder / "plain.toml"
    paths["written out"].write_text(plan_toml(load_plan(paths["csv"])))
    return paths


if __name__ == "__main__":
    main()
