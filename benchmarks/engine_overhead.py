"""What the engine adds to a subtask that does nothing, next to a bare pool of threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import WORKERS, close_journal, noop_plan, open_journal, run_noops, scratch_run


def bare_pool(count: int) -> Cost:
    """The standard library's pool: no events, deadlines, cancellation or journal."""

    def body() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for future in [pool.submit(lambda: "x") for _ in range(count)]:
                future.result()

    return cost_of(body)


def engine_alone(count: int) -> Cost:
    """The engine with events that nobody reads."""
    plan = noop_plan(count)
    return cost_of(lambda: run_noops(plan))


def engine_with_journal(count: int, *, waits: bool) -> Cost:
    """The engine with a journal, until the last record is durable; in a run each start is waited for."""
    plan = noop_plan(count)

    def body() -> None:
        journal = open_journal(run_dir)
        settle = journal.wait_saved if waits else lambda _: True
        run_noops(plan, subscribers=(journal.append,), settle=settle)
        close_journal(journal)

    with scratch_run() as run_dir:
        return cost_of(body)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(str(__doc__), argv, items=10_000, quick_items=200)
    cases = {
        f"ThreadPoolExecutor({WORKERS})": lambda: bare_pool(args.items),
        "engine": lambda: engine_alone(args.items),
        "engine and journal": lambda: engine_with_journal(args.items, waits=False),
        "each start on disk first": lambda: engine_with_journal(args.items, waits=True),
    }
    results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} subtasks that do nothing, {WORKERS} workers", results, as_json=args.json)


if __name__ == "__main__":
    main()
