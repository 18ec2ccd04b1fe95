"""What it costs to publish an event: alone, for a front end, encoded, and into a journal."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import close_journal, open_journal, scratch_run
from benchmarks.records import events
from luna_tui.core.events import Event, Record
from luna_tui.core.records import to_line
from luna_tui.engine.bus import EventBus, Inbox, Subscriber
from luna_tui.engine.clock import SystemClock


def publish(given: list[Event], *subscribers: Subscriber) -> Cost:
    """Publish all from one thread."""
    bus = EventBus("benchmark", SystemClock())
    for subscriber in subscribers:
        bus.subscribe(subscriber)

    def body() -> None:
        for event in given:
            bus.publish(event)

    return cost_of(body)


def publish_to_journal(given: list[Event]) -> Cost:
    """Publish all, until the last record is durable."""
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)
        bus = EventBus("benchmark", SystemClock())
        bus.subscribe(journal.append)

        def body() -> None:
            for event in given:
                bus.publish(event)
            close_journal(journal)

        return cost_of(body)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=50_000, quick_items=500)
    given = list(events(args.items))
    cases = {
        "publish": lambda: publish(given),
        "publish, inbox": lambda: publish(given, Inbox().put),
        "publish, encode": lambda: publish(given, _encode),
        "publish, journal": lambda: publish_to_journal(given),
    }
    results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} events on the bus", results, as_json=args.json)


def _encode(record: Record) -> None:
    to_line(record)


if __name__ == "__main__":
    main()
