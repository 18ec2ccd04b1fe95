"""What it costs to look for secrets: in short pieces of a stream, and in 1 MB made to be expensive."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.records import TEXT
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.secrets import SHAPES, known_secrets

KEY = "sk-ant-api03-" + "Zx9_kQ2-" * 11 + "AA"
MEGABYTE = 1_000_000
SHOWN = 4
"""Dearest heads that get a line each."""


def pieces(count: int) -> list[str]:
    """Deltas of 1 to 12 characters."""
    rng = random.Random(1)
    text = TEXT * 4
    starts = [rng.randrange(len(text) - 12) for _ in range(count)]
    return [text[start : start + rng.randint(1, 12)] for start in starts]


def stream(redaction: Redaction, given: list[str]) -> Cost:
    """All pieces of one attempt."""
    feed = redaction.redactor().feed

    def body() -> None:
        for piece in given:
            feed(piece)

    return cost_of(body)


def whole(redaction: Redaction, text: str) -> Cost:
    """One text at once."""
    return cost_of(lambda: redaction.text(text))


def hostile() -> dict[str, str]:
    """A name and 1 MB for each way to make the search look twice at every place."""
    unfinished = {f"{head.strip()}…": head + "!" for shape in SHAPES for head in shape.heads}
    texts = {
        "the known key but for its last letter": KEY[:-1] + "!",
        "the known key": KEY + " ",
        "a letter that begins heads": "s",
        "dashes": "-",
    } | unfinished
    return {name: text * (MEGABYTE // len(text)) for name, text in texts.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=50_000, quick_items=500)
    redaction = Redaction(known_secrets({"ANTHROPIC_API_KEY": KEY, "GH_TOKEN": "ghp_" + "a1B2" * 9}))
    given = pieces(args.items)
    cases = {
        "nothing is looked for": lambda: stream(NO_REDACTION, given),
        "two known values and all shapes": lambda: stream(redaction, given),
    }
    results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} deltas", results, as_json=args.json)
    texts = hostile()
    once = {name: whole(redaction, text).wall_s for name, text in texts.items()}
    dearest = sorted(once, key=once.__getitem__, reverse=True)[:SHOWN]
    slow = {name: (lambda text=texts[name]: whole(redaction, text)) for name in dearest}
    results = compare(slow, items=1, repeats=args.repeats)
    report("the dearest of 1 MB each", results, as_json=args.json)


if __name__ == "__main__":
    main()
