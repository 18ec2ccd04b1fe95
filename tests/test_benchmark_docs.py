"""What the documentation shows of the benchmarks is there and well formed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent


def test_the_picture_in_the_readme_exists_and_fetches_nothing() -> None:
    assert "(docs/bench.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    text = (ROOT / "docs" / "bench.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "href" not in text
    assert "@import" not in text


def test_every_benchmark_is_documented() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for path in (ROOT / "benchmarks").glob("*.py"):
        if "def main(argv" in path.read_text(encoding="utf-8"):
            assert f"benchmarks.{path.stem}" in text or f".{path.stem}`" in text, path.stem
