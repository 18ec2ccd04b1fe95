"""The languages of the interface, from the catalogues that come with the program."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path

DOMAIN = "luna"
FOLDER = Path(__file__).parent.parent / "locale"
_FROM_ENVIRON = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where a person says what they speak, the strongest first; as gettext itself asks."""


def language(chosen: str, environ: Mapping[str, str]) -> str:
    """`en` or `pt_BR`; `chosen` may be `auto`, which asks the environment."""
    if chosen != "auto":
        return chosen
    said = next((environ[name] for name in _FROM_ENVIRON if environ.get(name)), "")
    return "pt_BR" if said.partition(":")[0].lower().startswith("pt") else "en"


def translations(lang: str) -> gettext.NullTranslations:
    """The catalogue of a language; English needs none."""
    return gettext.translation(DOMAIN, FOLDER, languages=[lang], fallback=True)
