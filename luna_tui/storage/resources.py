"""Find the files that come with the program: in the installed package, else in the repository."""

from __future__ import annotations

from pathlib import Path

from luna_tui.core.errors import LunaError

_PACKAGE = Path(__file__).resolve().parent.parent


def resource(name: str) -> Path:
    """Path of `themes`, `config.example.toml` or `examples/...`; LunaError when the installation lacks it."""
    for root in (_PACKAGE / "data", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise LunaError("broken installation", f"{name} is missing", "install luna-tui again")
