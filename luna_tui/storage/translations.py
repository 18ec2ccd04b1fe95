"""The languages of the interface, from the catalogues that come with the program."""

from __future__ import annotations

import gettext
import unicodedata
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


def translations(lang: str, *, ascii: bool = False) -> gettext.NullTranslations:
    """The catalogue of a language; English needs none. `ascii`: letters without their accents."""
    kind = _Unaccented if ascii else None
    return gettext.translation(DOMAIN, FOLDER, languages=[lang], fallback=True, class_=kind)


class _Unaccented(gettext.GNUTranslations):
    """For terminals that show ASCII only: `execucao` is read more easily than `execu??o`."""

    def gettext(self, message: str) -> str:
        return _unaccented(super().gettext(message))

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _unaccented(super().ngettext(msgid1, msgid2, n))

    def pgettext(self, context: str, message: str) -> str:
        return _unaccented(super().pgettext(context, message))


def _unaccented(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.replace("º", "o").replace("ª", "a"))
    return "".join(c for c in apart if not unicodedata.combining(c))
